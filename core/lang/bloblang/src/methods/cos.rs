//! `cos`

use crate::elementary;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "cos",
    category: "numbers",
    summary: "The cosine of an angle in radians.",
    examples: &[Example {
        mapping: "root.v = (this.v * (pi() / 180)).cos()",
        cases: &[(r#"{"v":180}"#, r#"{"v":-1}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::float(elementary::cos(target.as_float()?)))),
    ..Method::PLUGIN
};
