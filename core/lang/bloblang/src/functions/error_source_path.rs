//! `error_source_path`

use crate::spec::{Example, Function, RunFn};

pub(super) static SPEC: Function = Function {
    name: "error_source_path",
    category: "message info",
    summary: "The path in the configuration of the component that an earlier error of the message \
              came from; null when there is no error or it came from no component.",
    examples: &[Example {
        mapping: "root.path = error_source_path()",
        cases: &[("{}", r#"{"path":null}"#)],
    }],
    run: RunFn::Simple(|_, cx| Ok(super::error_source(cx, |fault| &fault.path))),
    ..Function::BASE
};
