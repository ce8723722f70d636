//! `map_column`: computes a column, in the place of one of that name or after the others.

use std::sync::Arc;

use plan::env::read_config;
use plan::{Batch, BuildError, Class, Columns, Env, Example, Field, Json, Operator};
use plan::{OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::expr::{Cached, Program};

/// Configuration of `map_column`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Name of the column.
    column: String,
    /// What it becomes.
    value: Program,
}

struct Map {
    column: Arc<str>,
    value: Cached,
    /// The schema seen last and what it becomes.
    schemas: Option<(Arc<Schema>, Arc<Schema>)>,
}

impl Map {
    fn apply(&mut self, mut columns: Columns) -> Result<Columns, String> {
        let value = self.value.get(&columns.schema)?;
        let (array, ty) = (value.eval_array(&columns)?, value.ty());
        let at = columns.schema.index_of(&self.column);
        match at.and_then(|at| columns.arrays.get_mut(at)) {
            Some(place) => *place = array,
            None => columns.arrays.push(array),
        }
        let known = self.schemas.as_ref().filter(|(from, _)| Arc::ptr_eq(from, &columns.schema));
        let schema = match known {
            Some((_, to)) => Arc::clone(to),
            None => {
                let mut schema = (*columns.schema).clone();
                match at.and_then(|at| schema.fields.get_mut(at)) {
                    Some(field) => field.ty = ty,
                    None => schema.fields.push(Field { name: Arc::clone(&self.column), ty }),
                }
                let schema = Arc::new(schema);
                self.schemas = Some((Arc::clone(&columns.schema), Arc::clone(&schema)));
                schema
            }
        };
        Ok(Columns { schema, ..columns })
    }
}

impl Operator for Map {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |columns| self.apply(columns)))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { column, value } = read_config(config)?;
    Ok(Box::new(Map { column: column.into(), value: Cached::new(value), schemas: None }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "map_column",
    since: "0.1.0",
    category: "columns",
    summary: "Computes a column, in the place of one of that name or after the others.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "twice the value",
        config: r#"{"column": "twice", "value": [{"col": "v"}, {"value": 2, "type": "i64"},
                    {"op": "mul", "type": "i64", "args": [0, 1]}]}"#,
        input: &["v:i64", "1", "2"],
        output: &["v:i64,twice:i64", "1,2", "2,4"],
    }],
    build,
};
