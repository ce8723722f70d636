//! `bytes`

use crate::fast::scalar::Scalar;
use crate::spec::{Example, Method, Run};
use crate::text;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "bytes",
    category: "coercion",
    summary: "The text of any value as raw bytes; bytes stay as they are.",
    examples: &[Example {
        mapping: "root.first = this.name.bytes().index(0)",
        cases: &[(r#"{"name":"foobar"}"#, r#"{"first":102}"#)],
    }],
    walks: true,
    run: Run::Simple(|target, _| Ok(Val::bytes(text::of(&target)))),
    quick: Some(|target, _, _| match target {
        Scalar::Str(text) | Scalar::Bytes(text) | Scalar::Number(text) => Some(Scalar::Bytes(text)),
        _ => None,
    }),
    ..Method::CORE
};
