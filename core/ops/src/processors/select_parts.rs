//! `select_parts`: keeps messages of a batch by their position.

use plan::env::read_config;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Frame, done};

/// Configuration of `select_parts`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Positions from 0, in the order in which the messages shall be; negative ones count from
    /// the end. Positions that do not exist are left out.
    #[serde(default)]
    parts: Vec<i64>,
}

struct SelectParts {
    parts: Vec<i64>,
}

/// The position that a possibly negative number means in a batch of `len`.
pub(crate) fn position(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(len).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < len)
}

impl SelectParts {
    fn run(&self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let recs = &records.recs;
        let wanted = self.parts.iter().filter_map(|at| recs.get(position(*at, recs.len())?));
        let recs = wanted.cloned().collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl Operator for SelectParts {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `select_parts`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "select_parts",
    since: "0.1.0",
    category: "batching",
    summary: "Keeps the messages at some positions of a batch, in a given order.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "third, first and last",
        config: r#"{"parts":[2,0,-1,9]}"#,
        input: &["alpha", "beta", "gamma", "delta"],
        output: &["gamma", "alpha", "delta"],
    }],
    build: |config, _| {
        let Config { parts } = read_config(config)?;
        Ok(Box::new(SelectParts { parts }))
    },
};
