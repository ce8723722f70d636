//! `replace_many`

use crate::spec::{Example, Kind, Method, Param, Params};

pub(super) static SPEC: Method = Method {
    name: "replace_many",
    category: "strings",
    summary: "The text with several parts replaced. An old name of replace_all_many.",
    params: Params::Fixed(&[Param::new(
        "values",
        Kind::Array,
        "Parts and what takes their place, in turns.",
    )]),
    examples: &[Example {
        mapping: r#"root.new_value = this.value.replace_many(["one", "two"])"#,
        cases: &[(r#"{"value":"one one"}"#, r#"{"new_value":"two two"}"#)],
    }],
    run: super::replace_all_many::SPEC.run,
    ..Method::CORE
};
