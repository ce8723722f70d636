//! `capitalize`

use super::text_method;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "capitalize",
    category: "strings",
    summary: "The text with every word begun by a capital and continued in small letters.",
    examples: &[Example {
        mapping: "root.title = this.title.capitalize()",
        cases: &[(r#"{"title":"the foo bar"}"#, r#"{"title":"The Foo Bar"}"#)],
    }],
    run: Run::Simple(|target, _| text_method(&target, crate::titles::title)),
    ..Method::CORE
};
