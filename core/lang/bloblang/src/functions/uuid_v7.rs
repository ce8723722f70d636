//! `uuid_v7`

use crate::spec::{Example, Function, Kind, Param, Params, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "uuid_v7",
    category: "general",
    summary: "A new UUID that begins with the time in milliseconds, so that later ones sort behind \
              earlier ones.",
    params: Params::Fixed(&[Param::new(
        "time",
        Kind::Timestamp,
        "The time to begin with; now when left out.",
    )
    .optional()]),
    examples: &[Example {
        mapping: "root.begin = uuid_v7(\"2024-01-01T00:00:00Z\").slice(0, 13)",
        cases: &[("{}", r#"{"begin":"018cc251-f400"}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|args, cx| {
        let now = || cx.ex.services().wall_ns();
        let unix_ns = args.time(0).map_or_else(now, |time| time.unix_ns);
        let millis = unix_ns.div_euclid(1_000_000) as u64;
        let [random @ .., _, _, _, _, _, _] = super::random_bytes(cx);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Ok(Val::text(id.hyphenated().to_string()))
    }),
    ..Function::BASE
};
