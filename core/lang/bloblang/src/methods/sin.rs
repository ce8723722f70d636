//! `sin`

use crate::elementary;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "sin",
    category: "numbers",
    summary: "The sine of an angle in radians.",
    examples: &[Example {
        mapping: "root.v = (this.v * (pi() / 180)).sin()",
        cases: &[(r#"{"v":45}"#, r#"{"v":0.7071067811865475}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::float(elementary::sin(target.as_float()?)))),
    ..Method::PLUGIN
};
