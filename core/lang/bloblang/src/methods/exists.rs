//! `exists`

use formats::value::Value;

use crate::node::{Seg, split_path};
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "exists",
    category: "objects and arrays",
    summary: "Whether there is a field at a path, be it null.",
    params: Params::Fixed(&[Param::new("path", Kind::String, "Path with dots.")]),
    examples: &[Example {
        mapping: "root.result = this.foo.exists(\"bar.baz\")",
        cases: &[
            (r#"{"foo":{"bar":{"baz":null}}}"#, r#"{"result":true}"#),
            (r#"{"foo":{"bar":{}}}"#, r#"{"result":false}"#),
        ],
    }],
    run: Run::Prepared(|args| {
        let mut path = split_path(args.text(0));
        if path.is_empty() {
            path.push(Seg::new(b""));
        }
        Ok(Box::new(move |target| {
            Ok(Val::bool(target.value().is_some_and(|value| exists(value, &path))))
        }))
    }),
    ..Method::CORE
};

fn exists(value: &Value, path: &[Seg]) -> bool {
    let Some((seg, rest)) = path.split_first() else { return true };
    match value {
        Value::Object(object) => object.get(seg.key.as_bytes()).is_some_and(|v| exists(v, rest)),
        Value::Array(items) if seg.star => items.iter().any(|item| exists(item, rest)),
        Value::Array(items) => {
            seg.index.and_then(|i| items.get(i)).is_some_and(|item| exists(item, rest))
        }
        _ => false,
    }
}
