//! `timestamp_unix_micro`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "timestamp_unix_micro",
    category: "environment",
    summary: "The current time in microseconds since the start of 1970.",
    examples: &[Example {
        mapping: "root.recent = timestamp_unix_micro() > 1600000000000000",
        cases: &[("{}", r#"{"recent":true}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| Ok(Val::int(super::wall(cx, 1_000)))),
    ..Function::BASE
};
