//! Source `mqtt`: subscribes to a topic. The broker forgets a message when it is delivered.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::env::read_config;
use plan::{
    Batch, Body, BuildError, Env, Example, Json, LocalBoxFuture, Origin, Record, Records, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use rumqttc::valid_filter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::ledger::{Arrival, Ledger, Receipt, Ticket};
use super::receive::{self, News, Subscription};
use super::{NAME_BYTES_MAX, Place, island, qos_of};
use crate::wait::{Ended, until_stopping};

/// Most messages of a batch.
pub const BATCH_MAX: usize = 256;
/// Batches on their way through the pipeline, of which the broker is to be told; then no more are
/// read.
pub const IN_FLIGHT_MAX: usize = 1024;
/// How long what is on its way at a stop may take to be delivered before nobody tells the broker.
const FAREWELL_MAX: Duration = Duration::from_secs(10);

/// Subscribes to a topic of an MQTT broker. While the broker is away connecting is tried again and
/// again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where the broker is.
    #[serde(flatten)]
    pub place: Place,
    /// The topic; `+` stands for one level of it and `#`, at its end, for any.
    pub topic: String,
    /// How surely messages arrive: 0 at most once, 1 at least once, 2 once.
    #[serde(default = "once")]
    pub qos: u8,
    /// Whether the broker forgets the client when the connection ends. Otherwise it keeps messages
    /// until the client, by its `client_id`, comes back.
    #[serde(default = "crate::yes")]
    pub clean_session: bool,
}

fn once() -> u8 {
    2
}

/// What became of the messages of a batch.
type Passed = (Vec<Ticket>, bool);

/// A running `mqtt` source.
pub struct Mqtt {
    subscription: Subscription,
    ledger: Ledger,
    on_the_way: FuturesUnordered<LocalBoxFuture<'static, Passed>>,
    /// Whether it is known what the broker knows: before, it is told nothing, because its numbers
    /// may mean other messages now.
    agreed: bool,
    /// Whether messages come.
    is_up: bool,
}

/// What comes first.
enum Turn {
    Stop,
    Passed(Passed),
    News(Option<News>),
}

/// Messages that were read together.
#[derive(Default)]
struct Read {
    recs: Vec<Record>,
    tickets: Vec<Ticket>,
    /// The room that they take until they are emitted.
    rooms: Vec<OwnedSemaphorePermit>,
    ended: Option<String>,
}

impl Mqtt {
    fn new(subscription: Subscription) -> Self {
        let (ledger, on_the_way) = (Ledger::default(), FuturesUnordered::new());
        Mqtt { subscription, ledger, on_the_way, agreed: false, is_up: false }
    }

    async fn read(
        &mut self,
        context: &Rc<dyn SourceContext>,
        job: island::Job,
        news: &Receiver<News>,
        receipts: &Sender<Receipt>,
    ) -> Result<(), SourceError> {
        (self.agreed, self.is_up) = (false, false);
        let started = island::start(island::queue(), job);
        match until_stopping(context, started).await {
            Ended::Stopping => return Err(SourceError::Stopped),
            Ended::Done(started) => started.map_err(SourceError::Retry)?,
        }
        loop {
            match self.turn(context, news).await {
                Turn::Stop => return Err(SourceError::Stopped),
                Turn::Passed(passed) => tell_of(&mut self.ledger, passed, receipts).await,
                Turn::News(first) => {
                    let first = first.unwrap_or_else(|| News::Ended("the client failed".into()));
                    let read = self.take(first, news, context, receipts).await;
                    let ended = read.ended.clone();
                    self.emit(read, context).await?;
                    if let Some(why) = ended {
                        if self.is_up {
                            context.connected(false);
                        }
                        return Err(SourceError::Retry(why));
                    }
                }
            }
        }
    }

    /// Waits until there is something to do.
    async fn turn(&mut self, context: &Rc<dyn SourceContext>, news: &Receiver<News>) -> Turn {
        // What is on its way from a connection before is first compared with what the broker knows.
        let (agreed, room) = (self.agreed, self.on_the_way.len() < IN_FLIGHT_MAX);
        let on_the_way = &mut self.on_the_way;
        let passed = pin!(async move {
            match agreed {
                true => match on_the_way.next().await {
                    Some(passed) => passed,
                    None => std::future::pending().await,
                },
                false => std::future::pending().await,
            }
        });
        let heard = pin!(async {
            if room || !agreed {
                news.recv_async().await.ok()
            } else {
                std::future::pending().await
            }
        });
        match until_stopping(context, select(passed, heard)).await {
            Ended::Stopping => Turn::Stop,
            Ended::Done(Either::Left((passed, _))) => Turn::Passed(passed),
            Ended::Done(Either::Right((news, _))) => Turn::News(news),
        }
    }

