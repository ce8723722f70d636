//! `timestamp_unix`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::time::NS_PER_S;
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "timestamp_unix",
    category: "environment",
    summary: "The current time in seconds since the start of 1970.",
    examples: &[Example {
        mapping: "root.recent = timestamp_unix() > 1600000000",
        cases: &[("{}", r#"{"recent":true}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| Ok(Val::int(super::wall(cx, NS_PER_S)))),
    ..Function::BASE
};
