//! `ts_unix_milli`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_unix_milli",
    category: "timestamps",
    summary: "Milliseconds since the Unix epoch.",
    examples: &[Example {
        mapping: "root.at = this.at.ts_unix_milli()",
        cases: &[(r#"{"at":"2009-11-10T23:00:00Z"}"#, r#"{"at":1257894000000}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, _| {
        Ok(Val::int(target.as_time()?.unix_ns.div_euclid(1_000_000) as i64))
    }),
    quick: Hook::Fixed(|target, _, _| Some(Item::Int(target.as_time()?.0.div_euclid(1_000_000)))),
    ..Method::PLUGIN
};
