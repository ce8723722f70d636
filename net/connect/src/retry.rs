//! Sink `retry`: what another sink refuses it is given again.

use std::sync::Arc;

use plan::env::read_config;
use plan::fields::Output;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::CATEGORY;
use crate::compose::backoff::{self, Backoff};
use crate::compose::child::Child;
use crate::compose::part::{result, write_part};

/// Gives an output what it refused again, after a pause.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// How many times more a message is given; 0: until it is taken.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub max_retries: u64,
    /// How pauses grow.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub backoff: backoff::Config,
    /// The output.
    pub output: Output,
}

/// A running `retry` sink.
pub struct Retry {
    max_retries: u64,
    backoff: backoff::Config,
    child: Child,
}

impl Retry {
    async fn insist(&self, batch: &Batch) -> Result<(), SinkError> {
        let mut backoff = Backoff::new(self.backoff);
        let mut rest: Vec<usize> = (0..batch.len().max(1)).collect();
        let mut tries = 0;
        while let Err(failed) = write_part(&self.child, batch, &rest).await {
            tries += 1;
            let last = self.max_retries > 0 && tries > self.max_retries;
            if last || !backoff.pause().await {
                return result(failed, batch);
            }
            rest = failed.into_iter().map(|(at, _)| at).collect();
        }
        Ok(())
    }
}

impl Sink for Retry {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.open())
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.insist(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.close())
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    let child = Child::build(&config.output, env)?;
    Ok(Box::new(Retry { max_retries: config.max_retries, backoff: config.backoff, child }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "retry",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Gives another output what it refused again.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "three times",
        config: r#"{"max_retries":3,"output":{"name":"stdout"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
