//! Sink `reject_errored`: refuses messages on which a processor failed, and hands the others on.

use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::fields::Output;
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};

use crate::compose::CATEGORY;
use crate::compose::child::Child;
use crate::compose::part::{result, write_part};

/// The output of messages without an error.
pub type Config = Output;

/// A running `reject_errored` sink.
pub struct RejectErrored {
    component: Component,
    child: Child,
}

impl RejectErrored {
    async fn sort(&self, batch: &Batch) -> Result<(), SinkError> {
        let Some(records) = batch.as_records() else {
            return self.child.write(batch).await.map_err(SinkError::from);
        };
        let mut good = Vec::new();
        let mut failed = Vec::new();
        for (index, record) in records.recs.iter().enumerate() {
            match &record.fault {
                None => good.push(index),
                Some(fault) => {
                    let text = format!("rejecting due to failed processing: {}", fault.text);
                    failed.push((index, fault_of(&self.component, text)));
                }
            }
        }
        failed.extend(write_part(&self.child, batch, &good).await.err().into_iter().flatten());
        failed.sort_by_key(|(index, _)| *index);
        result(failed, batch)
    }
}

impl Sink for RejectErrored {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.open())
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.sort(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.close())
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    let child = Child::build(&config, env)?;
    Ok(Box::new(RejectErrored { component: env.component().clone(), child }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "reject_errored",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Refuses messages on which a processor failed.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "only what was processed is written",
        config: r#"{"name":"stdout"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
