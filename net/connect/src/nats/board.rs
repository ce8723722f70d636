//! A board on which the processes of an installation write what the others are to know: a bucket of
//! keys and values. What this process writes arrives as soon as the server is there.

use std::collections::{HashSet, VecDeque};
use std::time::Duration as Time;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{Config, Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{StreamExt, TryStreamExt};

use plan::board::{Board, Change, Event};

use super::island::{self, Pauses};
use super::{edge, text_of};

/// Changes that wait to be noted; whoever has more waits.
const CHANGES_MAX: usize = 1024;
/// Changes that are noted and wait for the server.
const NOTED_MAX: usize = 5000;
/// Events that wait for whoever reads the board.
const EVENTS_MAX: usize = 1024;
/// How often it is looked whether the server is there.
const LOOK_EVERY: Time = Time::from_millis(250);

/// Where a board is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Address of the server.
    pub url: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name that the server must have, where it matters whether it is that one.
    pub server: Option<String>,
}

struct Keeper {
    place: Place,
    changes: flume::Receiver<Change>,
    events: flume::Sender<Event>,
    todo: VecDeque<Change>,
    /// Keys that are known to be on the board.
    known: HashSet<String>,
    /// Why the server is away, when that was told.
    down: Option<String>,
}

/// Joins a board, until one of its ends is dropped.
///
/// # Errors
/// The system gives no thread for the client.
pub fn join(place: Place) -> Result<Board, String> {
    let (sender, changes) = flume::bounded(CHANGES_MAX);
    let (events, receiver) = flume::bounded(EVENTS_MAX);
    island::run(move || serve(place, changes, events))?;
    Ok(Board { changes: sender, events: receiver })
}

async fn serve(place: Place, changes: flume::Receiver<Change>, events: flume::Sender<Event>) {
    let (todo, known, down) = (VecDeque::new(), HashSet::new(), None);
    let mut board = Keeper { place, changes, events, todo, known, down };
    let mut pauses = Pauses::new();
    loop {
        let Err(text) = board.run(&mut pauses).await else { return };
        if board.tell_down(text).await.is_err() {
            return;
        }
        // What is to change is heard in the meantime.
        let mut pause = std::pin::pin!(pauses.wait());
        let changes = board.changes.clone();
        loop {
            let room = board.todo.len() < NOTED_MAX;
            let change = std::pin::pin!(async {
                match room {
                    true => changes.recv_async().await,
                    false => std::future::pending().await,
                }
            });
            match select(pause.as_mut(), change).await {
                Either::Left(_) => break,
                Either::Right((Ok(change), _)) => board.note(change),
                Either::Right((Err(_), _)) => return,
            }
        }
    }
}

impl Keeper {
    async fn tell_down(&mut self, text: String) -> Result<(), ()> {
        if self.down.as_ref() == Some(&text) {
            return Ok(());
        }
        self.down = Some(text.clone());
        self.events.send_async(Event::Down(text)).await.map_err(|_| ())
    }

    /// Notes a change. An older one of the same key or edge has no meaning any more.
    fn note(&mut self, change: Change) {
        let same = |other: &Change| match (other, &change) {
            (Change::Set(a, _), Change::Set(b, _)) => a == b,
            (a, b) => a == b,
        };
        self.todo.retain(|other| !same(other));
        self.todo.push_back(change);
    }

    async fn open(&self) -> Result<(Context, Store), String> {
        let streams = island::streams(&self.place.url).await?;
        let client = streams.client();
        if client.connection_state() != State::Connected {
            return Err(format!("no connection to {}", self.place.url));
        }
        let info = client.server_info();
        if let Some(wanted) = self.place.server.as_ref().filter(|name| **name != info.server_name) {
            let text = format!("another server than {wanted} is at {}", self.place.url);
            return Err(text);
        }
        let bucket = self.place.bucket.clone();
        if let Ok(store) = streams.get_key_value(&bucket).await {
            return Ok((streams, store));
        }
        let store = streams.create_key_value(Config { bucket, ..Config::default() }).await;
        Ok((streams, store.map_err(|error| text_of(&error))?))
    }

