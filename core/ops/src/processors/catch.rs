//! `catch`: processors for messages on which an earlier one failed.

use plan::env::read_config;
use plan::fields::Processor;
use plan::{Batch, Class, Example, Operator, OperatorError, OperatorSpec, Step, schema_of};

use crate::batches::{Chain, Frame, drive};
use crate::stages::run_stages;

struct Catch {
    chain: Chain,
}

impl Catch {
    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let failed = |batch: &Batch| {
            batch.as_records().is_some_and(|all| all.recs.iter().any(|rec| rec.fault.is_some()))
        };
        if !failed(&batch) {
            out.push(batch);
            return Ok(());
        }
        let before = out.len();
        if self.chain.is_empty() {
            batch.retain(|rec| {
                rec.fault = None;
                true
            });
            out.push(batch);
            return Ok(());
        }
        let (frame, records) = Frame::open(batch)?;
        let parts = run_stages(&mut self.chain, &frame, records, |rec| rec.fault.is_some()).await?;
        frame.join(parts, out);
        // The flag goes even where the processors here failed in their turn.
        for batch in out.get_mut(before..).unwrap_or_default() {
            batch.retain(|rec| {
                rec.fault = None;
                true
            });
        }
        Ok(())
    }
}

impl Operator for Catch {
    fn class(&self) -> Class {
        self.chain.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `catch`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "catch",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors on messages on which an earlier one failed, and clears the flag.",
    schema: schema_of::<Vec<Processor>>,
    examples: &[Example {
        title: "messages without a flag pass",
        config: r#"[{"mapping":"root = \"failed\""}]"#,
        input: &["fine"],
        output: &["fine"],
    }],
    build: |config, env| {
        let processors: Vec<Processor> = read_config(config)?;
        Ok(Box::new(Catch { chain: Chain::build(env, &processors)? }))
    },
};
