//! `replace`

use crate::spec::{Example, Kind, Method, Param, Params};

pub(super) static SPEC: Method = Method {
    name: "replace",
    category: "strings",
    summary: "The text with every occurrence of a part replaced. An old name of replace_all.",
    params: Params::Fixed(&[
        Param::new("old", Kind::String, "The part to replace."),
        Param::new("new", Kind::String, "What takes its place."),
    ]),
    examples: &[Example {
        mapping: r#"root.new_value = this.value.replace("foo","dog")"#,
        cases: &[(r#"{"value":"The foo ate my foo"}"#, r#"{"new_value":"The dog ate my dog"}"#)],
    }],
    run: super::replace_all::SPEC.run,
    ..Method::CORE
};
