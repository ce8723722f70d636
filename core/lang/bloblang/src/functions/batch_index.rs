//! `batch_index`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "batch_index",
    category: "message info",
    summary: "Position of the message in its batch, from 0.",
    examples: &[Example {
        mapping: "root = if batch_index() > 0 { deleted() } else { this }",
        cases: &[(r#"{"a":1}"#, r#"{"a":1}"#)],
    }],
    run: RunFn::Simple(|_, cx| Ok(Val::count(cx.ex.batch_index()))),
    ..Function::BASE
};
