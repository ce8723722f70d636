//! `escape_url_query`

use crate::spec::{Example, Method, Run};
use crate::url;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "escape_url_query",
    category: "strings",
    summary: "The text as part of the query of a URL.",
    examples: &[Example {
        mapping: "root.escaped = this.value.escape_url_query()",
        cases: &[(r#"{"value":"foo & bar"}"#, r#"{"escaped":"foo+%26+bar"}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(url::escape(target.as_text()?, url::Part::Query)))),
    ..Method::CORE
};
