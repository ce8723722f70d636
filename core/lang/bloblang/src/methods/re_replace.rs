//! `re_replace`

use crate::spec::{Example, Kind, Method, Param, Params};

pub(super) static SPEC: Method = Method {
    name: "re_replace",
    category: "regular expressions",
    summary: "The text with every match of a regular expression replaced. An old name of \
              re_replace_all.",
    params: Params::Fixed(&[
        Param::new("pattern", Kind::String, "The expression."),
        Param::new("value", Kind::String, "What takes the place of a match."),
    ]),
    examples: &[Example {
        mapping: r#"root.new_value = this.value.re_replace("ADD ([0-9]+)","+($1)")"#,
        cases: &[(r#"{"value":"foo ADD 70"}"#, r#"{"new_value":"foo +(70)"}"#)],
    }],
    run: super::re_replace_all::SPEC.run,
    ..Method::CORE
};
