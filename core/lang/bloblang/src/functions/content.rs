//! `content`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "content",
    category: "message info",
    summary: "The payload of the message as bytes, whatever its form.",
    examples: &[
        Example {
            mapping: "root.doc = content().string()",
            cases: &[(r#"{"foo": "bar"}"#, r#"{"doc":"{\"foo\": \"bar\"}"}"#)],
        },
        Example { mapping: "root = content().uppercase()", cases: &[("raw text", "RAW TEXT")] },
    ],
    run: RunFn::Simple(|_, cx| Ok(Val::bytes(cx.ex.content().as_ref()))),
    ..Function::BASE
};
