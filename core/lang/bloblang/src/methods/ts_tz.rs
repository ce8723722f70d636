//! `ts_tz`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;

pub(super) static SPEC: Method = Method {
    name: "ts_tz",
    category: "timestamps",
    summary: "The same point in time in another time zone.",
    params: Params::Fixed(&[Param::new(
        "tz",
        Kind::String,
        "Name of the zone, such as `Europe/Berlin` or `UTC`.",
    )]),
    examples: &[Example {
        mapping: r#"root.created_at_utc = this.created_at.ts_tz("UTC")"#,
        cases: &[(
            r#"{"created_at":"2021-02-03T17:05:06+01:00"}"#,
            r#"{"created_at_utc":"2021-02-03T16:05:06Z"}"#,
        )],
    }],
    folds: true,
    run: Run::Prepared(|args| {
        let zone = time::checked_zone(&args.str(0))?;
        Ok(Box::new(move |target| Ok(time::val(time::in_zone(&target.as_time()?, &zone)?))))
    }),
    ..Method::PLUGIN
};
