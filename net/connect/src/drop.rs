//! Sink `drop`: accepts everything and forgets it.

use std::sync::Arc;

use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {}

/// A running `drop` sink.
pub struct Drop;

impl Sink for Drop {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn max_in_flight(&self) -> usize {
        // Nothing is kept in order here.
        16
    }

    fn spreads(&self) -> bool {
        true
    }
}

fn build(_: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    Ok(Box::new(Drop))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "drop",
    since: "0.1.0",
    category: "utility",
    summary: "Accepts every message and forgets it.",
    schema: schema_of::<Config>,
    examples: &[Example { title: "forget", config: "{}", input: &[], output: &[] }],
    build,
};
