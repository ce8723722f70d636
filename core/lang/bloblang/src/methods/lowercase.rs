//! `lowercase`

use super::text_method;
use crate::cases;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "lowercase",
    category: "strings",
    summary: "The text in small letters.",
    examples: &[Example {
        mapping: "root.foo = this.foo.lowercase()",
        cases: &[(r#"{"foo":"HELLO WORLD"}"#, r#"{"foo":"hello world"}"#)],
    }],
    run: Run::Simple(|target, _| text_method(&target, cases::lowercase)),
    ..Method::CORE
};
