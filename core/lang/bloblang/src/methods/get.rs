//! `get`

use crate::eval::walk;
use crate::node::{Seg, split_path};
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "get",
    category: "objects and arrays",
    summary: "The field at a path that may be computed, or null when there is none.",
    params: Params::Fixed(&[Param::new("path", Kind::String, "Path with dots.")]),
    examples: &[Example {
        mapping: "root.result = this.foo.get(this.target)",
        cases: &[
            (r#"{"foo":{"bar":"from bar"},"target":"bar"}"#, r#"{"result":"from bar"}"#),
            (r#"{"foo":{},"target":"bar"}"#, r#"{"result":null}"#),
            (r#"{"foo":{"":1},"target":""}"#, r#"{"result":1}"#),
        ],
    }],
    annotation: Some(|target, args| target.extended(&String::from_utf8_lossy(args.opt_text(0)?))),
    run: Run::Prepared(|args| {
        let mut path = split_path(args.text(0));
        if path.is_empty() {
            // An empty path is that of the member without a name.
            path.push(Seg::new(b""));
        }
        Ok(Box::new(move |target| match target.value() {
            Some(value) => Ok(walk(value, &path).into()),
            None => Ok(Val::NULL),
        }))
    }),
    ..Method::CORE
};
