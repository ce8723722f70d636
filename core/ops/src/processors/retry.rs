//! `retry`: processors repeated on a message until they do not fail on it.

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::{Duration, Processor};
use plan::{
    Batch, Class, Example, Operator, OperatorError, OperatorSpec, Records, Services, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Frame, drive, join, ones};

/// Pauses between tries.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Backoff {
    /// The first pause.
    initial_interval: Duration,
    /// The longest pause.
    max_interval: Duration,
    /// When to give up, counted from the first failure; 0 for never.
    max_elapsed_time: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff {
            initial_interval: Duration::from_ms(500),
            max_interval: Duration::from_secs(10),
            max_elapsed_time: Duration::from_secs(60),
        }
    }
}

/// Configuration of `retry`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Pauses between tries; each is half as long again as the one before.
    #[serde(default)]
    backoff: Backoff,
    /// What is tried on each message.
    processors: Vec<Processor>,
    /// Tries the messages of a batch side by side: not supported yet.
    #[serde(default)]
    parallel: bool,
    /// Most tries after the first; 0 for no limit.
    #[serde(default)]
    max_retries: u64,
}

struct Retry {
    backoff: Backoff,
    chain: Chain,
    retries_max: u64,
    services: Rc<dyn Services>,
}

impl Retry {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut done = Vec::with_capacity(records.recs.len());
        for one in ones(records) {
            done.push(self.tried(&frame, one).await?);
        }
        frame.close(join(done.into_iter()), out);
        Ok(())
    }

    /// What becomes of one message; the flag stays when every try failed.
    async fn tried(&mut self, frame: &Frame, one: Records) -> Result<Records, OperatorError> {
        const GROWTH: f64 = 1.5;
        let began_ns = self.services.now_ns();
        let mut pause_ns = self.backoff.initial_interval.wait_ns();
        let mut retries = 0;
        loop {
            let parts = self.chain.run(frame.share(one.clone())).await?;
            let result = frame.reclaim(parts);
            let failed = result.recs.iter().any(|rec| rec.fault.is_some());
            retries += 1;
            let waited_ns = self.services.now_ns().saturating_sub(began_ns);
            let time_max = self.backoff.max_elapsed_time.wait_ns();
            let over = (self.retries_max > 0 && retries > self.retries_max)
                || (time_max > 0 && waited_ns.saturating_add(pause_ns) > time_max);
            if !failed || over {
                return Ok(result);
            }
            self.services.sleep(pause_ns).await;
            let next = (pause_ns as f64 * GROWTH) as u64;
            pause_ns = next.min(self.backoff.max_interval.wait_ns());
        }
    }
}

impl Operator for Retry {
    fn class(&self) -> Class {
        self.chain.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `retry`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "retry",
    since: "0.1.0",
    category: "composition",
    summary: "Repeats processors on a message, with growing pauses, until they do not fail on it.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "no failure, no repetition",
        config: r#"{"processors":[{"mapping":"root = content().uppercase()"}]}"#,
        input: &["a", "b"],
        output: &["A", "B"],
    }],
    build: |config, env| {
        let Config { backoff, processors, parallel, max_retries } = read_config(config)?;
        if parallel {
            let text = "field 'parallel': messages are only tried one after the other yet";
            return Err(plan::BuildError::new(text));
        }
        Ok(Box::new(Retry {
            backoff,
            chain: Chain::build(env, &processors)?,
            retries_max: max_retries,
            services: env.services(),
        }))
    },
};
