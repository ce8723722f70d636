//! `mutation`: changes each message in place.

use plan::fields::Mapping;
use plan::{Example, Form, OperatorSpec, schema_of};

use crate::mapper::Mapper;

/// The processor `mutation`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "mutation",
    since: "0.1.0",
    category: "mapping",
    summary: "Changes each message in place by a mapping.",
    schema: schema_of::<Mapping>,
    examples: &[Example {
        title: "change some fields",
        config: r#""root.name = this.name.uppercase()\nroot.n = deleted()""#,
        input: &[r#"{"id":1,"name":"ada","n":10}"#],
        output: &[r#"{"id":1,"name":"ADA"}"#],
    }],
    build: |config, env| Mapper::build(config, env, Form::Mutation),
};
