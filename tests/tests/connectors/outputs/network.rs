//! Outputs with somebody on the other side of a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Folder, try_http};

use super::Target;
use crate::peers::http::{HttpPeer, Mode};
use crate::peers::lines::{Collector, text};
use crate::service::{STREAM, Service};

/// A server that takes what is posted, and the output that posts it or leads to it.
pub(super) struct Posted {
    pub(super) peer: HttpPeer,
    pub(super) config: fn(Value) -> Value,
}

/// The output that posts to a server, without attempts of its own.
pub(super) fn poster(peer: &HttpPeer) -> Value {
    json!({"http_client": {"url": peer.url(), "retries": 0, "timeout": "60s"}})
}

impl Target for Posted {
    fn config(&self) -> Value {
        (self.config)(poster(&self.peer))
    }

    fn arrived(&self) -> Vec<String> {
        self.peer.taken()
    }

    fn block(&mut self, blocked: bool) {
        self.peer.set(if blocked { Mode::Hold } else { Mode::Take });
    }

    fn holds(&self) -> Option<bool> {
        Some(self.peer.holds())
    }

    fn cut(&mut self) {
        self.peer.cut();
    }

    fn mend(&mut self) {
        self.peer.mend();
    }
}

pub(super) fn http_client(_: &Folder) -> Box<dyn Target> {
    Box::new(Posted { peer: HttpPeer::start(), config: |poster| poster })
}

/// Another stream that posts what the process hands to it.
struct Inproc(HttpPeer);

impl Target for Inproc {
    fn config(&self) -> Value {
        json!({"inproc": "way"})
    }

    fn prepare(&mut self, service: &Service) {
        let reader = json!({"input": {"inproc": "way"}, "output": poster(&self.0)});
        service.post("/streams/reader", &reader);
    }

    fn arrived(&self) -> Vec<String> {
        self.0.taken()
    }

    fn block(&mut self, blocked: bool) {
        self.0.set(if blocked { Mode::Hold } else { Mode::Take });
    }

    fn holds(&self) -> Option<bool> {
        Some(self.0.holds())
    }

    fn cut(&mut self) {
        self.0.cut();
    }

    fn mend(&mut self) {
        self.0.mend();
    }
}

pub(super) fn inproc(_: &Folder) -> Box<dyn Target> {
    Box::new(Inproc(HttpPeer::start()))
}

/// Sends to who collects: lines, or messages of a websocket.
struct Socket {
    peer: Collector,
    config: fn(SocketAddr) -> Value,
}

impl Target for Socket {
    fn config(&self) -> Value {
        (self.config)(self.peer.address())
    }

    fn arrived(&self) -> Vec<String> {
        self.peer.lines()
    }

    fn block(&mut self, blocked: bool) {
        self.peer.block(blocked);
    }

    fn cut(&mut self) {
        self.peer.cut();
    }

    fn mend(&mut self) {
        self.peer.mend();
    }

    fn lost_by_the_kernel(&self) -> usize {
        1
    }
}

pub(super) fn socket(_: &Folder) -> Box<dyn Target> {
    let config = |peer: SocketAddr| json!({"socket": {"network": "tcp", "address": peer}});
    Box::new(Socket { peer: Collector::start(), config })
}

pub(super) fn websocket(_: &Folder) -> Box<dyn Target> {
    let config = |peer: SocketAddr| json!({"websocket": {"url": format!("ws://{peer}/")}});
    Box::new(Socket { peer: Collector::of_websockets(), config })
}

/// A client that asks for messages, one after the other or as they come.
struct Asking {
    taken: Arc<Mutex<Vec<String>>>,
    blocked: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    /// Asks a server at an address once, and hands on what it gets.
    ask: fn(&str, &mut dyn FnMut(String)) -> Option<()>,
}

impl Asking {
    fn by(ask: fn(&str, &mut dyn FnMut(String)) -> Option<()>) -> Box<dyn Target> {
        let (taken, blocked, ended) = Default::default();
        Box::new(Asking { taken, blocked, ended, ask })
    }
}

impl Target for Asking {
    fn config(&self) -> Value {
        json!({"http_server": {"path": "/get", "timeout": "60s"}})
    }

    fn begin(&mut self, service: &Service) {
        let address = service.address.clone();
        let (taken, blocked) = (Arc::clone(&self.taken), Arc::clone(&self.blocked));
        let (ended, ask) = (Arc::clone(&self.ended), self.ask);
        spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                if blocked.load(Ordering::SeqCst) {
                    sleep(Duration::from_millis(1));
                    continue;
                }
                let mut take = |message| {
                    taken.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                };
                if ask(&address, &mut take).is_none() {
                    sleep(Duration::from_millis(1));
                }
            }
        });
    }

    fn arrived(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn block(&mut self, blocked: bool) {
        self.blocked.store(blocked, Ordering::SeqCst);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

pub(super) fn http_server(_: &Folder) -> Box<dyn Target> {
    Asking::by(|address, take| {
        let answer = try_http(address, "GET", &format!("/{STREAM}/get"), "").ok()?;
        (answer.status == 200).then(|| take(answer.text()))
    })
}

/// Reads one answer that does not end.
pub(super) fn http_server_stream(_: &Folder) -> Box<dyn Target> {
    Asking::by(|address, take| {
        let mut stream = TcpStream::connect(address).ok()?;
        let head = format!("GET /{STREAM}/get/stream HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            (answer.read_line(&mut line).ok()? > 0).then_some(())?;
        }
        let mut chunk = Vec::new();
        loop {
            line.clear();
            answer.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
            chunk.resize(length + 2, 0);
            answer.read_exact(&mut chunk).ok()?;
            chunk.truncate(length);
            // Each chunk has whole lines.
            let lines = String::from_utf8_lossy(&chunk).into_owned();
            lines.lines().for_each(|line| take(line.to_owned()));
        }
    })
}

/// Reads the messages of a websocket.
pub(super) fn http_server_websocket(_: &Folder) -> Box<dyn Target> {
    Asking::by(|address, take| {
        let socket = TcpStream::connect(address).ok()?;
        let url = format!("ws://{address}/{STREAM}/get/ws");
        let (mut socket, _) = tungstenite::client(url, socket).ok()?;
        while let Some(message) = text(&mut socket) {
            take(message);
        }
        None
    })
}
