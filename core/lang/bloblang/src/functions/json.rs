//! `json`

use crate::eval::walk;
use crate::node::split_path;
use crate::number::Num;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "json",
    category: "message info",
    summary: "The document of the message, or a field of it. Unlike `this` it is always the whole \
              message, also within other contexts, and follows `from`.",
    params: Params::Fixed(&[Param::new(
        "path",
        Kind::String,
        "Path of a field with dots; empty for the whole document.",
    )
    .or(Absent::Str(""))]),
    examples: &[
        Example {
            mapping: "root.mapped = json(\"foo.bar\")",
            cases: &[(r#"{"foo":{"bar":"hello"}}"#, r#"{"mapped":"hello"}"#)],
        },
        Example {
            mapping: "root.doc = json()",
            cases: &[(r#"{"b":1,"a":2}"#, r#"{"doc":{"a":2,"b":1}}"#)],
        },
    ],
    reads_document: true,
    annotation: Some(|args| Some(format!("json path `{}`", args.str(0)))),
    run: RunFn::Simple(|args, cx| {
        let path = split_path(args.text(0));
        let value = match cx.ex.raw_json(&path) {
            Some(value) => value,
            None => walk(&cx.ex.json()?, &path),
        };
        // A number that is the whole result is computed with already, unlike those within one.
        Ok(match Num::of(&value) {
            Some(number) => Val::Data(number.into()),
            None => value.into(),
        })
    }),
    ..Function::BASE
};
