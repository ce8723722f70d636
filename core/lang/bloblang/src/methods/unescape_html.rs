//! `unescape_html`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "unescape_html",
    category: "strings",
    summary: "The text with the entities of HTML as the characters they stand for.",
    examples: &[Example {
        mapping: "root.unescaped = this.value.unescape_html()",
        cases: &[(r#"{"value":"foo &amp; bar"}"#, r#"{"unescaped":"foo & bar"}"#)],
    }],
    run: Run::Simple(|target, _| {
        Ok(Val::text(
            htmlize::unescape_bytes_in(target.as_text()?, htmlize::Context::General).into_owned(),
        ))
    }),
    ..Method::CORE
};
