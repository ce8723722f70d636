//! `format_timestamp_strftime`

use crate::spec::{Example, Kind, Method, Param, Params};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp_strftime",
    category: "timestamps",
    summary: "The timestamp as text, by a format such as `%Y-%m-%d`. An old name of ts_strftime.",
    params: Params::Fixed(&[
        Param::new("format", Kind::String, "The format."),
        Param::new("tz", Kind::String, "A time zone to show it in.").optional(),
    ]),
    examples: &[Example {
        mapping: r#"root.day = this.at.format_timestamp_strftime("%Y-%b-%d %H:%M:%S")"#,
        cases: &[(r#"{"at":"2020-08-14T11:50:26.371Z"}"#, r#"{"day":"2020-Aug-14 11:50:26"}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_strftime::SPEC.run,
    ..Method::PLUGIN
};
