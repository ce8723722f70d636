//! `log`

use super::round::number;
use crate::elementary;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "log",
    category: "numbers",
    summary: "The natural logarithm.",
    examples: &[Example {
        mapping: "root.v = this.v.log()",
        cases: &[(r#"{"v":10}"#, r#"{"v":2.302585092994046}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::float(elementary::ln(number(&target)?.float())))),
    ..Method::CORE
};
