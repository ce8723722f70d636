//! `floor`

use formats::value::Value;

use super::round::{quick_rounded, rounded};
use crate::spec::{Example, Hook, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "floor",
    category: "numbers",
    summary: "The largest whole number that is not above the target.",
    examples: &[Example {
        mapping: "root.new_value = this.value.floor()",
        cases: &[
            (r#"{"value":5.7}"#, r#"{"new_value":5}"#),
            (r#"{"value":-1.2}"#, r#"{"new_value":-2}"#),
        ],
    }],
    run: Run::Simple(|target, _| rounded(&target, f64::floor).map(Value::into)),
    quick: Hook::Fixed(|target, _, _| quick_rounded(target, f64::floor)),
    ..Method::CORE
};
