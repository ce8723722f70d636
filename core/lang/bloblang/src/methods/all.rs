//! `all`

use super::any::{decide, quick_decide};
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};

pub(super) static SPEC: Method = Method {
    name: "all",
    category: "objects and arrays",
    summary: "Whether a test holds for all elements of an array. For an empty array it is false.",
    params: Params::Fixed(&[Param::new("test", Kind::Query, "Evaluated for each element.")]),
    examples: &[Example {
        mapping: "root.all_over_21 = this.patrons.all(patron -> patron.age >= 21)",
        cases: &[
            (r#"{"patrons":[{"age":18},{"age":23}]}"#, r#"{"all_over_21":false}"#),
            (r#"{"patrons":[{"age":45},{"age":23}]}"#, r#"{"all_over_21":true}"#),
        ],
    }],
    run: Run::Lambda(|target, args, cx| decide(&target, args, cx, false)),
    quick: Hook::Each(|target, call, record| quick_decide(target, call, record, false)),
    ..Method::CORE
};
