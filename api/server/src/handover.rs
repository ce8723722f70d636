//! Connections that leave HTTP: what goes over them after the answer belongs to a shard, and is
//! copied here in both directions.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use ntex::SharedCfg;
use ntex::codec::Decoder;
use ntex::http::StatusCode;
use ntex::http::header::{HeaderName, HeaderValue};
use ntex::io::{IoBoxed, IoConfig};
use ntex::time::{Millis, Seconds, sleep};
use ntex::util::BytesMut;
use ntex::web::HttpRequest;

use crate::exchange::{Pieces, Reply, Request};
use crate::routing::App;

/// Pieces of what a client sends that wait for a shard.
const INCOMING_MAX: usize = 2;
/// How often it is looked whether a shard still cares for a client that receives nothing.
const LOOK: Millis = Millis(1000);

thread_local! {
    /// A connection may say nothing for as long as it likes.
    static PATIENT: SharedCfg =
        SharedCfg::new("handover").add(IoConfig::new().set_keepalive_timeout(Seconds::ZERO)).into();
}

/// A connection that was taken from the HTTP server, with a request that is not answered yet.
pub(crate) struct Taken(IoBoxed);

/// Takes the connection of a request that asks for another protocol, before the server reads on.
pub(crate) fn take(request: &HttpRequest) -> Option<Taken> {
    let (io, _) = request.head().take_io()?;
    io.set_config(PATIENT.with(Clone::clone));
    io.stop_timer();
    Some(Taken(io))
}

/// Whatever has arrived.
struct Arrived;

impl Decoder for Arrived {
    type Item = Bytes;
    type Error = Infallible;

    fn decode(&self, from: &mut BytesMut) -> Result<Option<Bytes>, Infallible> {
        if from.is_empty() {
            return Ok(None);
        }
        let bytes = Bytes::copy_from_slice(from);
        from.clear();
        Ok(Some(bytes))
    }
}

impl Taken {
    /// Answers the request. With a 101 the connection is what the shard makes of it; any other
    /// answer is its end.
    pub(crate) async fn answer(self, app: Arc<App>, request: Request) {
        let (sender, incoming) = flume::bounded(INCOMING_MAX);
        let asked = Request { incoming: Some(Pieces(incoming)), ..request };
        let reply = app.answer(asked).await;
        let io = self.0;
        // A client that is gone hears nothing.
        let _ = converse(&io, reply, sender).await;
        let _ = io.shutdown().await;
    }
}

async fn converse(io: &IoBoxed, reply: Reply, sender: Sender<Bytes>) -> std::io::Result<()> {
    let switched = reply.status == 101 && reply.rest.is_some();
    io.encode_slice(&head(&reply, switched))?;
    io.encode_slice(&reply.body)?;
    io.flush(true).await?;
    let Some(Pieces(rest)) = reply.rest else { return Ok(()) };
    let outward = std::pin::pin!(send(io, rest));
    let inward = std::pin::pin!(async move {
        while let Ok(Some(bytes)) = io.recv(&Arrived).await {
            if switched && sender.send_async(bytes).await.is_err() {
                break;
            }
        }
    });
    match select(outward, inward).await {
        Either::Left((done, _)) => done,
        // The shard hears of it, and ends its side.
        Either::Right(((), outward)) if switched => outward.await,
        Either::Right(_) => Ok(()),
    }
}

/// Sends pieces until there are no more.
async fn send(io: &IoBoxed, pieces: Receiver<Bytes>) -> std::io::Result<()> {
    while let Ok(bytes) = pieces.recv_async().await {
        io.encode_slice(&bytes)?;
        let mut sent = std::pin::pin!(io.flush(true));
        while let Either::Right(_) = select(&mut sent, std::pin::pin!(sleep(LOOK))).await {
            // A client that receives nothing is not waited for once its shard has let go of it.
            if pieces.is_disconnected() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
        }
    }
    Ok(())
}

/// The head of an answer. Headers that would break it are left out.
fn head(reply: &Reply, switched: bool) -> Vec<u8> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = status.canonical_reason().unwrap_or("Status");
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in &reply.headers {
        if HeaderName::try_from(name.as_str()).is_ok() && HeaderValue::from_str(value).is_ok() {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !switched {
        if reply.rest.is_none() {
            out.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
        }
        out.push_str("Connection: close\r\n");
    }
    out.push_str("\r\n");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_whole_whatever_the_headers_hold() {
        let reply = Reply::text(403, "no\n").header("x-a", "1").header("x-b", "2\r\nx-c: 3");
        let text = String::from_utf8(head(&reply, false)).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain; charset=utf-8\r\nx-a: 1\r\n\
             Content-Length: 3\r\nConnection: close\r\n\r\n"
        );
        let (_, rest) = flume::bounded(0);
        let switched = Reply { rest: Some(Pieces(rest)), ..Reply::empty(101) };
        let switched = switched.header("Upgrade", "websocket");
        let text = String::from_utf8(head(&switched, true)).unwrap();
        assert_eq!(text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    }
}
