//! Sink `sync_response`: messages go back to whoever sent what they were made of.

use std::sync::Arc;

use plan::env::fault_of;
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Record, Sink,
    SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {}

/// Messages and their printed bytes.
type Replies = Vec<(Record, Vec<u8>)>;

/// A running `sync_response` sink.
pub struct SyncResponse {
    component: Component,
}

impl SyncResponse {
    fn reply(&self, batch: &Batch) -> Result<(), SinkError> {
        let Some(records) = batch.as_records() else {
            let text = "only messages can be sent back";
            return Err(SinkError::All(fault_of(&self.component, text)));
        };
        let mut scratch = Vec::new();
        let reply = |(index, record): (usize, &Record)| {
            (record.clone(), records.bytes(index, &mut scratch).to_vec())
        };
        send_back(batch, records.recs.iter().enumerate().map(reply));
        Ok(())
    }
}

/// Sends messages that were made of those of a batch back to who sent these.
pub(crate) fn send_back(batch: &Batch, messages: impl Iterator<Item = (Record, Vec<u8>)>) {
    let mut replies: Vec<(u32, Replies)> = Vec::new();
    for (record, bytes) in messages {
        let ack = record.origin.ack;
        // A message made of several goes back to the first of their senders.
        let ack = if batch.acks.get(ack).is_some() { ack } else { 0 };
        match replies.iter_mut().find(|(known, _)| *known == ack) {
            Some((_, list)) => list.push((record, bytes)),
            None => replies.push((ack, vec![(record, bytes)])),
        }
    }
    for (ack, list) in replies {
        if let Some(ack) = batch.acks.get(ack) {
            ack.reply(list);
        }
    }
}

impl Sink for SyncResponse {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(std::future::ready(self.reply(batch)))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn build(_: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    Ok(Box::new(SyncResponse { component: env.component().clone() }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "sync_response",
    since: "0.1.0",
    category: "utility",
    summary: "Sends messages back to whoever sent what they were made of.",
    schema: schema_of::<Config>,
    examples: &[Example { title: "an answer", config: "{}", input: &[], output: &[] }],
    build,
};
