//! `format_timestamp`

use crate::spec::{Absent, Example, Kind, Method, Param, Params};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp",
    category: "timestamps",
    summary: "The timestamp as text, by a layout that shows how Monday, January 2 2006, 15:04:05 \
              is written. An old name of ts_format.",
    params: Params::Fixed(&[
        Param::new("format", Kind::String, "The layout.")
            .or(Absent::Str(crate::time::RFC3339_NANO)),
        Param::new("tz", Kind::String, "A time zone to show it in.").optional(),
    ]),
    examples: &[Example {
        mapping: r#"root.day = this.at.format_timestamp("2006-Jan-02", "UTC")"#,
        cases: &[(r#"{"at":1597405526}"#, r#"{"day":"2020-Aug-14"}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_format::SPEC.run,
    ..Method::PLUGIN
};
