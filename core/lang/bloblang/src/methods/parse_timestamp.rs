//! `parse_timestamp`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_timestamp",
    category: "timestamps",
    summary: "Reads a timestamp from text, by a layout that shows how Monday, January 2 2006, \
              15:04:05 is written, as text in RFC 3339. An old form of ts_parse.",
    params: Params::Fixed(&[Param::new("format", Kind::String, "The layout.")]),
    examples: &[Example {
        mapping: r#"root.at = this.at.parse_timestamp("2006-Jan-02")"#,
        cases: &[(r#"{"at":"2020-Aug-14"}"#, r#"{"at":"2020-08-14T00:00:00Z"}"#)],
    }],
    deprecated: true,
    folds: true,
    run: Run::Simple(|target, args| {
        let text = String::from_utf8_lossy(target.as_text()?);
        let at = time::parse(&args.str(0), &text)?;
        Ok(Val::text(time::format(time::RFC3339_NANO, &at)))
    }),
    ..Method::PLUGIN
};
