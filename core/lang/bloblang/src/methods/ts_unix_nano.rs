//! `ts_unix_nano`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_unix_nano",
    category: "timestamps",
    summary: "Nanoseconds since the Unix epoch; beyond the year 2262 they wrap around.",
    examples: &[Example {
        mapping: "root.created_at_unix = this.created_at.ts_unix_nano()",
        cases: &[(
            r#"{"created_at":"2009-11-10T23:00:00Z"}"#,
            r#"{"created_at_unix":1257894000000000000}"#,
        )],
    }],
    folds: true,
    run: Run::Simple(|target, _| Ok(Val::int(target.as_time()?.unix_ns as i64))),
    ..Method::PLUGIN
};
