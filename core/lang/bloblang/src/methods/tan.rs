//! `tan`

use crate::elementary;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "tan",
    category: "numbers",
    summary: "The tangent of an angle in radians.",
    examples: &[Example {
        mapping: "root.v = this.v.tan()",
        cases: &[(r#"{"v":1}"#, r#"{"v":1.557407724654902}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::float(elementary::tan(target.as_float()?)))),
    ..Method::PLUGIN
};
