//! `ts_strftime`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_strftime",
    category: "timestamps",
    summary: "The timestamp as text, by a format such as `%Y-%m-%d`.",
    params: Params::Fixed(&[
        Param::new("format", Kind::String, "The format."),
        Param::new("tz", Kind::String, "A time zone to show it in.").optional(),
    ]),
    examples: &[Example {
        mapping: r#"root.day = this.at.ts_strftime("%Y-%b-%d %H:%M:%S")"#,
        cases: &[(r#"{"at":"2020-08-14T11:50:26.371Z"}"#, r#"{"day":"2020-Aug-14 11:50:26"}"#)],
    }],
    folds: true,
    run: Run::Prepared(|args| {
        let format = args.str(0).into_owned();
        let zone = args.opt_text(1).map(|_| time::checked_zone(&args.str(1))).transpose()?;
        Ok(Box::new(move |target| {
            let mut at = target.as_time()?;
            if let Some(zone) = &zone {
                at = time::in_zone(&at, zone)?;
            }
            Ok(Val::text(time::strftime(&format, &at)))
        }))
    }),
    ..Method::PLUGIN
};
