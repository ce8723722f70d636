//! `has_suffix`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "has_suffix",
    category: "strings",
    summary: "Whether the text ends with another.",
    params: Params::Fixed(&[Param::new("value", Kind::String, "The text to look for.")]),
    examples: &[Example {
        mapping: r#"root.found = this.v.has_suffix("foo")"#,
        cases: &[
            (r#"{"v":"foobar"}"#, r#"{"found":false}"#),
            (r#"{"v":"barfoo"}"#, r#"{"found":true}"#),
        ],
    }],
    run: Run::Simple(|target, args| Ok(Val::bool(target.as_text()?.ends_with(args.text(0))))),
    ..Method::CORE
};
