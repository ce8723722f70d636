//! `unquote`

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "unquote",
    category: "strings",
    summary: "The text that a quoted literal stands for: in double quotes with escapes, in back \
              quotes as it is, or one character in single quotes.",
    examples: &[Example {
        mapping: "root.unquoted = this.thing.unquote()",
        cases: &[
            (r#"{"thing":"\"foo\\nbar\""}"#, r#"{"unquoted":"foo\nbar"}"#),
            (
                r#"{"thing":"foo"}"#,
                "error: failed assignment (line 1): field `this.thing`: invalid syntax",
            ),
        ],
    }],
    run: Run::Simple(|target, _| match crate::quoted::unquote(target.as_text()?) {
        Some(text) => Ok(Val::text(text)),
        None => Err(Error::new("invalid syntax")),
    }),
    ..Method::CORE
};
