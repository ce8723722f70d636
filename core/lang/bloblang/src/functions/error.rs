//! `error`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "error",
    category: "message info",
    summary: "Why an earlier processor failed on the message, as text, or null when none did.",
    examples: &[Example {
        mapping: "root.why = error() | \"all is well\"",
        cases: &[("{}", r#"{"why":"all is well"}"#)],
    }],
    run: RunFn::Simple(|_, cx| {
        Ok(cx.ex.fault().map_or(Val::NULL, |fault| Val::text(fault.text.as_str())))
    }),
    ..Function::BASE
};
