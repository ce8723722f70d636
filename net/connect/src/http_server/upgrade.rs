//! Connections that go on after an answer: with an endless body, or as a websocket.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use plan::env::{Request, Response};
use plan::{Component, Log, Services};
use wire::http1::{BodyLength, reason, write_chunk, write_last_chunk, write_response_head};
use wire::websocket::{Codec, Side, accept_key, refusal};

use super::plain;
use crate::link::{self, Handed, Link, Sending};
use crate::reader::Bytestream;
use crate::websocket::session::{Reader, Session};

/// Pieces of what a client sends that wait for the shard.
pub(super) const INCOMING_MAX: usize = 2;
/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;
/// How often it is looked whether anybody still cares for a client that receives nothing.
const LOOK: Duration = Duration::from_secs(1);

/// The way of what a client sends after its request.
pub(super) fn channel() -> (Sender<Bytes>, Receiver<Bytes>) {
    flume::bounded(INCOMING_MAX)
}

/// Agrees to a request for a websocket, or answers why not.
pub(super) fn agree(
    mut request: Request,
    services: &dyn Services,
    component: &Component,
) -> Option<Conversation> {
    let refusal = refusal(&request.method, &request.headers);
    let (status, why) = match (refusal, request.incoming.take()) {
        (None, Some(incoming)) => {
            let key = request.headers.iter().find(|(name, _)| name == "Sec-Websocket-Key");
            let accept = accept_key(key.map_or("", |(_, key)| key));
            let headers = [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", &accept),
            ];
            // A piece is taken before the next one is offered: what is sent is under way.
            let (outgoing, rest) = flume::bounded(0);
            let response = Response {
                status: 101,
                headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                rest: Some(rest),
                ..Response::default()
            };
            request.reply.try_send(response).ok()?;
            let link = link::handed(Handed { incoming, outgoing });
            return Some(Session::open(Codec::new(Side::Server), link));
        }
        (Some(refusal), _) => (refusal.status, refusal.why),
        (None, None) => (400, "websocket: the connection cannot be handed over"),
    };
    services.log(Log::Warn, &format!("Websocket request failed: {why}"), &place(component));
    let mut response = plain(status, format!("{}\nBad request\n", reason(status)));
    response.headers.push(("Sec-Websocket-Version".to_owned(), "13".to_owned()));
    // A client that went away hears nothing.
    let _ = request.reply.try_send(response);
    None
}

/// Where a component stands, for the log.
pub(super) fn place(component: &Component) -> [(&str, &str); 2] {
    [("label", &*component.label), ("path", &*component.path)]
}

/// A websocket: where messages come from, and where they go.
pub(super) type Conversation = (Reader, std::rc::Rc<Session>);

/// Sends an answer that goes on, and gives the connection to whoever sends the rest of it. `first`
/// is what came behind the request.
pub(super) async fn hand_over(
    link: Link,
    response: Response,
    rest: Receiver<Bytes>,
    first: Vec<u8>,
    incoming: Sender<Bytes>,
) -> io::Result<()> {
    let switched = response.status == 101;
    let length = if switched { BodyLength::None } else { BodyLength::Chunked };
    let headers: Vec<(&str, &str)> =
        response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut head = Vec::new();
    write_response_head(&mut head, response.status, &headers, length, switched)
        .map_err(|error| io::Error::other(error.to_string()))?;
    if !switched && !response.body.is_empty() {
        write_chunk(&mut head, &response.body);
    }
    let (read, mut write) = link;
    write.send(head).await?;
    // What comes behind a request for an endless answer is of no interest.
    let incoming = switched.then_some(incoming);
    let inward = std::pin::pin!(receive(read, first, incoming));
    let outward = std::pin::pin!(send(write, rest, !switched));
    match select(inward, outward).await {
        // Who speaks a websocket hears that the client is gone; who sends a body would not.
        Either::Left(((), outward)) if switched => outward.await,
        Either::Left(_) => Ok(()),
        Either::Right((done, _)) => done,
    }
}

/// Hands on what a client sends, until it sends no more or nobody wants it.
async fn receive(mut read: Box<dyn Bytestream>, first: Vec<u8>, incoming: Option<Sender<Bytes>>) {
    let mut buffer = first;
    loop {
        if let (Some(incoming), false) = (&incoming, buffer.is_empty()) {
            let bytes = Bytes::from(std::mem::take(&mut buffer));
            if incoming.send_async(bytes).await.is_err() {
                return;
            }
        }
        buffer.clear();
        buffer.reserve(READ_BYTES);
        let (count, filled) = read.read(buffer).await;
        buffer = filled;
        if !count.is_ok_and(|count| count > 0) {
            return;
        }
    }
}

/// Sends a client what there is for it, in chunks or as it is.
async fn send(mut write: Box<dyn Sending>, rest: Receiver<Bytes>, chunked: bool) -> io::Result<()> {
    while let Ok(mut bytes) = rest.recv_async().await {
        if chunked {
            let mut chunk = Vec::with_capacity(bytes.len() + 16);
            write_chunk(&mut chunk, &bytes);
            bytes = chunk.into();
        }
        let mut sent = write.send(bytes.into());
        loop {
            match select(&mut sent, std::pin::pin!(rt::sleep(LOOK))).await {
                Either::Left((done, _)) => break done?,
                // One that receives nothing is not waited for once nobody cares for it.
                Either::Right(_) if rest.is_disconnected() => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Either::Right(_) => {}
            }
        }
    }
    if chunked {
        let mut end = Vec::new();
        write_last_chunk(&mut end);
        write.send(end).await?;
    }
    write.end().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use plan::LocalBoxFuture;

    use super::*;
    use crate::testing::both_modes;

    /// A client that always has more to say.
    struct Talker(Rc<Cell<usize>>);

    impl Bytestream for Talker {
        fn read(
            &mut self,
            mut buffer: Vec<u8>,
        ) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
            self.0.set(self.0.get() + 1);
            buffer.extend_from_slice(b"more");
            Box::pin(std::future::ready((Ok(4), buffer)))
        }
    }

    #[test]
    fn what_a_client_sends_waits_with_the_client() {
        both_modes(|| async {
            let reads = Rc::new(Cell::new(0));
            let (sender, incoming) = channel();
            let read = Box::new(Talker(Rc::clone(&reads)));
            let receiving = rt::spawn(receive(read, b"first".to_vec(), Some(sender)));
            rt::sleep(Duration::from_millis(20)).await;
            // One more is in the hands of who reads.
            assert_eq!((incoming.len(), reads.get()), (INCOMING_MAX, INCOMING_MAX));
            assert_eq!(incoming.recv_async().await.unwrap(), "first");
            for _ in 0..100 {
                assert_eq!(incoming.recv_async().await.unwrap(), "more");
            }
            drop(incoming);
            receiving.await.unwrap();
        });
    }
}
