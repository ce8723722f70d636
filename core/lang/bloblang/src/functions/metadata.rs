//! `metadata`

use crate::exec::meta_object;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "metadata",
    category: "message info",
    summary: "Metadata of the message as it came in: the value of a key, null where it is missing, \
              or without a key all of it. What the mapping changed is read by `@`.",
    params: Params::Fixed(&[
        Param::new("key", Kind::String, "A key; empty for all.").or(Absent::Str(""))
    ]),
    examples: &[Example {
        mapping: "root.topic = metadata(\"kafka_topic\")\nroot.all = metadata()",
        cases: &[("{}", r#"{"all":{},"topic":null}"#)],
    }],
    annotation: Some(|args| super::meta_annotation("metadata", args)),
    run: RunFn::Simple(|args, cx| {
        let meta = cx.ex.meta_in();
        Ok(match &*args.str(0) {
            "" => meta_object(meta),
            key => meta.and_then(|m| m.get(key)).map_or(Val::NULL, |v| v.clone().into()),
        })
    }),
    ..Function::BASE
};
