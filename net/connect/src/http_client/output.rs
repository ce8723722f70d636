//! Sink `http_client`: sends messages to a server.

use std::cell::Cell;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use plan::env::{fault_of, read_config};
use plan::fields::Interpolated;
use plan::{
    Batch, Body, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Record, Sink,
    SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::config::Common;
use super::message::Reply;
use super::processor::post;
use super::request::{Part as FormPart, Source};
use crate::compose::part::{Part, result};
use crate::policy::{Batcher, Config as Policy, GATHERED_MAX};
use crate::signal::Signal;
use crate::sync_response::send_back;

/// Most requests of one sink that may be under way at once, whatever is asked for.
pub const IN_FLIGHT_MAX: usize = 4096;

/// Sends messages to a server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The address.
    pub url: Interpolated,
    /// The verb.
    #[serde(default = "post")]
    pub verb: String,
    /// What all HTTP clients have.
    #[serde(flatten)]
    pub common: Common,
    /// Sends a batch as one request with a part for each message.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub batch_as_multipart: bool,
    /// Sends answers back to whoever sent the messages.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub propagate_response: bool,
    /// Batches that may be on their way at once.
    #[serde(default = "in_flight")]
    pub max_in_flight: usize,
    /// When a batch is complete.
    #[serde(default)]
    pub batching: Policy,
    /// The parts of a body that is not made of the content of a message.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub multipart: Vec<FormPart>,
}

fn in_flight() -> usize {
    64
}

/// How many requests are under way.
struct Gate {
    free: Cell<usize>,
    changed: Signal,
}

/// A request is under way until this is dropped.
struct Inside<'a>(&'a Gate);

impl Gate {
    async fn enter(&self) -> Inside<'_> {
        let take = || self.free.get().checked_sub(1).map(|left| self.free.set(left));
        self.changed.until(take).await;
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.free.set(self.0.free.get() + 1);
        self.0.changed.wake();
    }
}

/// What failed, by position.
type Failed = Vec<(usize, Arc<Fault>)>;

/// A running `http_client` sink.
pub struct HttpClient {
    component: Component,
    client: Client,
    as_one: bool,
    propagate: bool,
    max_in_flight: usize,
    gate: Gate,
    batcher: Option<Batcher>,
}

/// Positions of messages, batch by batch as users see them.
fn batches(batch: &Batch) -> Vec<Vec<usize>> {
    let Some(records) = batch.as_records() else { return Vec::new() };
    let mut all = vec![Vec::new()];
    for index in 0..records.recs.len() {
        if let Some(last) = all.last_mut() {
            last.push(index);
        }
        if records.ends_batch(index) {
            all.push(Vec::new());
        }
    }
    all.retain(|positions| !positions.is_empty());
    all
}

impl HttpClient {
    async fn send(&self, batch: &Batch, positions: &[usize]) -> Result<(), Arc<Fault>> {
        let part = Part::of(batch, positions);
        let reply = self.client.send(&part).await;
        let reply = reply.map_err(|refusal| fault_of(&self.component, refusal.text))?;
        if self.propagate {
            propagate(&part, &reply);
        }
        Ok(())
    }

    /// Delivers what is one batch to users. What comes after a message that failed is not sent.
    async fn deliver(&self, batch: &Batch, positions: Vec<usize>) -> Failed {
        let _inside = self.gate.enter().await;
        let requests = if self.as_one { positions.len() } else { 1 };
        let mut rest = positions.as_slice();
        while !rest.is_empty() {
            let (now, then) = rest.split_at(requests.min(rest.len()));
            if let Err(fault) = self.send(batch, now).await {
                return rest.iter().map(|at| (*at, Arc::clone(&fault))).collect();
            }
            rest = then;
        }
        Vec::new()
    }

    async fn write_all(&self, batch: &Batch) -> Result<(), SinkError> {
        if batch.as_records().is_none() {
            let text = "only messages can be sent by HTTP";
            return Err(SinkError::All(fault_of(&self.component, text)));
        }
        let deliver = |positions| self.deliver(batch, positions);
        let sent = stream::iter(batches(batch)).map(deliver).buffered(self.max_in_flight);
        result(sent.concat().await, batch)
    }
}

/// Sends an answer back to who sent the messages.
fn propagate(batch: &Batch, reply: &Reply) {
    let sent = batch.as_records().map(|records| records.recs.as_slice()).unwrap_or_default();
    let made = reply.in_place_of(sent).into_iter().map(|record: Record| {
        let bytes = match &record.body {
            Body::Own(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        (record, bytes)
    });
    send_back(batch, made);
}

impl Sink for HttpClient {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        // Connections are made when there is something to send.
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        match &self.batcher {
            None => Box::pin(self.write_all(batch)),
            Some(batcher) => Box::pin(async move {
                batcher.deliver(batch, async |batch: &Batch| self.write_all(batch).await).await
            }),
        }
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn max_in_flight(&self) -> usize {
        if self.batcher.is_some() { GATHERED_MAX } else { self.max_in_flight }
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.max_in_flight == 0 {
        return Err(BuildError::new("max_in_flight must be greater than or equal to 1"));
    }
    let source = Source::parts(&config.multipart, env)?;
    let max_in_flight = config.max_in_flight.min(IN_FLIGHT_MAX);
    Ok(Box::new(HttpClient {
        component: Component { config: Json::Null, ..env.component().clone() },
        client: Client::new(&config.url, &config.verb, &config.common, source, env)?,
        as_one: config.batch_as_multipart,
        propagate: config.propagate_response,
        max_in_flight,
        gate: Gate { free: Cell::new(max_in_flight), changed: Signal::default() },
        batcher: Batcher::build(&config.batching, env)?,
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "http_client",
    since: "0.1.0",
    category: "network",
    summary: "Sends messages to a server.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "each order to a path of its own",
        config: r#"{"url":"http://localhost:8080/orders/${! json(\"id\") }","verb":"PUT"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
