//! `escape_url_path`

use crate::spec::{Example, Method, Run};
use crate::url;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "escape_url_path",
    category: "strings",
    summary: "The text as a segment of the path of a URL.",
    examples: &[Example {
        mapping: "root.escaped = this.value.escape_url_path()",
        cases: &[(r#"{"value":"foo & bar"}"#, r#"{"escaped":"foo%20&%20bar"}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(url::escape(target.as_text()?, url::Part::Segment)))),
    ..Method::CORE
};
