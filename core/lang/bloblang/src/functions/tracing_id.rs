//! `tracing_id`

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

/// The identifier that stands for no trace.
const NO_TRACE: &str = "00000000000000000000000000000000";

pub(super) static SPEC: Function = Function {
    name: "tracing_id",
    category: "message info",
    summary: "The identifier of the trace that the message belongs to, in hexadecimal digits; \
              zeros when it belongs to none. Messages carry no traces inside of this engine.",
    examples: &[Example {
        mapping: "root.trace = tracing_id()",
        cases: &[("{}", r#"{"trace":"00000000000000000000000000000000"}"#)],
    }],
    run: RunFn::Simple(|_, _| Ok(Val::text(NO_TRACE))),
    ..Function::BASE
};
