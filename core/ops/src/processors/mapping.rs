//! `mapping`: makes a new document from each message.

use plan::fields::Mapping;
use plan::{Example, Form, OperatorSpec, schema_of};

use crate::mapper::Mapper;

/// The processor `mapping`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "mapping",
    since: "0.1.0",
    category: "mapping",
    summary: "Makes a new document from each message by a mapping.",
    schema: schema_of::<Mapping>,
    examples: &[Example {
        title: "a new document of some fields",
        config: r#""root.id = this.id\nroot.who = this.name.uppercase()""#,
        input: &[r#"{"id":1,"name":"ada","n":10}"#],
        output: &[r#"{"id":1,"who":"ADA"}"#],
    }],
    build: |config, env| Mapper::build(config, env, Form::Mapping),
};
