//! `unescape_url_path`

use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::url;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "unescape_url_path",
    category: "strings",
    summary: "The text that a segment of the path of a URL stands for.",
    examples: &[Example {
        mapping: "root.unescaped = this.value.unescape_url_path()",
        cases: &[(r#"{"value":"foo%20&%20bar"}"#, r#"{"unescaped":"foo & bar"}"#)],
    }],
    run: Run::Simple(|target, _| {
        Ok(Val::text(url::unescape(target.as_text()?, url::Part::Segment).map_err(Error::new)?))
    }),
    ..Method::CORE
};
