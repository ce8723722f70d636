//! `ts_round`

use formats::value::Timestamp;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_round",
    category: "timestamps",
    summary: "The timestamp rounded to the nearest multiple of a duration since the year 1; \
              halves are rounded up.",
    params: Params::Fixed(&[Param::new("duration", Kind::Int, "The duration in nanoseconds.")]),
    examples: &[Example {
        mapping: r#"root.hour = this.at.ts_round("1h".parse_duration())"#,
        cases: &[(r#"{"at":"2020-08-14T05:54:23Z"}"#, r#"{"hour":"2020-08-14T06:00:00Z"}"#)],
    }],
    folds: true,
    run: Run::Simple(run),
    ..Method::PLUGIN
};

/// Nanoseconds from the year 1, from which multiples are counted, to the Unix epoch.
const YEAR_ONE_NS: i128 = 62_135_596_800 * time::NS_PER_S;

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let at = target.as_time()?;
    let step = i128::from(args.int(0));
    if step <= 0 {
        return Ok(time::val(at));
    }
    let past = (at.unix_ns + YEAR_ONE_NS).rem_euclid(step);
    let up = past + past >= step;
    let unix_ns = at.unix_ns - past + if up { step } else { 0 };
    Ok(time::val(Timestamp { unix_ns, ..at }))
}
