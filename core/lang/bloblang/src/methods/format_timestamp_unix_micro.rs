//! `format_timestamp_unix_micro`

use crate::spec::{Example, Method};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp_unix_micro",
    category: "timestamps",
    summary: "The timestamp as a number since the Unix epoch. An old name of ts_unix_micro.",
    examples: &[Example {
        mapping: "root.at = this.at.format_timestamp_unix_micro()",
        cases: &[(r#"{"at":"2009-11-10T23:00:00Z"}"#, r#"{"at":1257894000000000}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_unix_micro::SPEC.run,
    ..Method::PLUGIN
};
