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
    quick: Some(|target, _, tools| {
        let text = target.text()?;
        if !text.is_ascii() {
            return Some(target.like(tools.keep(&cases::uppercase(text))));
        }
        let copy = tools.bump.alloc_slice_copy(text);
        copy.make_ascii_uppercase();
        Some(target.like(copy))
    }),
    ..Method::CORE
};
