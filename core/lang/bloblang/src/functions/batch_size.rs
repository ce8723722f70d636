//! `batch_size`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "batch_size",
    category: "message info",
    summary: "Number of messages in the batch.",
    examples: &[Example { mapping: "root.n = batch_size()", cases: &[("{}", r#"{"n":1}"#)] }],
    run: RunFn::Simple(|_, cx| Ok(Val::count(cx.ex.batch_size()))),
    ..Function::BASE
};
