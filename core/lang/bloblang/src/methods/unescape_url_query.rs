//! `unescape_url_query`

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::url;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "unescape_url_query",
    category: "strings",
    summary: "The text that a part of the query of a URL stands for.",
    examples: &[Example {
        mapping: "root.unescaped = this.value.unescape_url_query()",
        cases: &[(r#"{"value":"foo+%26+bar"}"#, r#"{"unescaped":"foo & bar"}"#)],
    }],
    run: Run::Simple(|target, _| {
        Ok(Val::text(url::unescape(target.as_text()?, url::Part::Query).map_err(Error::new)?))
    }),
    ..Method::CORE
};
