//! `error_source_label`

use crate::spec::{Example, Function, RunFn};

pub(super) static SPEC: Function = Function {
    name: "error_source_label",
    category: "message info",
    summary: "The label of the component that an earlier error of the message came from, which \
              may be empty; null when there is no error or it came from no component.",
    examples: &[Example {
        mapping: "root.label = error_source_label()",
        cases: &[("{}", r#"{"label":null}"#)],
    }],
    run: RunFn::Simple(|_, cx| Ok(super::error_source(cx, |fault| &fault.label))),
    ..Function::BASE
};
