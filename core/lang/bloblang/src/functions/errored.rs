//! `errored`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "errored",
    category: "message info",
    summary: "Whether an earlier processor failed on the message.",
    examples: &[Example { mapping: "root.e = errored()", cases: &[("{}", r#"{"e":false}"#)] }],
    run: RunFn::Simple(|_, cx| Ok(Val::bool(cx.ex.fault().is_some()))),
    ..Function::BASE
};
