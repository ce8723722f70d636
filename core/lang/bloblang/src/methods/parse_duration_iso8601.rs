//! `parse_duration_iso8601`

use crate::period::Period;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_duration_iso8601",
    category: "timestamps",
    summary: "Nanoseconds of an ISO 8601 duration; a year counts as 365.2425 days and a month as \
              a twelfth of it.",
    examples: &[Example {
        mapping: "root.delay_for_ns = this.delay_for.parse_duration_iso8601()",
        cases: &[(r#"{"delay_for":"P3Y6M4DT12H30M5S"}"#, r#"{"delay_for_ns":110839937000000000}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, _| {
        let text = String::from_utf8_lossy(target.as_text()?);
        Ok(Val::int(Period::parse(&text)?.total_ns()))
    }),
    ..Method::PLUGIN
};
