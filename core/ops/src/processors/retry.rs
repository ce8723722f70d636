//! `retry`: processors repeated on a message until they do not fail on it.

use std::rc::Rc;

use formats::value::Value;
use plan::env::read_config;
use plan::fields::{Duration, Processor};
use plan::{
    Batch, BuildError, Class, Example, Operator, OperatorError, OperatorSpec, Records, Services,
    Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Frame, drive, join};
use crate::lanes::Lanes;

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
    /// Tries the messages of a batch side by side, up to 64 at a time.
    #[serde(default)]
    parallel: bool,
    /// After how many tries that failed to give up; 0 for no limit.
    #[serde(default)]
    max_retries: u64,
}

struct Retry {
    backoff: Backoff,
    lanes: Lanes,
    retries_max: u64,
    services: Rc<dyn Services>,
}

impl Retry {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let Retry { backoff, lanes, retries_max, services } = self;
        let patience = Patience { backoff, retries_max: *retries_max, services: &**services };
        let work = async |chain: &mut Chain, one| patience.tried(chain, &frame, one).await;
        let done = lanes.each(records, work).await?;
        frame.close(join(done.into_iter()), out);
        Ok(())
    }
}

/// How often and with which pauses a message is tried.
struct Patience<'a> {
    backoff: &'a Backoff,
    retries_max: u64,
    services: &'a dyn Services,
}

impl Patience<'_> {
    /// What becomes of one message; the flag stays when every try failed.
    async fn tried(
        &self,
        chain: &mut Chain,
        frame: &Frame,
        mut one: Records,
    ) -> Result<Records, OperatorError> {
        const GROWTH: f64 = 1.5;
        // What failed before it came here is nothing that is tried here.
        one.recs.iter_mut().for_each(|rec| rec.fault = None);
        let began_ns = self.services.now_ns();
        let time_max = self.backoff.max_elapsed_time.wait_ns();
        let mut pause_ns = self.backoff.initial_interval.wait_ns();
        let (mut retries, mut paused_ns) = (0, 0_u64);
        loop {
            let parts = chain.run(frame.share(one.clone())).await?;
            let result = frame.reclaim(parts);
            if result.recs.iter().all(|rec| rec.fault.is_none()) {
                return Ok(counted(result, retries, paused_ns));
            }
            retries += 1;
            let waited_ns = self.services.now_ns().saturating_sub(began_ns);
            let late = time_max > 0 && waited_ns.saturating_add(pause_ns) > time_max;
            if retries == self.retries_max || late {
                return Ok(counted(result, retries, paused_ns));
            }
            self.services.sleep(pause_ns).await;
            paused_ns = paused_ns.saturating_add(pause_ns);
            let next = (pause_ns as f64 * GROWTH) as u64;
            pause_ns = next.min(self.backoff.max_interval.wait_ns());
        }
    }
}

/// Messages that know how often they were tried again and how long they waited for it;
/// nanoseconds.
fn counted(mut records: Records, retries: u64, paused_ns: u64) -> Records {
    let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    for rec in &mut records.recs {
        let meta = rec.meta_mut();
        meta.set("retry_count", number(retries));
        meta.set("backoff_duration", number(paused_ns));
    }
    records
}

impl Operator for Retry {
    fn class(&self) -> Class {
        self.lanes.class()
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
        if processors.is_empty() {
            return Err(BuildError::new("at least one child processor must be specified"));
        }
        let lanes = if parallel { 0 } else { 1 };
        Ok(Box::new(Retry {
            backoff,
            lanes: Lanes::build(env, &processors, lanes)?,
            retries_max: max_retries,
            services: env.services(),
        }))
    },
};
