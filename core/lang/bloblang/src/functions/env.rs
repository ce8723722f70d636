//! `env`

use crate::spec::{Absent, Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "env",
    category: "environment",
    summary: "An environment variable of the process, or null when it is not set. It is read once, \
              when the mapping is parsed, unless that is switched off.",
    params: Params::Fixed(&[
        Param::new("name", Kind::String, "Name of the variable."),
        Param::new("no_cache", Kind::Bool, "Read it for each message.").or(Absent::Bool(false)),
    ]),
    examples: &[Example {
        mapping: "root.v = env(\"A_VARIABLE_THAT_NOBODY_SETS\") | \"unset\"",
        cases: &[("{}", r#"{"v":"unset"}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Prepared(|args, setup| {
        let name = args.str(0).into_owned();
        if args.bool(1) {
            return Ok(Box::new(move |cx| Ok(read(cx.ex.services().env_var(&name)))));
        }
        let val = read(setup.services.env_var(&name));
        Ok(Box::new(move |_| Ok(val.clone())))
    }),
    ..Function::BASE
};

fn read(text: Option<String>) -> Val {
    text.map_or(Val::NULL, Val::text)
}
