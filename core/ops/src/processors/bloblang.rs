//! `bloblang`: the old name of `mapping`.

use plan::fields::Mapping;
use plan::{Example, Form, OperatorSpec, schema_of};

use crate::mapper::Mapper;

/// The processor `bloblang`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "bloblang",
    since: "0.1.0",
    category: "mapping",
    summary: "The old name of mapping.",
    schema: schema_of::<Mapping>,
    examples: &[Example {
        title: "the same as mapping",
        config: r#""root.x = this.id""#,
        input: &[r#"{"id":1,"name":"ada","n":10}"#],
        output: &[r#"{"x":1}"#],
    }],
    build: |config, env| Mapper::build(config, env, Form::Mapping),
};