    /// Works until an end is dropped.
    async fn run(&mut self, pauses: &mut Pauses) -> Result<(), String> {
        let (streams, store) = self.open().await?;
        let client = streams.client();
        if self.catch_up(&store).await?.is_break() {
            return Ok(());
        }
        let watch = store.watch_with_history(">").await.map_err(|error| text_of(&error))?;
        let mut watch = std::pin::pin!(watch);
        self.down = None;
        *pauses = Pauses::new();
        if self.events.send_async(Event::Up).await.is_err() {
            return Ok(());
        }
        let changes = self.changes.clone();
        loop {
            while let Some(change) = self.todo.front().cloned() {
                self.make(&streams, &store, change).await?;
                self.todo.pop_front();
            }
            let look = std::pin::pin!(tokio::time::sleep(LOOK_EVERY));
            let change = std::pin::pin!(changes.recv_async());
            match select(watch.next(), select(change, look)).await {
                Either::Left((Some(entry), _)) => {
                    let entry = entry.map_err(|error| text_of(&error))?;
                    let value = (entry.operation == Operation::Put).then_some(entry.value);
                    if self.tell(entry.key, value).await.is_err() {
                        return Ok(());
                    }
                }
                Either::Left((None, _)) => return Err("the server ended the watch".to_owned()),
                Either::Right((Either::Left((Ok(change), _)), _)) => self.note(change),
                Either::Right((Either::Left((Err(_), _)), _)) => return Ok(()),
                Either::Right((Either::Right(_), _)) => {
                    if client.connection_state() != State::Connected {
                        return Err(format!("no connection to {}", self.place.url));
                    }
                }
            }
        }
    }

    /// Tells which keys are gone that were known.
    async fn catch_up(&mut self, store: &Store) -> Result<std::ops::ControlFlow<()>, String> {
        let keys = store.keys().await.map_err(|error| text_of(&error))?;
        let keys: HashSet<String> = keys.try_collect().await.map_err(|error| text_of(&error))?;
        let gone: Vec<String> = self.known.difference(&keys).cloned().collect();
        for key in gone {
            if self.tell(key, None).await.is_err() {
                return Ok(std::ops::ControlFlow::Break(()));
            }
        }
        Ok(std::ops::ControlFlow::Continue(()))
    }

    async fn tell(&mut self, key: String, value: Option<Bytes>) -> Result<(), ()> {
        match value {
            Some(_) => self.known.insert(key.clone()),
            None => self.known.remove(&key),
        };
        self.events.send_async(Event::Value(key, value)).await.map_err(|_| ())
    }

    async fn make(&self, streams: &Context, store: &Store, change: Change) -> Result<(), String> {
        match change {
            Change::Set(key, Some(value)) => {
                store.put(key, value).await.map(|_| ()).map_err(|error| text_of(&error))
            }
            Change::Set(key, None) => store.purge(key).await.map_err(|error| text_of(&error)),
            Change::End(name) => {
                let message = PublishMessage::build()
                    .payload(Bytes::from_static(&[edge::END]))
                    .message_id(format!("{name}-end"));
                let sent = streams.send_publish(name, message).await;
                let stored = sent.map_err(|error| text_of(&error))?.await;
                stored.map(|_| ()).map_err(|error| text_of(&error))
            }
            // One that is not there is as good as gone.
            Change::Drop(name) => {
                let _ = streams.delete_stream(&name).await;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_limited_while_there_is_no_server() {
        let url = "nats://127.0.0.1:1".to_owned();
        let board = join(Place { url, bucket: "b".to_owned(), server: None }).expect("a board");
        let all = NOTED_MAX + CHANGES_MAX;
        let mut sent = 0;
        let set = |n: usize| Change::Set(n.to_string(), None);
        while sent < 2 * all {
            // One that is noted quickly is no sign of a limit: the others have some time.
            match board.changes.send_timeout(set(sent), Time::from_millis(500)) {
                Ok(()) => sent += 1,
                Err(_) => break,
            }
        }
        assert!((all - 1..=all + 1).contains(&sent), "{sent} of {all}");
        // The same key again and again is one change.
        let url = "nats://127.0.0.1:1".to_owned();
        let board = join(Place { url, bucket: "b".to_owned(), server: None }).expect("a board");
        for _ in 0..2 * all {
            board.changes.send_timeout(set(0), Time::from_secs(5)).expect("room");
        }
    }
}
