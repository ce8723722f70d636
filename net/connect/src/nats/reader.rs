//! The reading side of an edge, on the thread of the client: batches go to the source in the order
//! in which they were written, and leave the stream when the source says that they are delivered.
//!
//! The server hands out again what was not acknowledged when somebody begins to read anew, all of
//! it in order: the consumer is made again each time. Within a process nothing arrives twice.

use std::collections::{HashMap, HashSet};
use std::time::Duration as Time;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, select};

use super::edge::{self, Arrived, Assembly};
use super::island::{self, Pauses};
use super::{Config, text_of};

/// Batches that wait for the source.
pub(super) const WAITING_MAX: usize = 16;
/// Messages of the stream that are handed out and not acknowledged; more wait at the server.
pub(super) const UNACKED_MAX: usize = 1024;
/// Messages that are asked for at a time.
const ASKED_MAX: usize = 128;
/// Acknowledgements that the server has not confirmed.
const UNCONFIRMED_MAX: usize = 256;
/// How often the server says that it is there.
const HEARTBEAT: Time = Time::from_secs(2);
/// How long a request for messages waits for them.
const ASK_FOR: Time = Time::from_secs(10);
/// The server does not hand out again by itself what is under way: who reads asks for it.
const ACK_WAIT: Time = Time::from_secs(7 * 24 * 3600);
/// Name of the one consumer of a stream.
const CONSUMER: &str = "reader";

/// What the source gets.
pub(super) enum Delivery {
    /// The server is there, or why not.
    Up(Result<(), String>),
    /// A batch, and the pieces it was in, which stand for it when it is acknowledged.
    Batch(Bytes, Vec<u64>),
    /// Nothing comes any more.
    End,
}

/// A message that was handed out.
struct Held {
    message: Message,
    /// Whether it is to be acknowledged.
    done: bool,
}

struct Reader {
    config: Config,
    deliveries: flume::Sender<Delivery>,
    acks: flume::Receiver<Vec<u64>>,
    /// By their numbers in the stream.
    held: HashMap<u64, Held>,
    /// Acknowledged, and it is not known whether the server has heard of it.
    unconfirmed: HashSet<u64>,
    ended: bool,
}

/// Reads until the source is gone and all it has acknowledged is told to the server.
pub(super) async fn read(
    config: Config,
    deliveries: flume::Sender<Delivery>,
    acks: flume::Receiver<Vec<u64>>,
) {
    let (held, unconfirmed) = (HashMap::new(), HashSet::new());
    let mut reader = Reader { config, deliveries, acks, held, unconfirmed, ended: false };
    let mut pauses = Pauses::new();
    while let Err(text) = reader.run(&mut pauses).await {
        let _ = reader.deliveries.try_send(Delivery::Up(Err(text)));
        if reader.acks.is_disconnected() {
            return;
        }
        pauses.wait().await;
    }
}

impl Reader {
    async fn messages(&self) -> Result<pull::Stream, String> {
        let streams = island::streams(&self.config.url).await?;
        let stream = edge::stream(&streams, &self.config).await?;
        // There may be none yet.
        let _ = stream.delete_consumer(CONSUMER).await;
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: UNACKED_MAX as i64,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| text_of(&error))?;
        let messages = consumer.stream().max_messages_per_batch(ASKED_MAX);
        let messages = messages.heartbeat(HEARTBEAT).expires(ASK_FOR).messages().await;
        messages.map_err(|error| text_of(&error))
    }

    /// Reads until the source is gone.
    async fn run(&mut self, pauses: &mut Pauses) -> Result<(), String> {
        let mut messages = self.messages().await?;
        *pauses = Pauses::new();
        let _ = self.deliveries.try_send(Delivery::Up(Ok(())));
        let mut assembly = Assembly::default();
        let acks = self.acks.clone();
        // What was acknowledged while the server was away comes again and is acknowledged then.
        loop {
            let acked = std::pin::pin!(acks.recv_async());
            match select(acked, messages.next()).await {
                Either::Left((Ok(numbers), _)) => self.done(&numbers).await?,
                Either::Left((Err(_), _)) => return Ok(()),
                Either::Right((Some(Ok(message)), _)) => {
                    self.take(message, &mut assembly).await?;
                }
                Either::Right((Some(Err(error)), _)) => return Err(text_of(&error)),
                Either::Right((None, _)) => return Err("the server ended the stream".to_owned()),
            }
        }
    }

    /// These are delivered: they leave the stream.
    async fn done(&mut self, numbers: &[u64]) -> Result<(), String> {
        for number in numbers {
            if let Some(held) = self.held.get_mut(number) {
                held.done = true;
            }
        }
        for number in numbers {
            self.acknowledge(*number).await?;
        }
        Ok(())
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), String> {
        let Some(held) = self.held.get(&number) else { return Ok(()) };
        if self.unconfirmed.len() < UNCONFIRMED_MAX {
            held.message.ack().await.map_err(|error| error.to_string())?;
            self.unconfirmed.insert(number);
        } else {
            // The server hears acknowledgements in order: this answer stands for all before.
            held.message.double_ack().await.map_err(|error| error.to_string())?;
            self.unconfirmed.clear();
        }
        self.held.remove(&number);
        Ok(())
    }

    async fn take(&mut self, message: Message, assembly: &mut Assembly) -> Result<(), String> {
        let number = message.info().map_err(|error| error.to_string())?.stream_sequence;
        let piece = message.payload.clone();
        if self.unconfirmed.contains(&number) {
            return message.ack().await.map_err(|error| error.to_string());
        }
        if let Some(held) = self.held.get_mut(&number) {
            held.message = message;
            return if held.done { self.acknowledge(number).await } else { Ok(()) };
        }
        let (remains, arrived) = assembly.take(number, &piece);
        if !matches!(arrived, Arrived::End) {
            self.held.insert(number, Held { message, done: false });
        }
        for arrived in remains.into_iter().chain([arrived]) {
            match arrived {
                Arrived::More => {}
                Arrived::Remains(numbers) => self.done(&numbers).await?,
                Arrived::Batch(bytes, numbers) => {
                    self.deliver(Delivery::Batch(bytes, numbers)).await?;
                }
                // The mark stays in the stream for whoever reads anew.
                Arrived::End if self.ended => {}
                Arrived::End => {
                    self.ended = true;
                    self.deliver(Delivery::End).await?;
                }
            }
        }
        Ok(())
    }

    /// Hands something on; acknowledgements are heard while the source has no room.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), String> {
        let deliveries = self.deliveries.clone();
        let mut sending = deliveries.into_send_async(delivery);
        let acks = self.acks.clone();
        loop {
            let acked = std::pin::pin!(acks.recv_async());
            match select(&mut sending, acked).await {
                // A source that has ended takes no more, and still acknowledges.
                Either::Left(_) => return Ok(()),
                Either::Right((Ok(numbers), _)) => self.done(&numbers).await?,
                Either::Right((Err(_), _)) => return Ok(()),
            }
        }
    }
}
