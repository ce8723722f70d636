//! `union`: the rows of several inputs, as they come.

use std::sync::Arc;

use plan::{Batch, BuildError, Class, Columns, Env, Example, Json, Operator};
use plan::{OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `union`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Names of the columns of the result, in order; the others of an input are dropped. Without
    /// it, all inputs must have the same columns.
    #[serde(default)]
    columns: Vec<String>,
}

/// Most schemas of inputs that are remembered.
const SCHEMAS_MAX: usize = 64;

struct Union {
    columns: Vec<String>,
    schema: Option<Arc<Schema>>,
    /// Where the columns of the result are in the schemas seen.
    known: Vec<(Arc<Schema>, Vec<usize>)>,
}

impl Union {
    fn apply(&mut self, columns: Columns) -> Result<Columns, String> {
        if self.columns.is_empty() {
            return self.same(columns);
        }
        let known = self.known.iter().position(|(s, _)| Arc::ptr_eq(s, &columns.schema));
        let known = match known {
            Some(at) => at,
            None => {
                if self.known.len() >= SCHEMAS_MAX {
                    self.known.clear();
                }
                let place = |name: &String| {
                    columns
                        .schema
                        .index_of(name)
                        .ok_or_else(|| format!("there is no column {name}"))
                };
                let places: Result<Vec<usize>, String> = self.columns.iter().map(place).collect();
                self.known.push((Arc::clone(&columns.schema), places?));
                self.known.len() - 1
            }
        };
        let places = self.known.get(known).map(|(_, places)| places.as_slice()).unwrap_or_default();
        let fields = places.iter().filter_map(|at| columns.schema.fields.get(*at).cloned());
        let schema = Arc::new(Schema { fields: fields.collect() });
        let arrays = places.iter().filter_map(|at| columns.arrays.get(*at).cloned()).collect();
        self.same(Columns { schema, arrays, ..columns })
    }

    /// Gives all inputs one schema, so that what comes after compares a pointer.
    fn same(&mut self, mut columns: Columns) -> Result<Columns, String> {
        let schema = self.schema.get_or_insert_with(|| Arc::clone(&columns.schema));
        if *schema != columns.schema {
            return Err("the inputs of a union have different columns".into());
        }
        columns.schema = Arc::clone(schema);
        Ok(columns)
    }
}

impl Operator for Union {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |columns| self.apply(columns)))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { columns } = plan::env::read_config(config)?;
    Ok(Box::new(Union { columns, schema: None, known: Vec::new() }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "union",
    since: "0.1.0",
    category: "columns",
    summary: "The rows of several inputs, as they come.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "one of two columns",
        config: r#"{"columns": ["v"]}"#,
        input: &["k:text,v:i64", "a,1"],
        output: &["v:i64", "1"],
    }],
    build,
};
