//! `processors`: several processors in the place of one.

use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorSpec, Step, schema_of};

use crate::batches::{Chain, drive};

struct Processors {
    chain: Chain,
}

impl Operator for Processors {
    fn class(&self) -> Class {
        self.chain.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(async {
            out.extend(self.chain.run(batch).await?);
            Ok(())
        })
    }
}

/// The processor `processors`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "processors",
    since: "0.1.0",
    category: "composition",
    summary: "Runs several processors, one after the other, on whole batches.",
    schema: schema_of::<Vec<Processor>>,
    examples: &[Example {
        title: "two in a row",
        config: r#"[{"mapping":"root = content().uppercase()"},{"noop":{}}]"#,
        input: &["a", "b"],
        output: &["A", "B"],
    }],
    build: |config, env| {
        let processors: Vec<Processor> = read_config(config)?;
        Ok(Box::new(Processors { chain: Chain::build(env, &processors)? }))
    },
};
