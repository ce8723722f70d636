//! `filter_rows`: keeps the rows for which a condition holds.

use plan::env::read_config;
use plan::{Batch, BuildError, Class, DataType, Env, Example, Json, Operator, OperatorSpec, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::expr::{Cached, Program, Val};
use super::select::keep;
use super::types::bools;

/// Configuration of `filter_rows`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The condition: steps whose last one is a boolean.
    r#where: Program,
}

struct Filter {
    condition: Cached,
}

impl Filter {
    fn apply(&mut self, columns: plan::Columns) -> Result<plan::Columns, String> {
        let condition = self.condition.get(&columns.schema)?;
        if condition.ty() != DataType::Bool {
            return Err("the condition of a filter must be a boolean".into());
        }
        match condition.eval(&columns)? {
            Val::One(one) => {
                let all = bools(&one).is_some_and(|b| b.values().iter().any(|on| on));
                let rows = if all { columns.rows as u32 } else { 0 };
                Ok(keep(columns, (0..rows).collect()))
            }
            Val::Array(flags) => {
                let flags = bools(&flags).ok_or("the condition of a filter must be a boolean")?;
                let indices = flags.values().set_indices_u32().collect();
                Ok(keep(columns, indices))
            }
        }
    }
}

impl Operator for Filter {
    fn class(&self) -> Class {
        Class::Stateless
    }

    // A batch that lost all of its rows goes on: logical buffers are counted in source rows.
    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |columns| self.apply(columns)))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Filter { condition: Cached::new(config.r#where) }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "filter_rows",
    since: "0.1.0",
    category: "columns",
    summary: "Keeps the rows for which a condition holds.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "large values",
        config: r#"{"where": [{"col": "v"}, {"value": 2, "type": "i64"},
                    {"op": "gt", "type": "i64", "args": [0, 1]}]}"#,
        input: &["k:text,v:i64", "a,1", "b,2", "c,3"],
        output: &["k:text,v:i64", "c,3"],
    }],
    build,
};
