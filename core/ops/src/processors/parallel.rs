//! `parallel`: processors that wait, run on several messages at the same time.

use futures_util::future::try_join_all;
use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Frame, drive, ones};

/// Most messages that are under way at a time.
pub const LANES_MAX: usize = 64;

/// Configuration of `parallel`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many messages may be under way at a time; 0 for as many as there are, up to 64.
    #[serde(default)]
    cap: usize,
    /// What is done with each message.
    processors: Vec<Processor>,
}

/// Each lane has instances of its own; processors that remember what they saw have one lane.
struct Parallel {
    lanes: Vec<Chain>,
}

impl Parallel {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let count = self.lanes.len();
        let mut work: Vec<Vec<(usize, Batch)>> = Vec::new();
        work.resize_with(count, Vec::new);
        for (at, one) in ones(records).enumerate() {
            if let Some(lane) = work.get_mut(at % count) {
                lane.push((at, frame.share(one)));
            }
        }
        let lanes = self.lanes.iter_mut().zip(work).map(|(chain, work)| async move {
            let mut results = Vec::with_capacity(work.len());
            for (at, batch) in work {
                results.push((at, chain.run(batch).await?));
            }
            Ok::<_, OperatorError>(results)
        });
        let mut results: Vec<_> = try_join_all(lanes).await?.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        frame.join(results.into_iter().flat_map(|(_, parts)| parts).collect(), out);
        Ok(())
    }
}

impl Operator for Parallel {
    fn class(&self) -> Class {
        self.lanes.first().map_or(Class::Stateless, Chain::class)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `parallel`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "parallel",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors on several messages at a time; the order of messages stays.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "two at a time",
        config: r#"{"cap":2,"processors":[{"mapping":"root = content().uppercase()"}]}"#,
        input: &["a", "b", "c"],
        output: &["A", "B", "C"],
    }],
    build: |config, env| {
        let Config { cap, processors } = read_config(config)?;
        let first = Chain::build(env, &processors)?;
        let wanted = if cap == 0 { LANES_MAX } else { cap.min(LANES_MAX) };
        let count = if first.class() == Class::Stateless { wanted } else { 1 };
        let mut lanes = vec![first];
        while lanes.len() < count {
            lanes.push(Chain::build(env, &processors)?);
        }
        Ok(Box::new(Parallel { lanes }))
    },
};
