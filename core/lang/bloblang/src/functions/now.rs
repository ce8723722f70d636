//! `now`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::time::utc;
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "now",
    category: "environment",
    summary: "The current time as text in the form of RFC 3339, to the nanosecond.",
    examples: &[Example {
        mapping: "root.recent = now().re_match(\"^2[0-9]{3}-[01][0-9]-[0-3][0-9]T\")",
        cases: &[("{}", r#"{"recent":true}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| {
        let mut text = Vec::with_capacity(30);
        formats::rfc3339::write(&mut text, &utc(cx.ex.services().wall_ns()));
        Ok(Val::text(text))
    }),
    ..Function::BASE
};
