//! `var`

use crate::error::Error;
use crate::spec::{Example, Function, Kind, Param, Params, RunFn};

pub(super) static SPEC: Function = Function {
    name: "var",
    category: "general",
    summary: "The value of a variable, by a name that may be computed. Written `$name` where the \
              name is fixed.",
    params: Params::Fixed(&[Param::new("name", Kind::String, "Name of the variable.")]),
    examples: &[Example {
        mapping: "let a = 5\nroot.v = var(this.name)",
        cases: &[(r#"{"name":"a"}"#, r#"{"v":5}"#)],
    }],
    annotation: Some(|args| Some(format!("variable {}", args.str(0)))),
    run: RunFn::Simple(|args, cx| {
        let name = args.str(0);
        match cx.ex.var(&name)? {
            Some(val) => Ok(val.clone()),
            None => Err(Error::new(format!("variable '{name}' undefined"))),
        }
    }),
    ..Function::BASE
};
