//! A subscription on the thread of the clients: messages go to a shard, receipts come back.

use std::pin::pin;
use std::sync::Arc;

use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttState, Outgoing, Packet, Publish, QoS, SubscribeReasonCode,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ledger::Receipt;
use super::{Client, PACKET_BYTES_MAX, island, said};

/// Things that happened and wait for the shard; then nothing more is read from the broker.
pub(super) const NEWS_MAX: usize = 256;
/// Bytes of messages that wait for the shard; then nothing more is read from the broker.
pub(super) const WAITING_BYTES_MAX: usize = 32 << 20;
/// Receipts that wait for the thread.
pub(super) const RECEIPTS_MAX: usize = 256;
/// Receipts that wait for the connection: as many as there are numbers, a subscription, and an end.
const REQUESTS_MAX: usize = u16::MAX as usize + 2;

/// What is subscribed to.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) client: Client,
    pub(super) topic: String,
    pub(super) qos: QoS,
    /// Whether the broker keeps messages while nobody is connected.
    pub(super) kept: bool,
}

/// What happened.
pub(super) enum News {
    /// There is a connection; whether the broker knows the client from before.
    Connected(bool),
    /// The broker sends messages from now on.
    Subscribed,
    /// A message, and the room that it takes until somebody has it.
    Message(Publish, OwnedSemaphorePermit),
    /// The broker will not send this number again.
    Released(u16),
    /// The connection ended. Nothing comes after it.
    Ended(String),
}

/// What starts a subscription on the thread, what happens to it, and the way back for receipts.
pub(super) fn client(subscription: Subscription) -> (island::Job, Receiver<News>, Sender<Receipt>) {
    let (tell, news) = flume::bounded(NEWS_MAX);
    let (receipts, taken) = flume::bounded(RECEIPTS_MAX);
    let job: island::Job = Box::new(move || Box::pin(run(subscription, tell, taken)));
    (job, news, receipts)
}

/// Runs a subscription until its connection ends, or nobody sends receipts any more.
async fn run(subscription: Subscription, news: Sender<News>, receipts: Receiver<Receipt>) {
    let Subscription { client: Client { name, mut options }, topic, qos, kept } = subscription;
    options.set_manual_acks(true);
    options.set_clean_session(!kept);
    let (client, mut events) = AsyncClient::new(options, REQUESTS_MAX);
    if kept {
        expect_releases(&mut events.state);
    }
    let why = {
        let listening = pin!(listen(&mut events, &client, (&topic, qos), &news));
        let answering = pin!(answer(&client, &receipts));
        match select(listening, answering).await {
            Either::Left((why, _)) | Either::Right((why, _)) => why,
        }
    };
    // Whoever still gives receipts must not wait for room: only then does it read the news.
    drop(receipts);
    let _ = news.send_async(News::Ended(format!("{name}: {why}"))).await;
}

/// A session that was taken over may begin with releases of what an earlier client took, also of
/// one that subscribed with another quality.
fn expect_releases(state: &mut MqttState) {
    for id in 1..=u16::MAX {
        let mut taken = Publish::new("", QoS::ExactlyOnce, "");
        taken.pkid = id;
        let _ = state.handle_incoming_packet(Packet::Publish(taken));
        state.events.clear();
    }
}

/// Passes on what the broker sends; returns why it sends no more.
async fn listen(
    events: &mut EventLoop,
    client: &AsyncClient,
    (topic, qos): (&str, QoS),
    news: &Sender<News>,
) -> String {
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
    loop {
        let told = match events.poll().await {
            Err(error) => return said(&error),
            Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                if let Err(error) = client.try_subscribe(topic, qos) {
                    return error.to_string();
                }
                News::Connected(answer.session_present)
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return format!("the broker refuses the subscription to {topic}");
                }
                News::Subscribed
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                let Some(place) = place_for(&message, &room).await else {
                    return "there is no room for the message".to_owned();
                };
                News::Message(message, place)
            }
            Ok(Event::Incoming(Packet::PubRel(release))) => News::Released(release.pkid),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return "it is not needed".to_owned(),
            Ok(_) => continue,
        };
        // Nobody reads any more while the last receipts are sent: then the broker keeps the rest.
        let _ = news.send_async(told).await;
    }
}

/// Waits until a message may wait with the others.
async fn place_for(message: &Publish, room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let bytes = (message.topic.len() + message.payload.len()).min(PACKET_BYTES_MAX);
    let bytes = u32::try_from(bytes).ok()?;
    Arc::clone(room).acquire_many_owned(bytes).await.ok()
}

/// Sends receipts until nobody gives any, and then the end; returns what went wrong, if something
/// did.
async fn answer(client: &AsyncClient, receipts: &Receiver<Receipt>) -> String {
    while let Ok(Receipt { id, qos }) = receipts.recv_async().await {
        let mut taken = Publish::new("", qos, "");
        taken.pkid = id;
        if client.try_ack(&taken).is_err() {
            return "the broker does not take receipts".to_owned();
        }
    }
    match client.try_disconnect() {
        // The connection ends when it is sent.
        Ok(()) => std::future::pending().await,
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
