//! A publisher on the thread of the clients: it sends what a shard gives it, and says when the
//! broker has it.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use rumqttc::{AsyncClient, ClientError, Event, EventLoop, Outgoing, Packet, QoS};
use tokio::sync::{Notify, oneshot};

use super::{Client, island, said};

/// Batches that wait for the thread.
pub(super) const JOBS_MAX: usize = 4;
/// How a connection began and how it ended.
pub(super) const NEWS_MAX: usize = 2;
/// Most messages that are sent before the broker has the first of them.
pub(super) const WINDOW_MAX: u16 = 1000;
/// The same where each is to arrive once. Brokers drop what is more without a word that this
/// version of the protocol knows; this many every broker takes that is not told otherwise.
pub(super) const ONCE_WINDOW_MAX: u16 = 20;

/// What is published, and how.
#[derive(Clone)]
pub(super) struct Publication {
    pub(super) client: Client,
    pub(super) topic: String,
    pub(super) qos: QoS,
    /// Messages that are sent before the broker has the first of them.
    pub(super) window: u16,
    /// How long to wait before each message.
    pub(super) delay: Duration,
}

/// What happened.
pub(super) enum News {
    /// There is a connection.
    Connected,
    /// It ended. Nothing comes after it.
    Ended(String),
}

/// Messages for the broker; whoever waits hears when it has all of them. When nobody waits any
/// more, the rest is not sent.
pub(super) struct Job {
    pub(super) payloads: Vec<Bytes>,
    pub(super) done: oneshot::Sender<()>,
}

/// Messages of which the broker has said nothing yet.
#[derive(Default)]
struct Open {
    count: Cell<usize>,
    changed: Notify,
}

impl Open {
    fn settle(&self) {
        self.count.set(self.count.get().saturating_sub(1));
        self.changed.notify_one();
    }

    async fn none(&self) {
        while self.count.get() > 0 {
            self.changed.notified().await;
        }
    }
}

/// What starts a publisher on the thread, the way for its messages, and what happens to it.
pub(super) fn client(publication: Publication) -> (island::Job, Sender<Job>, Receiver<News>) {
    let (jobs, taken) = flume::bounded(JOBS_MAX);
    let (tell, news) = flume::bounded(NEWS_MAX);
    let job: island::Job = Box::new(move || Box::pin(run(publication, taken, tell)));
    (job, jobs, news)
}

/// Runs a publisher until its connection ends, or nobody gives it messages any more.
async fn run(publication: Publication, jobs: Receiver<Job>, news: Sender<News>) {
    let Client { name, mut options } = publication.client.clone();
    options.set_inflight(publication.window);
    let (client, mut events) = AsyncClient::new(options, usize::from(publication.window) + 1);
    let open = Open::default();
    let why = {
        let listening = pin!(listen(&mut events, publication.qos, &open, &news));
        let sending = pin!(send(&client, &publication, &open, &jobs));
        match select(listening, sending).await {
            Either::Left((why, _)) | Either::Right((why, _)) => why,
        }
    };
    drop(jobs);
    let _ = news.send_async(News::Ended(format!("{name}: {why}"))).await;
}

/// Listens to the broker; returns why it says no more.
async fn listen(events: &mut EventLoop, qos: QoS, open: &Open, news: &Sender<News>) -> String {
    loop {
        match events.poll().await {
            Err(error) => return said(&error),
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let _ = news.send_async(News::Connected).await;
            }
            Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => open.settle(),
            // Nobody says more of it.
            Ok(Event::Outgoing(Outgoing::Publish(_))) if qos == QoS::AtMostOnce => open.settle(),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return "it is not needed".to_owned(),
            Ok(_) => {}
        }
    }
}

/// Sends messages until nobody gives any, and then the end.
async fn send(
    client: &AsyncClient,
    publication: &Publication,
    open: &Open,
    jobs: &Receiver<Job>,
) -> String {
    while let Ok(Job { payloads, mut done }) = jobs.recv_async().await {
        {
            let sent = pin!(send_all(client, publication, open, &payloads));
            match select(sent, pin!(done.closed())).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(error), _)) => return error.to_string(),
                Either::Right(_) => return "nobody waits for its messages".to_owned(),
            }
        }
        let _ = done.send(()); // nobody waits any more
    }
    match client.try_disconnect() {
        // The connection ends when it is sent.
        Ok(()) => std::future::pending().await,
        Err(error) => error.to_string(),
    }
}

/// Sends messages until the broker has all of them. A window is sent when the broker has all of
/// the one before: the client mistakes numbers that are confirmed out of order otherwise.
async fn send_all(
    client: &AsyncClient,
    publication: &Publication,
    open: &Open,
    payloads: &[Bytes],
) -> Result<(), ClientError> {
    let Publication { topic, qos, window, delay, .. } = publication;
    for some in payloads.chunks(usize::from(*window).max(1)) {
        open.count.set(some.len());
        for payload in some {
            if !delay.is_zero() {
                tokio::time::sleep(*delay).await;
            }
            client.publish_bytes(topic, *qos, false, payload.clone()).await?;
        }
        open.none().await;
    }
    Ok(())
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
