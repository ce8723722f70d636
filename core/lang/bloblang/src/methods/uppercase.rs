//! `uppercase`

use super::text_method;
use crate::cases;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "uppercase",
    category: "strings",
    summary: "The text in capital letters.",
    examples: &[Example {
        mapping: "root.foo = this.foo.uppercase()",
        cases: &[(r#"{"foo":"hello world"}"#, r#"{"foo":"HELLO WORLD"}"#)],
    }],
    run: Run::Simple(|target, _| text_method(&target, cases::uppercase)),
    ..Method::CORE
};
