//! Inputs with somebody on the other side of a connection.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::spawn;

use serde_json::{Value, json};
use tests::client::Connection;
use tests::program::{Folder, until};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::Rig;
use crate::peers::http::HttpPeer;
use crate::peers::lines::{Feeder, text};
use crate::peers::listener::Listener;
use crate::peers::{Messages, free_address};
use crate::service::{STREAM, Service};

/// Asks a server for its messages.
struct HttpClient {
    peer: HttpPeer,
    messages: Messages,
    sent: usize,
}

impl Rig for HttpClient {
    fn config(&self) -> Value {
        json!({"http_client": {"url": self.peer.url(), "retries": 0}})
    }

    fn send(&mut self, _: &Service, before: usize) {
        self.peer.offer(self.messages.range(self.sent..before));
        self.sent = before;
    }

    fn listener(&mut self) -> Option<&mut Listener> {
        Some(self.peer.listener())
    }

    fn keeps_connection(&self) -> bool {
        false
    }
}

pub(super) fn http_client(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(HttpClient { peer: HttpPeer::start(), messages, sent: 0 })
}

/// Posts one message after the other; one that is refused is posted again.
struct HttpServer {
    messages: Messages,
    told: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Rig for HttpServer {
    fn config(&self) -> Value {
        json!({"http_server": {"path": "/post", "timeout": "60s"}})
    }

    fn send(&mut self, service: &Service, before: usize) {
        let (messages, told) = (self.messages, Arc::clone(&self.told));
        let refused = Arc::clone(&self.refused);
        let mut connection = Connection::open(&service.address).expect("it listens");
        spawn(move || {
            let target = format!("/{STREAM}/post");
            for message in messages.range(0..before) {
                loop {
                    match connection.post(&target, &message) {
                        Ok(200) => break,
                        Ok(502) => refused.fetch_add(1, Ordering::SeqCst),
                        Ok(_) | Err(_) => return, // the stream is gone
                    };
                }
                told.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    fn told(&self) -> Option<usize> {
        Some(self.told.load(Ordering::SeqCst))
    }

    fn refused(&self) -> Option<usize> {
        Some(self.refused.load(Ordering::SeqCst))
    }
}

pub(super) fn http_server(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(HttpServer { messages, told: Arc::default(), refused: Arc::default() })
}

/// Sends one message after the other over a websocket; each is answered when it is delivered.
struct HttpServerWebsocket(HttpServer);

impl Rig for HttpServerWebsocket {
    fn config(&self) -> Value {
        let server = json!({"path": "", "ws_path": "/post/ws", "timeout": "60s"});
        json!({"http_server": server, "processors": [{"sync_response": {}}]})
    }

    fn send(&mut self, service: &Service, before: usize) {
        let socket = TcpStream::connect(&service.address).expect("it listens");
        let url = format!("ws://{}/{STREAM}/post/ws", service.address);
        let (mut sender, _) = tungstenite::client(url, socket).expect("a websocket");
        let heard = sender.get_ref().try_clone().expect("another handle");
        let mut answers = WebSocket::from_raw_socket(heard, Role::Client, None);
        let (messages, told) = (self.0.messages, Arc::clone(&self.0.told));
        spawn(move || {
            while text(&mut answers).is_some() {
                told.fetch_add(1, Ordering::SeqCst);
            }
        });
        spawn(move || {
            for message in messages.range(0..before) {
                if sender.send(Message::text(message)).is_err() {
                    return; // the stream is gone
                }
            }
        });
    }

    fn told(&self) -> Option<usize> {
        self.0.told()
    }
}

pub(super) fn http_server_websocket(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    let (told, refused) = (Arc::default(), Arc::default());
    Box::new(HttpServerWebsocket(HttpServer { messages, told, refused }))
}

/// Reads from a server that hands out lines.
struct Socket {
    feeder: Feeder,
    messages: Messages,
    sent: usize,
}

impl Rig for Socket {
    fn config(&self) -> Value {
        json!({"socket": {"network": "tcp", "address": self.feeder.address().to_string()}})
    }

    fn send(&mut self, _: &Service, before: usize) {
        self.feeder.add(self.messages.range(self.sent..before));
        self.sent = before;
    }

    fn listener(&mut self) -> Option<&mut Listener> {
        Some(self.feeder.listener())
    }
}

pub(super) fn socket(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(Socket { feeder: Feeder::start(), messages, sent: 0 })
}

/// Reads the messages of a websocket.
struct Websocket(Socket);

impl Rig for Websocket {
    fn config(&self) -> Value {
        json!({"websocket": {"url": format!("ws://{}/", self.0.feeder.address())}})
    }

    fn send(&mut self, service: &Service, before: usize) {
        self.0.send(service, before);
    }

    fn listener(&mut self) -> Option<&mut Listener> {
        self.0.listener()
    }
}

pub(super) fn websocket(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(Websocket(Socket { feeder: Feeder::of_websockets(), messages, sent: 0 }))
}

/// Is connected to by a client that writes lines and stays.
struct SocketServer {
    address: String,
    messages: Messages,
    client: Option<TcpStream>,
}

impl Rig for SocketServer {
    fn config(&self) -> Value {
        json!({"socket_server": {"network": "tcp", "address": self.address}})
    }

    fn send(&mut self, _: &Service, before: usize) {
        let client = until(|| TcpStream::connect(&self.address).ok()).expect("it listens");
        self.client = client.try_clone().ok();
        let messages = self.messages;
        spawn(move || {
            let mut client = client;
            for message in messages.range(0..before) {
                if client.write_all((message + "\n").as_bytes()).is_err() {
                    return; // the stream is gone
                }
            }
        });
    }
}

impl Drop for SocketServer {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

pub(super) fn socket_server(_: &Folder, messages: Messages) -> Box<dyn Rig> {
    let address = free_address();
    Box::new(SocketServer { address, messages, client: None })
}
