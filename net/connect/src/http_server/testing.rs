//! A client of a websocket for tests, on the far side of a port.

use bytes::Bytes;
use flume::{Receiver, Sender};
use plan::env::{Payload, Request, Response};
use wire::websocket::{Codec, Ending, Kind, Side};

use super::upgrade;

/// The headers of a browser that asks for a websocket.
pub(super) fn headers() -> Vec<(String, String)> {
    let all = [
        ("Host", "a"),
        ("User-Agent", "me"),
        ("X-Foo", "bar"),
        ("Cookie", "c=1"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-Websocket-Version", "13"),
        ("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A request for a websocket, where the answer comes, and how the client sends.
pub(super) fn request(path: &str) -> (Request, Receiver<Response>, Sender<Bytes>) {
    let (reply, answer) = flume::bounded(1);
    let (sender, incoming) = upgrade::channel();
    let request = Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: vec![("q".to_owned(), "5".to_owned())],
        headers: headers(),
        remote: "[::1]:99".to_owned(),
        payload: Payload::Bytes(Bytes::new()),
        incoming: Some(incoming),
        encryption: None,
        reply,
    };
    (request, answer, sender)
}

/// A client that was let in.
pub(super) struct Client {
    codec: Codec,
    /// Gone when the client is.
    pub(super) sender: Option<Sender<Bytes>>,
    rest: Receiver<Bytes>,
}

impl Client {
    /// Asks and is let in.
    pub(super) async fn enter(port: &Sender<Request>, path: &str) -> Client {
        let (request, answer, sender) = request(path);
        port.send_async(request).await.unwrap();
        let response = answer.recv_async().await.unwrap();
        assert_eq!(response.status, 101);
        let accept = ("Sec-WebSocket-Accept".to_owned(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned());
        assert!(response.headers.contains(&accept), "{:?}", response.headers);
        let rest = response.rest.unwrap();
        Client { codec: Codec::new(Side::Client), sender: Some(sender), rest }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.say(text);
        self.flush().await;
    }

    /// Puts a message beside those that are sent next.
    pub(super) fn say(&mut self, text: &str) {
        self.codec.send(Kind::Text, text.as_bytes()).unwrap();
    }

    /// Sends all of it, and a close.
    pub(super) async fn leave(&mut self) {
        self.codec.close(1000);
        self.flush().await;
    }

    async fn flush(&mut self) {
        let output = self.codec.take_output();
        if let (Some(sender), false) = (&self.sender, output.is_empty()) {
            let _ = sender.send_async(output.into()).await;
        }
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        let sender = self.sender.as_ref().unwrap();
        let _ = sender.send_async(Bytes::copy_from_slice(bytes)).await;
    }

    /// The next message from the server.
    pub(super) async fn next(&mut self) -> Result<String, Ending> {
        loop {
            if let Some(message) = self.codec.next_message()? {
                return Ok(String::from_utf8_lossy(&message).into_owned());
            }
            self.flush().await;
            match self.rest.recv_async().await {
                Ok(bytes) => self.codec.feed(&bytes),
                Err(_) => self.codec.finish(),
            }
        }
    }
}
