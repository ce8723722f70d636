//! Sink `processed`: operators in front of another sink.

use std::collections::HashMap;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::fields::{Output, Processor};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Origin, Sink,
    SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::CATEGORY;
use crate::compose::chain::Chain;
use crate::compose::child::Child;
use crate::compose::part::{Part, result};

/// An output and processors of what it is given.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Processors of the messages.
    #[serde(default)]
    pub processors: Vec<Processor>,
    /// The output.
    pub output: Output,
}

/// A running `processed` sink.
pub struct Processed {
    component: Component,
    chain: Chain,
    child: Child,
}

impl Processed {
    async fn process(&self, batch: &Batch) -> Result<(), SinkError> {
        // The operators get a share of the acks, as operators elsewhere do; what they filter is
        // delivered. The batch itself keeps its own share until all is written.
        let copy = Batch {
            data: batch.data.clone(),
            acks: batch.acks.clone(),
            seq: batch.seq,
            born_ns: batch.born_ns,
        };
        let batches = self.chain.run(copy).await;
        let batches = batches.map_err(|e| SinkError::All(fault_of(&self.component, e.0)))?;
        let mut failed: Vec<(Origin, Arc<Fault>)> = Vec::new();
        for batch in batches {
            let part = Part::from(batch);
            let Err(refused) = self.child.write(&part).await else { continue };
            for (index, fault) in refused.by_index(part.len()) {
                let record = part.as_records().and_then(|r| r.recs.get(index));
                failed.push((record.map_or(Origin::WHOLE, |r| r.origin), fault));
            }
        }
        result(self.by_index(batch, failed), batch)
    }

    /// Which messages of the whole batch failed, by where they came from.
    fn by_index(
        &self,
        batch: &Batch,
        failed: Vec<(Origin, Arc<Fault>)>,
    ) -> Vec<(usize, Arc<Fault>)> {
        let Some(first) = failed.first().map(|(_, fault)| Arc::clone(fault)) else {
            return Vec::new();
        };
        let whole = failed.iter().any(|(origin, _)| *origin == Origin::WHOLE);
        let Some(records) = batch.as_records().filter(|_| !whole) else {
            return (0..batch.len().max(1)).map(|i| (i, Arc::clone(&first))).collect();
        };
        let faults: HashMap<(u32, u32), Arc<Fault>> =
            failed.into_iter().map(|(o, fault)| ((o.ack, o.tag), fault)).collect();
        let at = |origin: Origin| faults.get(&(origin.ack, origin.tag)).cloned();
        let found = records.recs.iter().enumerate();
        found.filter_map(|(index, record)| Some((index, at(record.origin)?))).collect()
    }
}

impl Sink for Processed {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.open())
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.process(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.close())
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Processed {
        component: env.component().clone(),
        chain: Chain::build(&config.processors, env)?,
        child: Child::build(&config.output, env)?,
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "processed",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Runs messages through processors in front of another output.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "nothing done",
        config: r#"{"processors":[{"name":"noop"}],"output":{"name":"drop"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
