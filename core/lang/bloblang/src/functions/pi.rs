//! `pi`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "pi",
    category: "general",
    summary: "The ratio of a circle's circumference to its diameter.",
    examples: &[Example {
        mapping: "root.radians = this.degrees * (pi() / 180)",
        cases: &[(r#"{"degrees":45}"#, r#"{"radians":0.7853981633974483}"#)],
    }],
    purity: Purity::Pure,
    run: RunFn::Simple(|_, _| Ok(Val::float(std::f64::consts::PI))),
    ..Function::BASE
};
