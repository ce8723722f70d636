//! `ts_sub`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_sub",
    category: "timestamps",
    summary: "Nanoseconds from another timestamp to this one, at most 292 years either way.",
    params: Params::Fixed(&[Param::new("t2", Kind::Timestamp, "The timestamp to subtract.")]),
    examples: &[Example {
        mapping: r#"root.between = this.started_at.ts_sub("2020-08-14T05:54:23Z")"#,
        cases: &[(r#"{"started_at":"2020-08-14T05:54:24Z"}"#, r#"{"between":1000000000}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, args| {
        let at = target.as_time()?.unix_ns;
        let from = args.time(0).map_or(0, |time| time.unix_ns);
        Ok(Val::int((at - from).clamp(i64::MIN.into(), i64::MAX.into()) as i64))
    }),
    ..Method::PLUGIN
};
