//! `ts_sub_iso8601`

use crate::period::Period;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;

pub(super) static SPEC: Method = Method {
    name: "ts_sub_iso8601",
    category: "timestamps",
    summary: "The timestamp moved back by an ISO 8601 duration; years, months and days follow \
              the calendar.",
    params: Params::Fixed(&[Param::new(
        "duration",
        Kind::String,
        "The duration, such as `P1Y2M3DT4H`.",
    )]),
    examples: &[Example {
        mapping: r#"root.moved = this.at.ts_sub_iso8601("P1Y")"#,
        cases: &[(r#"{"at":"2020-08-14T05:54:23Z"}"#, r#"{"moved":"2019-08-14T05:54:23Z"}"#)],
    }],
    folds: true,
    run: Run::Prepared(|args| {
        let period = Period::parse(&args.str(0))?.negated();
        Ok(Box::new(move |target| Ok(time::val(period.add_to(&target.as_time()?)))))
    }),
    ..Method::PLUGIN
};
