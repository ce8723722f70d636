//! `ceil`

use formats::value::Value;

use super::round::rounded;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "ceil",
    category: "numbers",
    summary: "The smallest whole number that is not below the target.",
    examples: &[Example {
        mapping: "root.new_value = this.value.ceil()",
        cases: &[
            (r#"{"value":5.3}"#, r#"{"new_value":6}"#),
            (r#"{"value":-5.9}"#, r#"{"new_value":-5}"#),
        ],
    }],
    run: Run::Simple(|target, _| rounded(&target, f64::ceil).map(Value::into)),
    ..Method::CORE
};
