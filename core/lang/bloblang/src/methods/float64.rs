//! `float64`

use crate::casts;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "float64",
    category: "numbers",
    summary: "The number, or the number in a text, as a floating point number of 64 bits.",
    examples: &[Example {
        mapping: "root.out = this.in.float64()",
        cases: &[(
            r#"{"in":"6.674282313423543523453425345e-11"}"#,
            r#"{"out":6.674282313423544e-11}"#,
        )],
    }],
    run: Run::Simple(|target, _| casts::to_float(&target).map(Val::float)),
    ..Method::PLUGIN
};
