//! `has_prefix`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "has_prefix",
    category: "strings",
    summary: "Whether the text begins with another.",
    params: Params::Fixed(&[Param::new("value", Kind::String, "The text to look for.")]),
    examples: &[Example {
        mapping: r#"root.found = this.v.has_prefix("foo")"#,
        cases: &[
            (r#"{"v":"foobar"}"#, r#"{"found":true}"#),
            (r#"{"v":"barfoo"}"#, r#"{"found":false}"#),
        ],
    }],
    run: Run::Simple(|target, args| Ok(Val::bool(target.as_text()?.starts_with(args.text(0))))),
    ..Method::CORE
};
