//! `escape_html`

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "escape_html",
    category: "strings",
    summary: "The text with the characters that mean something in HTML escaped.",
    examples: &[Example {
        mapping: "root.escaped = this.value.escape_html()",
        cases: &[(r#"{"value":"foo & bar"}"#, r#"{"escaped":"foo &amp; bar"}"#)],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let text = target.as_text()?;
    let mut out = Vec::with_capacity(text.len() + 16);
    for &byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'"' => out.extend_from_slice(b"&#34;"),
            _ => out.push(byte),
        }
    }
    Ok(Val::text(out))
}
