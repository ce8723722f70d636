//! `uuid_v4`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "uuid_v4",
    category: "general",
    summary: "A new random UUID.",
    examples: &[Example {
        mapping: "root.long = uuid_v4().length()",
        cases: &[("{}", r#"{"long":36}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| {
        let random = super::random_bytes(cx);
        let id = uuid::Builder::from_random_bytes(random).into_uuid();
        Ok(Val::text(id.hyphenated().to_string()))
    }),
    ..Function::BASE
};
