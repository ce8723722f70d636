//! `format_timestamp_unix`

use crate::spec::{Example, Method};

pub(super) static SPEC: Method = Method {
    name: "format_timestamp_unix",
    category: "timestamps",
    summary: "The timestamp as a number since the Unix epoch. An old name of ts_unix.",
    examples: &[Example {
        mapping: "root.at = this.at.format_timestamp_unix()",
        cases: &[(r#"{"at":"2009-11-10T23:00:00Z"}"#, r#"{"at":1257894000}"#)],
    }],
    deprecated: true,
    folds: true,
    run: super::ts_unix::SPEC.run,
    ..Method::PLUGIN
};
