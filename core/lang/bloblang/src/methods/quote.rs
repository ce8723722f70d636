//! `quote`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "quote",
    category: "strings",
    summary: "The text as a literal in double quotes, with escapes for what cannot be printed.",
    examples: &[Example {
        mapping: "root.quoted = this.thing.quote()",
        cases: &[(r#"{"thing":"foo\nbar"}"#, r#"{"quoted":"\"foo\\nbar\""}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(crate::go_format::quote(target.as_text()?)))),
    ..Method::CORE
};
