//! `meta`

use super::meta_texts;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, RunFn};

pub(super) static SPEC: Function = Function {
    name: "meta",
    category: "deprecated",
    summary: "Metadata of the message as it came in, as texts: the value of a key, null where it \
              is missing or empty, or without a key all of it. Use `metadata` or `@`.",
    params: Params::Fixed(&[
        Param::new("key", Kind::String, "A key; empty for all.").or(Absent::Str(""))
    ]),
    examples: &[Example {
        mapping: "root.topic = meta(\"nope\") | \"default\"",
        cases: &[("{}", r#"{"topic":"default"}"#)],
    }],
    deprecated: true,
    annotation: Some(|args| super::meta_annotation("meta", args)),
    run: RunFn::Simple(|args, cx| Ok(meta_texts(cx.ex.meta_in(), &args.str(0)))),
    ..Function::BASE
};
