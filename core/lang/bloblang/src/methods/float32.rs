//! `float32`

use formats::value::Value;

use crate::casts;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "float32",
    category: "numbers",
    summary: "The number, or the number in a text, as a floating point number of 32 bits.",
    examples: &[Example {
        mapping: "root.out = this.in.float32()",
        cases: &[(r#"{"in":"6.674282313423543523453425345e-11"}"#, r#"{"out":6.674283e-11}"#)],
    }],
    run: Run::Simple(|target, _| {
        casts::to_float32(&target).map(|x| Val::Narrow(Value::Float32(x)))
    }),
    ..Method::PLUGIN
};
