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
    quick: Some(|target, _, tools| {
        let text = target.text()?;
        if !text.is_ascii() {
            return Some(target.like(tools.keep(&cases::lowercase(text))));
        }
        let copy = tools.bump.alloc_slice_copy(text);
        copy.make_ascii_lowercase();
        Some(target.like(copy))
    }),
    ..Method::CORE
};
