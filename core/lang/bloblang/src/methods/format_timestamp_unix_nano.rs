//! `format_timestamp_unix_nano`

use crate::spec::{Example, Method};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp_unix_nano",
    category: "timestamps",
    summary: "The timestamp as a number since the Unix epoch. An old name of ts_unix_nano.",
    examples: &[Example {
        mapping: "root.at = this.at.format_timestamp_unix_nano()",
        cases: &[(r#"{"at":"2009-11-10T23:00:00Z"}"#, r#"{"at":1257894000000000000}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_unix_nano::SPEC.run,
    ..Method::PLUGIN
};
