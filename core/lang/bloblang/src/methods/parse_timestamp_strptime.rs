//! `parse_timestamp_strptime`

use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_timestamp_strptime",
    category: "timestamps",
    summary: "Reads a timestamp from text, by a format such as `%Y-%m-%d`, as text in RFC 3339. \
              An old form of ts_strptime.",
    params: Params::Fixed(&[Param::new("format", Kind::String, "The format.")]),
    examples: &[Example {
        mapping: r#"root.at = this.at.parse_timestamp_strptime("%Y-%b-%d")"#,
        cases: &[(r#"{"at":"2020-Aug-14"}"#, r#"{"at":"2020-08-14T00:00:00Z"}"#)],
    }],
    deprecated: true,
    folds: true,
    run: Run::Simple(|target, args| {
        let text = String::from_utf8_lossy(target.as_text()?);
        let at = time::strptime(&args.str(0), &text)?;
        Ok(Val::text(time::format(time::RFC3339_NANO, &at)))
    }),
    ..Method::PLUGIN
};
