//! Peers that collect lines, or hand them out: over plain TCP, or as messages of a websocket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tungstenite::{Message, WebSocket, accept};

use super::listener::Listener;

#[derive(Default)]
struct Shelf {
    blocked: bool,
    lines: Vec<String>,
}

/// Collects the lines that are sent to it.
pub(crate) struct Collector {
    listener: Listener,
    shelf: Arc<(Mutex<Shelf>, Condvar)>,
}

impl Collector {
    /// Listens on a free port.
    pub(crate) fn start() -> Self {
        Collector::with(|stream, shelf| {
            let mut lines = BufReader::new(stream).lines();
            collect(|| lines.next()?.ok(), shelf);
        })
    }

    /// Listens for websockets.
    pub(crate) fn of_websockets() -> Self {
        Collector::with(|stream, shelf| {
            let Ok(mut socket) = accept(stream) else { return };
            collect(|| text(&mut socket), shelf);
        })
    }

    fn with(serve: fn(TcpStream, &(Mutex<Shelf>, Condvar))) -> Self {
        let shelf: Arc<(Mutex<Shelf>, Condvar)> = Arc::default();
        let shared = Arc::clone(&shelf);
        let listener = Listener::start(move |stream| serve(stream, &shared));
        Collector { listener, shelf }
    }

    /// Where it listens, or did.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    /// Reads on, or does not.
    pub(crate) fn block(&self, blocked: bool) {
        self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner).blocked = blocked;
        self.shelf.1.notify_all();
    }

    /// Cuts all connections; nobody listens any more.
    pub(crate) fn cut(&mut self) {
        self.listener.cut();
    }

    /// Listens on the same port again.
    pub(crate) fn mend(&mut self) {
        self.listener.mend();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.block(false);
    }
}

/// The next message of a websocket; none at its end.
pub(crate) fn text(socket: &mut WebSocket<TcpStream>) -> Option<String> {
    loop {
        match socket.read().ok()? {
            Message::Text(text) => return Some(text.to_string()),
            Message::Binary(bytes) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
            Message::Close(_) => {
                let _ = socket.flush(); // says so, too
                return None;
            }
            _ => {}
        }
    }
}

fn collect(mut next: impl FnMut() -> Option<String>, (shelf, changed): &(Mutex<Shelf>, Condvar)) {
    loop {
        let open = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(open, |shelf| shelf.blocked));
        let Some(line) = next() else { return };
        shelf.lock().unwrap_or_else(PoisonError::into_inner).lines.push(line);
    }
}

#[derive(Default)]
struct Queue {
    lines: Vec<String>,
    next: usize,
    ended: bool,
}

/// Hands lines to who connects, each once.
pub(crate) struct Feeder {
    listener: Listener,
    queue: Arc<(Mutex<Queue>, Condvar)>,
}

impl Feeder {
    /// Listens on a free port; it has no lines yet.
    pub(crate) fn start() -> Self {
        Feeder::with(|mut stream, queue| {
            hand_out(|line| stream.write_all((line + "\n").as_bytes()).is_ok(), queue);
        })
    }

    /// Listens for websockets.
    pub(crate) fn of_websockets() -> Self {
        Feeder::with(|stream, queue| {
            let Ok(mut socket) = accept(stream) else { return };
            hand_out(|line| socket.send(Message::text(line)).is_ok(), queue);
        })
    }

    fn with(serve: fn(TcpStream, &(Mutex<Queue>, Condvar))) -> Self {
        let queue: Arc<(Mutex<Queue>, Condvar)> = Arc::default();
        let shared = Arc::clone(&queue);
        let listener = Listener::start(move |stream| serve(stream, &shared));
        Feeder { listener, queue }
    }

    /// Where it listens, or did.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// More lines.
    pub(crate) fn add(&self, lines: Vec<String>) {
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner).lines.extend(lines);
        self.queue.1.notify_all();
    }

    /// What listens for it.
    pub(crate) fn listener(&mut self) -> &mut Listener {
        &mut self.listener
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.listener.cut(); // whoever writes gives the queue back
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.queue.1.notify_all();
    }
}

fn hand_out(mut send: impl FnMut(String) -> bool, (queue, changed): &(Mutex<Queue>, Condvar)) {
    loop {
        let open = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_while(open, |q| q.next == q.lines.len() && !q.ended);
        let mut open = waited.unwrap_or_else(PoisonError::into_inner);
        if open.ended {
            return;
        }
        // A line is handed to the kernel while nobody else can take it.
        if !send(open.lines[open.next].clone()) {
            return;
        }
        open.next += 1;
    }
}
