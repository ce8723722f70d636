//! `root_meta`

use super::meta_texts;
use crate::error::Error;
use crate::spec::{Absent, Example, Function, Kind, Param, Params, RunFn};

pub(super) static SPEC: Function = Function {
    name: "root_meta",
    category: "deprecated",
    summary: "Metadata of the message as the mapping has changed it so far, as texts: the value of \
              a key, null where it is missing or empty, or without a key all of it. Use `@`.",
    params: Params::Fixed(&[
        Param::new("key", Kind::String, "A key; empty for all.").or(Absent::Str(""))
    ]),
    examples: &[Example {
        mapping: "meta a = 1\nroot.all = root_meta()\nroot.b = root_meta(\"b\")",
        cases: &[("{}", r#"{"all":{"a":"1"},"b":null}"#)],
    }],
    deprecated: true,
    annotation: Some(|args| super::meta_annotation("root_meta", args)),
    run: RunFn::Simple(|args, cx| {
        let meta = cx.ex.meta_out();
        let meta =
            meta.map_err(|_| Error::new("root metadata cannot be queried in this context"))?;
        Ok(meta_texts(meta, &args.str(0)))
    }),
    ..Function::BASE
};
