//! `hostname`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "hostname",
    category: "environment",
    summary: "The name of the host that the process runs on.",
    examples: &[Example {
        mapping: "root.kind = hostname().type()",
        cases: &[("{}", r#"{"kind":"string"}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| Ok(Val::text(cx.ex.services().hostname()))),
    ..Function::BASE
};
