//! `limit_rows`: lets the first rows pass and drops the others.

use plan::env::read_config;
use plan::{Batch, BuildError, Class, Columns, Env, Example, Json, Operator};
use plan::{OperatorError, OperatorSpec, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::kept;

/// Configuration of `limit_rows`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Number of rows that pass.
    count: u64,
    /// Whether how many have passed survives the process in a durable pipeline. Not behind a source
    /// that begins anew at each start: then it is counted anew, too.
    #[serde(default = "yes")]
    kept: bool,
}

fn yes() -> bool {
    true
}

/// Version of the state as it is kept.
const VERSION: u8 = 1;

struct Limit {
    left: u64,
    kept: bool,
}

impl Limit {
    fn apply(&mut self, columns: Columns) -> Columns {
        let rows = (columns.rows as u64).min(self.left);
        self.left -= rows;
        super::select::keep(columns, (0..rows as u32).collect())
    }
}

impl Operator for Limit {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(super::each(batch, out, |columns| Ok(self.apply(columns))))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        self.kept.then(|| kept::write(VERSION, &self.left)).transpose()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        self.left = kept::read(VERSION, state)?;
        Ok(())
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Limit { left: config.count, kept: config.kept }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "limit_rows",
    since: "0.1.0",
    category: "columns",
    summary: "Lets the first rows pass and drops the others.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "the first two",
        config: r#"{"count": 2}"#,
        input: &["v:i64", "1", "2", "3"],
        output: &["v:i64", "1", "2"],
    }],
    build,
};
