//! `ts_format`

use crate::error::Error;
use crate::fast::scalar::Scalar;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;
use formats::value::Timestamp;

pub(super) static SPEC: Method = Method {
    name: "ts_format",
    category: "timestamps",
    summary: "A timestamp as text, by a layout that shows how Monday, January 2 2006, 15:04:05 is \
              written.",
    params: Params::Fixed(&[
        Param::new("format", Kind::String, "The layout.").or(Absent::Str(time::RFC3339_NANO)),
        Param::new("tz", Kind::String, "A time zone to show it in.").optional(),
    ]),
    examples: &[Example {
        mapping: "root.day = this.at.ts_format(\"2006-Jan-02\", \"UTC\")",
        cases: &[(r#"{"at":1597405526}"#, r#"{"day":"2020-Aug-14"}"#)],
    }],
    folds: true,
    run: Run::Prepared(|args| {
        let layout = args.str(0).into_owned();
        let zone = args.opt_text(1).map(|_| args.str(1).into_owned());
        if let Some(zone) = &zone {
            time::in_zone(&time::utc(0), zone)
                .map_err(|e| Error::new(format!("failed to parse timezone location name: {e}")))?;
        }
        Ok(Box::new(move |target| {
            let mut at = target.as_time()?;
            if let Some(zone) = &zone {
                at = time::in_zone(&at, zone)?;
            }
            Ok(Val::text(time::format(&layout, &at)))
        }))
    }),
    quick: Some(|target, args, tools| {
        if args.given(1) {
            return None;
        }
        let (ns, offset_s) = target.as_time()?;
        let zone = time::plain_zone(offset_s);
        let at = Timestamp { unix_ns: i128::from(ns), offset_s, zone };
        Some(Scalar::Str(tools.keep(time::format(&args.str(0), &at).as_bytes())))
    }),
    ..Method::PLUGIN
};
