//! `format_timestamp_unix_milli`

use crate::spec::{Example, Method};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp_unix_milli",
    category: "timestamps",
    summary: "The timestamp as a number since the Unix epoch. An old name of ts_unix_milli.",
    examples: &[Example {
        mapping: "root.at = this.at.format_timestamp_unix_milli()",
        cases: &[(r#"{"at":"2009-11-10T23:00:00Z"}"#, r#"{"at":1257894000000}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_unix_milli::SPEC.run,
    ..Method::PLUGIN
};
