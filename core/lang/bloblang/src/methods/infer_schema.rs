//! `infer_schema`

use crate::schema;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "infer_schema",
    category: "parsing",
    summary: "The schema of a value: its type, the schemas of what it holds, and a fingerprint by \
              which equal schemas are known.",
    examples: &[Example {
        mapping: "root.type = this.v.infer_schema().type",
        cases: &[(r#"{"v":12}"#, r#"{"type":"INT64"}"#), (r#"{"v":[]}"#, r#"{"type":"ARRAY"}"#)],
    }],
    walks: true,
    run: Run::Simple(|target, _| schema::infer(&target)),
    ..Method::PLUGIN
};
