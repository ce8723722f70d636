//! Sink `mqtt`: a message to a topic for each message.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flume::Sender;
use futures_util::FutureExt;
use futures_util::future::{Either, Shared, select};
use plan::env::{fault_of, read_config};
use plan::{
    Batch, Body, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Records, Sink,
    SinkError, SinkSpec, schema_of,
};
use rumqttc::{QoS, valid_topic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::publish::{self, Job, News, ONCE_WINDOW_MAX, Publication, WINDOW_MAX};
use super::{NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Place, island, qos_of};
use crate::compose::records::records_of;

/// Publishes messages to a topic of an MQTT broker; blocks of lines are a message for each line.
/// With `qos` 1 and 2 a message is delivered when the broker has confirmed it. When the connection
/// ends before, the batch is sent again as a whole.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where the broker is.
    #[serde(flatten)]
    pub place: Place,
    /// The topic.
    pub topic: String,
    /// How surely messages arrive: 0 at most once, 1 at least once, 2 once.
    #[serde(default = "at_least_once")]
    pub qos: u8,
    /// Messages that are sent before the broker has confirmed the first of them; at most 1000, and
    /// 20 with a `qos` of 2.
    #[serde(default = "window")]
    pub window: u64,
    /// Nanoseconds to wait before each message.
    #[serde(default)]
    pub delay_ns: u64,
}

fn at_least_once() -> u8 {
    1
}

fn window() -> u64 {
    100
}

/// A connection, as the shard knows it.
struct Link {
    jobs: Sender<Job>,
    /// Why it ended, once it did.
    ended: Shared<LocalBoxFuture<'static, String>>,
}

/// A running `mqtt` sink.
pub struct Mqtt {
    component: Component,
    publication: Publication,
    link: RefCell<Option<Rc<Link>>>,
}

impl Mqtt {
    fn fault(&self, text: impl Into<String>) -> Arc<Fault> {
        fault_of(&self.component, text)
    }

    async fn connect(&self) -> Result<Link, String> {
        let (job, jobs, news) = publish::client(self.publication.clone());
        island::start(island::queue(), job).await?;
        let failed = || "the client failed".to_owned();
        match news.recv_async().await {
            Ok(News::Connected) => {}
            Ok(News::Ended(why)) => return Err(why),
            Err(_) => return Err(failed()),
        }
        let ended: LocalBoxFuture<'static, String> = Box::pin(async move {
            match news.recv_async().await {
                Ok(News::Ended(why)) => why,
                _ => failed(),
            }
        });
        Ok(Link { jobs, ended: ended.shared() })
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let split;
        let records = match batch.as_records() {
            Some(records) => records,
            None => {
                let only = |_| SinkError::All(self.fault("only messages can be published"));
                split = records_of(batch.data.clone()).map_err(only)?;
                &split
            }
        };
        let (mut payloads, mut refused) = (Vec::new(), Vec::new());
        for index in 0..records.recs.len() {
            match payload(records, index) {
                bytes if bytes.len() <= PAYLOAD_BYTES_MAX => payloads.push(bytes),
                bytes => {
                    let size = bytes.len();
                    let text = format!(
                        "a message of {size} bytes is too large, at most {PAYLOAD_BYTES_MAX} are \
                         published"
                    );
                    refused.push((index, self.fault(text)));
                }
            }
        }
        match refused.first() {
            // Lines of a block cannot be refused one by one.
            Some((_, fault)) if batch.as_records().is_none() => {
                return Err(SinkError::All(Arc::clone(fault)));
            }
            _ => self.publish(payloads).await?,
        }
        if refused.is_empty() { Ok(()) } else { Err(SinkError::Some(refused)) }
    }

    async fn publish(&self, payloads: Vec<Bytes>) -> Result<(), SinkError> {
        if payloads.is_empty() {
            return Ok(());
        }
        let link = self.link.borrow().clone();
        let Some(link) = link else {
            return Err(SinkError::NotConnected(self.fault("not connected to target output")));
        };
        let (done, finished) = oneshot::channel();
        // Whether it is lost shows below.
        let _ = link.jobs.send_async(Job { payloads, done }).await;
        let why = match select(finished, link.ended.clone()).await {
            Either::Left((Ok(()), _)) => return Ok(()),
            Either::Left((Err(_), ended)) => ended.await,
            // The last that it said may be that all is done.
            Either::Right((why, mut finished)) => match finished.try_recv() {
                Ok(()) => return Ok(()),
                Err(_) => why,
            },
        };
        self.link.borrow_mut().take();
        Err(SinkError::NotConnected(self.fault(why)))
    }
}

/// The content of a message.
fn payload(records: &Records, index: usize) -> Bytes {
    match records.recs.get(index).map(|record| &record.body) {
        Some(Body::Range { start, len }) => {
            let start = *start as usize;
            let end = start.saturating_add(*len as usize).min(records.block.len());
            records.block.slice(start.min(end)..end)
        }
        _ => Bytes::copy_from_slice(records.bytes(index, &mut Vec::new())),
    }
}

impl Sink for Mqtt {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.link.borrow_mut().take();
            let link = self.connect().await.map_err(|text| self.fault(text))?;
            self.link.replace(Some(Rc::new(link)));
            Ok(())
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            // The broker has what was written; the thread says goodbye to it.
            self.link.borrow_mut().take();
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let Config { place, topic, qos, window, delay_ns } = read_config(config)?;
    if !valid_topic(&topic) || topic.is_empty() || topic.len() > NAME_BYTES_MAX {
        return Err(BuildError::new("field 'topic': that is no topic to publish to"));
    }
    let client = place.client(&*env.services())?;
    let (qos, delay) = (qos_of(qos)?, Duration::from_nanos(delay_ns));
    let most = if qos == QoS::ExactlyOnce { ONCE_WINDOW_MAX } else { WINDOW_MAX };
    let window = u16::try_from(window).unwrap_or(most).clamp(1, most);
    Ok(Box::new(Mqtt {
        component: env.component().clone(),
        publication: Publication { client, topic, qos, window, delay },
        link: RefCell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "mqtt",
    since: "0.1.0",
    category: "network",
    summary: "Publishes messages to a topic of an MQTT broker.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "alarms, each at least once",
        config: r#"{"url":"tcp://localhost:1883","topic":"alarms"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
