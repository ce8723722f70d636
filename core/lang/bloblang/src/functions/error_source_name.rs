//! `error_source_name`

use crate::spec::{Example, Function, RunFn};

pub(super) static SPEC: Function = Function {
    name: "error_source_name",
    category: "message info",
    summary: "The name of the component that an earlier error of the message came from, such as \
              `mapping`; null when there is no error or it came from no component.",
    examples: &[Example {
        mapping: "root.name = error_source_name()",
        cases: &[("{}", r#"{"name":null}"#)],
    }],
    run: RunFn::Simple(|_, cx| Ok(super::error_source(cx, |fault| &fault.name))),
    ..Function::BASE
};
