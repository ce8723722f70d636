//! `parse_duration`

use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_duration",
    category: "timestamps",
    summary: "Nanoseconds of a duration such as `1h30m`, in the units ns, us, ms, s, m and h.",
    examples: &[Example {
        mapping: "root.delay_for_ns = this.delay_for.parse_duration()",
        cases: &[(r#"{"delay_for":"50us"}"#, r#"{"delay_for_ns":50000}"#)],
    }],
    folds: true,
    run: Run::Simple(|target, _| Ok(Val::int(crate::duration::parse(target.as_text()?)?))),
    ..Method::PLUGIN
};
