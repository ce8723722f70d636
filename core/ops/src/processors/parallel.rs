//! `parallel`: processors that wait, run on several messages at the same time.

use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Frame, drive};
use crate::lanes::Lanes;

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

struct Parallel {
    lanes: Lanes,
}

impl Parallel {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let work = async |chain: &mut Chain, one| chain.run(frame.share(one)).await;
        let parts = self.lanes.each(records, work).await?;
        frame.join(parts.into_iter().flatten().collect(), out);
        Ok(())
    }
}

impl Operator for Parallel {
    fn class(&self) -> Class {
        self.lanes.class()
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
        Ok(Box::new(Parallel { lanes: Lanes::build(env, &processors, cap)? }))
    },
};