    /// Takes what has come, up to a batch of messages.
    async fn take(
        &mut self,
        first: News,
        news: &Receiver<News>,
        context: &Rc<dyn SourceContext>,
        receipts: &Sender<Receipt>,
    ) -> Read {
        let mut read = Read::default();
        for news in std::iter::once(first).chain(news.try_iter().take(BATCH_MAX - 1)) {
            match news {
                News::Connected(known) => {
                    self.ledger.connected(known);
                    self.agreed = true;
                }
                News::Subscribed => {
                    context.connected(true);
                    self.is_up = true;
                }
                News::Released(id) => self.ledger.released(id),
                News::Ended(why) => read.ended = Some(why),
                News::Message(message, room) => match self.ledger.arrived(&message) {
                    Arrival::New(ticket) => {
                        read.rooms.push(room);
                        read.tickets.extend(ticket);
                        read.recs.push(record(message.payload, read.recs.len()));
                    }
                    Arrival::Held => {}
                    // Nobody listens when the connection has ended: then the broker asks again.
                    Arrival::Known(receipt) => {
                        let _ = receipts.send_async(receipt).await;
                    }
                },
            }
        }
        read
    }

    async fn emit(
        &mut self,
        read: Read,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let Read { recs, tickets, rooms, .. } = read;
        if recs.is_empty() {
            return Ok(());
        }
        // Messages on their own, put together only to be quick.
        let records = Records { recs, loose: true, ..Records::default() };
        let emitted = context.emit(Batch::records(records)).await?;
        drop(rooms);
        if !tickets.is_empty() {
            self.on_the_way
                .push(Box::pin(async move { (tickets, emitted.outcome().await.is_ok()) }));
        }
        Ok(())
    }

    /// Sees to it that the broker hears of what is still on its way, without anybody waiting.
    fn bid_farewell(&mut self, receipts: Sender<Receipt>) {
        let mut on_the_way = std::mem::take(&mut self.on_the_way);
        let mut ledger = std::mem::take(&mut self.ledger);
        drop(rt::spawn(async move {
            let rest = async {
                while let Some(passed) = on_the_way.next().await {
                    tell_of(&mut ledger, passed, &receipts).await;
                }
            };
            let _ = rt::timeout(FAREWELL_MAX, rest).await; // the broker keeps what is not told
        }));
    }
}

/// Tells the broker of what became of messages.
async fn tell_of(ledger: &mut Ledger, (tickets, ok): Passed, receipts: &Sender<Receipt>) {
    for ticket in tickets {
        if !ok {
            ledger.failed(ticket);
        } else if let Some(receipt) = ledger.delivered(ticket) {
            // Nobody listens when the connection has ended: then the broker asks again.
            let _ = receipts.send_async(receipt).await;
        }
    }
}

fn record(payload: Bytes, at: usize) -> Record {
    let tag = u32::try_from(at).unwrap_or(u32::MAX);
    let body = Body::Own(payload.to_vec().into());
    Record { body, origin: Origin { ack: 0, tag }, ..Record::default() }
}

impl Source for Mqtt {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let (job, news, receipts) = receive::client(self.subscription.clone());
            let ended = self.read(&context, job, &news, &receipts).await;
            if ended == Err(SourceError::Stopped) && self.agreed {
                self.bid_farewell(receipts);
            }
            ended
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let Config { place, topic, qos, clean_session } = read_config(config)?;
    if !clean_session && place.client_id.is_empty() {
        let text = "field 'client_id': the broker keeps messages only for clients with a name";
        return Err(BuildError::new(text));
    }
    if !valid_filter(&topic) || topic.len() > NAME_BYTES_MAX {
        return Err(BuildError::new("field 'topic': that is no topic to subscribe to"));
    }
    let client = place.client(&*env.services())?;
    let subscription = Subscription { client, topic, qos: qos_of(qos)?, kept: !clean_session };
    Ok(Box::new(Mqtt::new(subscription)))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "mqtt",
    since: "0.1.0",
    category: "network",
    summary: "Subscribes to a topic of an MQTT broker.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "everything that sensors say, also while nobody listens",
        config: r#"{"url":"tcp://localhost:1883","topic":"sensors/#","client_id":"reader",
            "clean_session":false}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
