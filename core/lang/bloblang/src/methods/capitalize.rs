//! `capitalize`

use super::text_method;
use crate::spec::{Example, Hook, Method, Run};
use crate::titles::{ascii_title, title};

pub(super) static SPEC: Method = Method {
    name: "capitalize",
    category: "strings",
    summary: "The text with every word begun by a capital and continued in small letters.",
    examples: &[Example {
        mapping: "root.title = this.title.capitalize()",
        cases: &[(r#"{"title":"the foo bar"}"#, r#"{"title":"The Foo Bar"}"#)],
    }],
    run: Run::Simple(|target, _| text_method(&target, title)),
    quick: Hook::Fixed(|target, _, tools| {
        let text = target.text()?;
        if !text.is_ascii() {
            return Some(target.like(tools.keep(&title(text))));
        }
        let copy = tools.bump.alloc_slice_copy(text);
        ascii_title(copy);
        Some(target.like(copy))
    }),
    ..Method::CORE
};
