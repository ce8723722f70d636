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
    run: RunFn::Read(|args, setup| {
        let text = setup.services.env_var(&args.str(0));
        Ok(text.map_or(Val::NULL, Val::text))
    }),
    ..Function::BASE
};
