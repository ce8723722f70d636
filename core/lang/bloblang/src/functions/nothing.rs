//! `nothing`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "nothing",
    category: "general",
    summary: "A mark that leaves its place as it is: an assignment of it does not happen.",
    examples: &[Example {
        mapping: "root.a = 1\nroot.a = if this.b { 2 } else { nothing() }",
        cases: &[(r#"{"b":true}"#, r#"{"a":2}"#), (r#"{"b":false}"#, r#"{"a":1}"#)],
    }],
    purity: Purity::Pure,
    annotation: Some(|_| Some("nothing".into())),
    run: RunFn::Simple(|_, _| Ok(Val::Nothing)),
    ..Function::BASE
};
