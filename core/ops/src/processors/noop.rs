//! `noop`: does nothing.

use plan::{Batch, Class, Example, Operator, OperatorSpec, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `noop`: none.
#[derive(Deserialize, JsonSchema)]
struct Config {}

struct Noop;

impl Operator for Noop {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn counted(&self) -> bool {
        false
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }
}

/// The processor `noop`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "noop",
    since: "0.1.0",
    category: "utility",
    summary: "Hands messages on as they are.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "nothing changes",
        config: "{}",
        input: &[r#"{"b" : 1,   "a":2}"#],
        output: &[r#"{"b" : 1,   "a":2}"#],
    }],
    build: |_, _| Ok(Box::new(Noop)),
};
