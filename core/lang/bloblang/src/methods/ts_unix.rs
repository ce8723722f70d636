//! `ts_unix`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_unix",
    category: "timestamps",
    summary: "Seconds since the Unix epoch.",
    examples: &[Example {
        mapping: "root.created_at_unix = this.created_at.ts_unix()",
        cases: &[(r#"{"created_at":"2009-11-10T23:00:00Z"}"#, r#"{"created_at_unix":1257894000}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, _| {
        Ok(Val::int(target.as_time()?.unix_ns.div_euclid(1_000_000_000) as i64))
    }),
    quick: Hook::Fixed(|target, _, _| {
        let (ns, _) = target.as_time()?;
        Some(Item::Int(ns.div_euclid(1_000_000_000)))
    }),
    ..Method::PLUGIN
};
