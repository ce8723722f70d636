//! `min`

use super::max::{best, quick_best};
use crate::spec::{Example, Hook, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "min",
    category: "numbers",
    summary: "The smallest of the numbers in an array.",
    examples: &[Example {
        mapping: "root.smallest = this.values.min()",
        cases: &[(r#"{"values":[0,3,-2.5,7,5]}"#, r#"{"smallest":-2.5}"#)],
    }],
    run: Run::Simple(|target, _| best(&target, |a, b| a < b)),
    quick: Hook::Fixed(|target, _, tools| quick_best(target, tools, |a, b| a < b)),
    ..Method::CORE
};
