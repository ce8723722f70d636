//! Sink `broker`: hands messages to several sinks, in one of several patterns
//! (spec/benthos-components.md §D).

use std::cell::Cell;
use std::sync::Arc;

use futures_util::future::join_all;
use plan::env::read_config;
use plan::fields::Output;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::backoff::{self, Backoff};
use crate::compose::child::{Child, close_all, open_all};
use crate::compose::part::{result, write_part};
use crate::compose::{CATEGORY, CHILDREN_MAX};
use crate::policy::{Batcher, Config as Policy, GATHERED_MAX};
use crate::signal::Signal;

/// How messages are handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Everybody gets everything at the same time; what one refuses it is given again.
    #[default]
    FanOut,
    /// The same, but what one refuses is refused.
    FanOutFailFast,
    /// Everybody gets everything, one after another; what one refuses it is given again.
    FanOutSequential,
    /// The same, but what one refuses is refused.
    FanOutSequentialFailFast,
    /// Messages go to one after another in turn.
    RoundRobin,
    /// Whoever is free gets the next batch.
    Greedy,
}

/// Hands messages to several outputs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// How many times each output is made.
    #[serde(default = "one")]
    #[schemars(extend("advanced" = true))]
    pub copies: usize,
    /// How messages are handed out: `fan_out`, `fan_out_fail_fast`, `fan_out_sequential`,
    /// `fan_out_sequential_fail_fast`, `round_robin` or `greedy`.
    #[serde(default)]
    pub pattern: Pattern,
    /// The outputs.
    pub outputs: Vec<Output>,
    /// Gathers messages into batches first.
    #[serde(default)]
    pub batching: Policy,
}

fn one() -> usize {
    1
}

/// Who gets what.
struct Outputs {
    children: Vec<Child>,
    pattern: Pattern,
    turn: Cell<usize>,
    busy: Vec<Cell<bool>>,
    free: Signal,
}

/// Writes until everything is taken, with growing pauses.
async fn insist(child: &Child, batch: &Batch) {
    let mut backoff = Backoff::new(backoff::Config::default());
    let mut rest: Vec<usize> = (0..batch.len().max(1)).collect();
    while let Err(failed) = write_part(child, batch, &rest).await {
        rest = failed.into_iter().map(|(at, _)| at).collect();
        backoff.pause().await;
    }
}

/// A child that is busy until this is dropped.
struct Busy<'a>(&'a Outputs, usize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if let Some(busy) = self.0.busy.get(self.1) {
            busy.set(false);
        }
        self.0.free.wake();
    }
}

impl Outputs {
    async fn write(&self, batch: &Batch) -> Result<(), SinkError> {
        let mut failed = Vec::new();
        match self.pattern {
            Pattern::FanOut => {
                join_all(self.children.iter().map(|child| insist(child, batch))).await;
            }
            Pattern::FanOutSequential => {
                for child in &self.children {
                    insist(child, batch).await;
                }
            }
            Pattern::FanOutFailFast => {
                let writes = self.children.iter().map(|child| child.write(batch));
                for written in join_all(writes).await {
                    failed.extend(written.err().into_iter().flat_map(|f| f.by_index(batch.len())));
                }
            }
            Pattern::FanOutSequentialFailFast => {
                for child in &self.children {
                    child.write(batch).await.map_err(SinkError::from)?;
                }
            }
            Pattern::RoundRobin => failed = self.take_turns(batch).await,
            Pattern::Greedy => {
                let at = self.free.until(|| self.busy.iter().position(|b| !b.get())).await;
                if let Some(busy) = self.busy.get(at) {
                    busy.set(true);
                }
                let _busy = Busy(self, at);
                if let Some(child) = self.children.get(at) {
                    child.write(batch).await.map_err(SinkError::from)?;
                }
            }
        }
        result(failed, batch)
    }

    async fn take_turns(&self, batch: &Batch) -> Vec<(usize, Arc<Fault>)> {
        let count = self.children.len();
        let messages = batch.len().max(1);
        let start = self.turn.replace((self.turn.get() + messages) % count);
        let shares = (0..count.min(messages)).map(|nth| {
            let positions: Vec<usize> = (nth..messages).step_by(count).collect();
            let child = self.children.get((start + nth) % count);
            async move {
                match child {
                    Some(child) => write_part(child, batch, &positions).await.err(),
                    None => None,
                }
            }
        });
        let mut failed: Vec<_> = join_all(shares).await.into_iter().flatten().flatten().collect();
        failed.sort_by_key(|(at, _)| *at);
        failed
    }
}

/// A running `broker` sink.
pub struct Broker {
    outputs: Outputs,
    batcher: Option<Batcher>,
}

impl Sink for Broker {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(open_all(&self.outputs.children))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        match &self.batcher {
            None => Box::pin(self.outputs.write(batch)),
            Some(batcher) => Box::pin(async move {
                batcher.deliver(batch, async |batch: &Batch| self.outputs.write(batch).await).await
            }),
        }
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(close_all(&self.outputs.children))
    }

    fn max_in_flight(&self) -> usize {
        match (&self.batcher, self.outputs.pattern) {
            (Some(_), _) => GATHERED_MAX,
            (None, Pattern::Greedy) => self.outputs.children.len(),
            (None, _) => 1,
        }
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    let count = config.outputs.len().saturating_mul(config.copies);
    if count == 0 || count > CHILDREN_MAX {
        return Err(BuildError::new(if count == 0 {
            "attempting to create broker output type with no outputs".to_owned()
        } else {
            format!("a broker may have {CHILDREN_MAX} outputs at most")
        }));
    }
    let mut children = Vec::new();
    for _ in 0..config.copies {
        for output in &config.outputs {
            children.push(Child::build(output, env)?);
        }
    }
    let outputs = Outputs {
        busy: children.iter().map(|_| Cell::new(false)).collect(),
        children,
        pattern: config.pattern,
        turn: Cell::new(0),
        free: Signal::default(),
    };
    let batcher = Batcher::build(&config.batching, env)?;
    Ok(Box::new(Broker { outputs, batcher }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "broker",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Hands messages to several outputs.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a copy in a file",
        config: r#"{"outputs":[{"name":"stdout"},{"name":"file","config":{"path":"./all.txt"}}]}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
