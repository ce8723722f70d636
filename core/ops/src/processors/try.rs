//! `try`: processors of which a message takes as many as it does not fail on.

use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};

use crate::batches::{Chain, Frame, drive};
use crate::stages::run_stages;

struct Try {
    chain: Chain,
}

impl Try {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let parts = run_stages(&mut self.chain, &frame, records, |rec| rec.fault.is_none()).await?;
        frame.join(parts, out);
        Ok(())
    }
}

impl Operator for Try {
    fn class(&self) -> Class {
        self.chain.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `try`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "try",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors on each message until one of them fails on it.",
    schema: schema_of::<Vec<Processor>>,
    examples: &[Example {
        title: "a failure skips the rest",
        config: r#"[{"mapping":"root = this.a.number()"},{"mapping":"root = {\"n\": this}"}]"#,
        input: &[r#"{"a":"5"}"#, r#"{"a":"x"}"#],
        output: &[r#"{"n":5}"#, r#"{"a":"x"}"#],
    }],
    build: |config, env| {
        let processors: Vec<Processor> = read_config(config)?;
        Ok(Box::new(Try { chain: Chain::build(env, &processors)? }))
    },
};
