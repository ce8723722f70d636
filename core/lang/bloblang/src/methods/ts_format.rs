//! `ts_format`

use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Absent, Example, Hook, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

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
        let layout = time::Layout::new(&args.str(0));
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
            let mut text = String::with_capacity(32);
            layout.push(&mut text, &at);
            Ok(Val::text(text))
        }))
    }),
    quick: Hook::Prepared(|args| {
        let layout = time::Layout::new(&args.str(0));
        let zone = args.opt_text(1).map(|_| args.str(1).into_owned());
        Some(Box::new(move |target, tools| {
            let Some(zone) = &zone else {
                let (unix_ns, offset_s) = target.as_time()?;
                return Some(Item::Str(layout.show_plain(unix_ns, offset_s, tools.bump)));
            };
            let at = time::in_zone(&target.time()?, zone).ok()?;
            let mut text = String::with_capacity(32);
            layout.push(&mut text, &at);
            Some(Item::Str(tools.keep(text.as_bytes())))
        }))
    }),
    ..Method::PLUGIN
};
