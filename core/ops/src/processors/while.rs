//! `while`: processors repeated for as long as a condition holds.

use plan::env::read_config;
use plan::fields::{Processor, Query};
use plan::{
    Batch, Class, Example, Expr, Form, Operator, OperatorError, OperatorSpec, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, drive};

/// Configuration of `while`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Runs the processors once before the condition is asked.
    #[serde(default)]
    at_least_once: bool,
    /// Most rounds; 0 for no limit.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    max_loops: u64,
    /// Whether there is another round; asked of the first message of the batch.
    #[serde(default)]
    check: Query,
    /// What is done in each round.
    processors: Vec<Processor>,
}

struct While {
    check: Box<dyn Expr>,
    chain: Chain,
    at_least_once: bool,
    loops_max: u64,
    faults: Faults,
}

impl While {
    /// Whether there is another round; a condition that fails flags the first message.
    fn goes_on(&mut self, batch: &mut Batch) -> Result<bool, OperatorError> {
        let mut mask = Vec::new();
        self.check.test(batch, &mut mask)?;
        match mask.into_iter().next() {
            Some(Ok(holds)) => Ok(holds),
            Some(Err(fault)) => {
                let first = batch.as_records_mut().and_then(|all| all.recs.first_mut());
                if let Some(first) = first {
                    first.fault = Some(self.faults.sign(fault));
                }
                Ok(false)
            }
            None => Ok(false),
        }
    }

    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut batch = frame.share(records);
        let mut loops = 0;
        loop {
            let bounded = self.loops_max > 0 && loops >= self.loops_max;
            let asked = loops > 0 || !self.at_least_once;
            if batch.is_empty() || bounded || (asked && !self.goes_on(&mut batch)?) {
                break;
            }
            let parts = self.chain.run(batch).await?;
            batch = frame.share(frame.reclaim(parts));
            loops += 1;
            yield_now().await;
        }
        frame.join(vec![batch], out);
        Ok(())
    }
}

/// Lets the shard do something else between rounds, so that a loop without end cannot hold it.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl Operator for While {
    fn class(&self) -> Class {
        self.check.class().max(self.chain.class())
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `while`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "while",
    since: "0.1.0",
    category: "composition",
    summary: "Repeats processors for as long as a condition holds.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a condition that does not hold",
        config: r#"{"check":"this.n < 0","processors":[{"noop":{}}]}"#,
        input: &[r#"{"n":0}"#],
        output: &[r#"{"n":0}"#],
    }],
    build: |config, env| {
        let config: Config = read_config(config)?;
        Ok(Box::new(While {
            check: env.expr(&config.check.0, Form::Query)?,
            chain: Chain::build(env, &config.processors)?,
            at_least_once: config.at_least_once,
            loops_max: config.max_loops,
            faults: Faults::of(env.component()),
        }))
    },
};
