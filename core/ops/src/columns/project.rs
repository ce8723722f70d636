//! `project`: chooses, orders and renames columns.

use std::sync::Arc;

use plan::env::read_config;
use plan::{Batch, BuildError, Class, Columns, Env, Example, Field, Json, Operator};
use plan::{OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `project`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns of the result, in order.
    columns: Vec<Item>,
}

/// One column of the result.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    /// The column it is.
    from: String,
    /// Its name in the result; as before by default.
    #[serde(default)]
    to: Option<String>,
}

struct Project {
    items: Vec<Item>,
    known: Option<Known>,
}

/// What the items are in the schema seen last.
struct Known {
    from: Arc<Schema>,
    to: Arc<Schema>,
    indices: Vec<usize>,
}

impl Project {
    fn resolve(&self, schema: &Arc<Schema>) -> Result<Known, String> {
        let mut indices = Vec::new();
        let mut fields = Vec::new();
        for Item { from, to } in &self.items {
            let index =
                schema.index_of(from).ok_or_else(|| format!("there is no column {from}"))?;
            let field = schema.fields.get(index).ok_or_else(|| format!("no column {from}"))?;
            indices.push(index);
            fields.push(match to {
                Some(name) => Field { name: name.as_str().into(), ty: field.ty },
                None => field.clone(),
            });
        }
        Ok(Known { from: Arc::clone(schema), to: Arc::new(Schema { fields }), indices })
    }

    fn apply(&mut self, columns: Columns) -> Result<Columns, String> {
        let known = match self.known.take() {
            Some(k) if Arc::ptr_eq(&k.from, &columns.schema) || k.from == columns.schema => k,
            _ => self.resolve(&columns.schema)?,
        };
        let arrays = known.indices.iter().filter_map(|i| columns.arrays.get(*i).cloned()).collect();
        let schema = Arc::clone(&known.to);
        self.known = Some(known);
        Ok(Columns { schema, arrays, ..columns })
    }
}

impl Operator for Project {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |columns| self.apply(columns)))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Project { items: config.columns, known: None }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "project",
    since: "0.1.0",
    category: "columns",
    summary: "Chooses, orders and renames columns.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "swap and rename",
        config: r#"{"columns": [{"from": "b"}, {"from": "a", "to": "x"}]}"#,
        input: &["a:i64,b:text", "1,one", "2,two"],
        output: &["b:text,x:i64", "one,1", "two,2"],
    }],
    build,
};
