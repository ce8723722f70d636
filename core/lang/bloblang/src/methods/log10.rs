//! `log10`

use super::round::number;
use crate::elementary;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "log10",
    category: "numbers",
    summary: "The decimal logarithm.",
    examples: &[Example {
        mapping: "root.v = this.v.log10()",
        cases: &[(r#"{"v":1000}"#, r#"{"v":3}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::float(elementary::log10(number(&target)?.float())))),
    ..Method::CORE
};
