//! `for_each`: processors run on each message as a batch of its own.

use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};

use crate::batches::{Chain, Frame, drive, ones};

struct ForEach {
    chain: Chain,
}

impl ForEach {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut parts = Vec::with_capacity(records.recs.len());
        for one in ones(records) {
            parts.extend(self.chain.run(frame.share(one)).await?);
        }
        frame.join(parts, out);
        Ok(())
    }
}

impl Operator for ForEach {
    fn class(&self) -> Class {
        self.chain.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `for_each`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "for_each",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors on each message as a batch of one.",
    schema: schema_of::<Vec<Processor>>,
    examples: &[Example {
        title: "each batch has one message",
        config: r#"[{"mapping":"root = batch_size()"}]"#,
        input: &["a", "b"],
        output: &["1", "1"],
    }],
    build: |config, env| {
        let processors: Vec<Processor> = read_config(config)?;
        Ok(Box::new(ForEach { chain: Chain::build(env, &processors)? }))
    },
};
