//! `union`: the rows of several inputs, as they come. All inputs have the same columns.

use std::sync::Arc;

use plan::{Batch, BuildError, Class, Env, Example, Json, Operator, OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `union`: there is nothing to configure.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

struct Union {
    schema: Option<Arc<Schema>>,
}

impl Operator for Union {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |mut columns| {
            // One schema for all inputs, so that what comes after compares a pointer.
            let schema = self.schema.get_or_insert_with(|| Arc::clone(&columns.schema));
            if *schema == columns.schema {
                columns.schema = Arc::clone(schema);
                return Ok(columns);
            }
            Err("the inputs of a union have different columns".into())
        }))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config {} = plan::env::read_config(config)?;
    Ok(Box::new(Union { schema: None }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "union",
    since: "0.1.0",
    category: "columns",
    summary: "The rows of several inputs, as they come.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "of one input",
        config: "{}",
        input: &["v:i64", "1"],
        output: &["v:i64", "1"],
    }],
    build,
};
