//! `tracing_span`

use formats::value::Object;

use crate::spec::{Example, Function, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "tracing_span",
    category: "message info",
    summary: "The tracing span of the message as an object of the headers that carry it on, such \
              as `traceparent`; empty when there is none. Messages carry no spans inside of this \
              engine.",
    examples: &[Example {
        mapping: "root.span = tracing_span()\nroot.parent = tracing_span().traceparent",
        cases: &[("{}", r#"{"parent":null,"span":{}}"#)],
    }],
    run: RunFn::Simple(|_, _| Ok(Val::object(Object::new()))),
    ..Function::BASE
};
