//! A listener of its own for one `http_server`, on the shard that runs it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flume::WeakSender;
use percent_encoding::percent_decode_str;
use plan::env::{Encryption, Payload, Request, Response};
use rt::Task;
use rt::net::{Stream, TcpListener, resolve};
use rustls::ServerConfig;
use wire::http1::{CONTINUE, Event, RequestDecoder, RequestHead, write_error, write_response};

use super::{path, plain, upgrade};
use crate::link::{self, Link, Tcp};
use crate::reader::Bytestream;
use crate::text::io_text;

/// Largest body of a request in bytes.
pub(super) const BODY_BYTES_MAX: u64 = 64 << 20;
/// Connections at a time; further ones wait.
const CONNECTIONS_MAX: usize = 4096;
/// How long a connection may say nothing.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long it may take until a client agrees on TLS.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long answers may take to leave when the listener is closed.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Pause after the system had nothing left for a new connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that one read asks for.
const READ_BYTES: usize = 64 << 10;

/// What a listener puts up with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) idle: Duration,
    pub(super) handshake: Duration,
    pub(super) close: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: CONNECTIONS_MAX,
            idle: IDLE_MAX,
            handshake: HANDSHAKE_MAX,
            close: CLOSE_MAX,
        }
    }
}

/// What connections share.
struct Shared {
    /// Paths, and where what is requested there goes; gone with the source or sink.
    routes: Vec<Route>,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    connections: Cell<usize>,
    /// Connections with a request that is not answered yet.
    busy: Cell<usize>,
}

/// A pattern of paths, and where what is requested there goes.
pub(super) type Route = (String, WeakSender<Request>);

impl Shared {
    /// Whether nobody takes requests any more.
    fn gone(&self) -> bool {
        self.routes.iter().all(|(_, requests)| requests.upgrade().is_none())
    }
}

/// Counts while it lives.
struct Count<'a>(&'a Cell<usize>);

impl<'a> Count<'a> {
    fn new(cell: &'a Cell<usize>) -> Self {
        cell.set(cell.get() + 1);
        Count(cell)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A connection, counted while it lives.
struct Connected(Rc<Shared>);

impl Connected {
    fn new(shared: &Rc<Shared>) -> Self {
        shared.connections.set(shared.connections.get() + 1);
        Connected(Rc::clone(shared))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
    }
}

/// An open listener; dropping it closes it.
pub(super) struct Listener {
    shared: Rc<Shared>,
    address: SocketAddr,
    _accepting: Task<()>,
}

/// Listens at `address`, with TLS where there are settings for it; the first route whose pattern
/// fits gets a request.
///
/// # Errors
/// A text that names the address.
pub(super) async fn listen(
    address: &str,
    tcp: Tcp,
    tls: Option<Arc<ServerConfig>>,
    routes: Vec<Route>,
    limits: Limits,
) -> Result<Listener, String> {
    let failed = |error: std::io::Error| {
        let text = io_text(&error);
        let text = text.rsplit_once(": ").map_or(text.as_str(), |(_, sentence)| sentence);
        format!("listen tcp {address}: bind: {text}")
    };
    let found = resolve(address).await.map_err(failed)?;
    let first = found.into_iter().next();
    let first = first.ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
    let listener = TcpListener::bind(first, tcp.options()).map_err(failed)?;
    let shared =
        Rc::new(Shared { routes, tls, limits, connections: Cell::new(0), busy: Cell::new(0) });
    let address = listener.local_addr();
    let accepting = rt::spawn(accept(listener, Rc::clone(&shared))).abort_on_drop();
    Ok(Listener { shared, address, _accepting: accepting })
}

impl Listener {
    /// The address that was really bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and waits until the answers that are due have left.
    pub(super) async fn close(self) {
        let Listener { shared, _accepting, .. } = self;
        drop(_accepting);
        // An aborted task lets go of its listener at its next turn.
        rt::yield_now().await;
        let end = rt::now() + shared.limits.close;
        while shared.busy.get() > 0 && rt::now() < end {
            rt::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn accept(listener: TcpListener, shared: Rc<Shared>) {
    loop {
        if shared.connections.get() >= shared.limits.connections {
            rt::sleep(EXHAUSTED_PAUSE).await;
            continue;
        }
        match listener.accept().await {
            Ok(stream) => {
                let one = Connected::new(&shared);
                rt::spawn(async move {
                    // How a client goes away is of no interest.
                    let _ = welcome(stream, &one.0).await;
                });
            }
            Err(_) => rt::sleep(EXHAUSTED_PAUSE).await,
        }
    }
}

/// Who is at the other end of a connection.
struct Client {
    address: String,
    encryption: Option<Arc<Encryption>>,
}

/// Agrees with a client on what carries its requests, and answers them.
async fn welcome(stream: Stream, shared: &Shared) -> std::io::Result<()> {
    // A reply must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let address = stream.peer().to_string();
    let Some(tls) = &shared.tls else {
        let client = Client { address, encryption: None };
        return converse(link::plain(stream), &client, shared).await;
    };
    let agreed =
        rt::timeout(shared.limits.handshake, link::tls::server(stream, Arc::clone(tls))).await;
    let (link, encryption) = agreed.map_err(|_| std::io::ErrorKind::TimedOut)??;
    let client = Client { address, encryption: Some(Arc::new(encryption)) };
    converse(link, &client, shared).await
}

/// Answers the requests of one connection, one after another.
async fn converse(link: Link, client: &Client, shared: &Shared) -> std::io::Result<()> {
    let (mut read, mut write) = link;
    let mut decoder = RequestDecoder::new(BODY_BYTES_MAX);
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let mut head: Option<RequestHead> = None;
    let mut body = Vec::new();
    loop {
        let mut out = Vec::new();
        let mut close = false;
        loop {
            match decoder.next_event() {
                Ok(Some(Event::Head(new))) => {
                    if new.expect_continue {
                        out.extend_from_slice(CONTINUE);
                    }
                    head = Some(new);
                }
                Ok(Some(Event::Body(bytes))) => body.extend_from_slice(bytes),
                Ok(Some(Event::End)) => {
                    let Some(head) = head.take() else { continue };
                    let _busy = Count::new(&shared.busy);
                    let whole = Bytes::from(std::mem::take(&mut body));
                    let (sender, incoming) = upgrade::channel();
                    let mut response = ask(&head, whole, incoming, client, shared).await;
                    if let Some(rest) = response.rest.take() {
                        let first = decoder.take_rest();
                        let link = (read, write);
                        return upgrade::hand_over(link, response, rest, first, sender).await;
                    }
                    // With the ports gone there is nothing more to be had here.
                    let keep = head.keep_alive && !shared.gone();
                    encode(&response, keep, &mut out);
                    write.send(std::mem::take(&mut out)).await?;
                    close = !keep;
                }
                Ok(None) => break,
                Err(error) => {
                    write_error(&mut out, &error);
                    close = true;
                    break;
                }
            }
        }
        if !out.is_empty() {
            write.send(out).await?;
        }
        if close || decoder.is_closed() {
            write.end().await;
            return Ok(());
        }
        buffer = match more(&mut *read, buffer, shared.limits.idle).await? {
            Some(filled) => filled,
            None => return Ok(()),
        };
        decoder.feed(&buffer);
    }
}

/// The next bytes, unless there are none or it takes too long.
async fn more(
    read: &mut dyn Bytestream,
    mut buffer: Vec<u8>,
    patience: Duration,
) -> std::io::Result<Option<Vec<u8>>> {
    buffer.clear();
    match rt::timeout(patience, read.read(buffer)).await {
        Ok((count, filled)) => Ok((count? > 0).then_some(filled)),
        Err(_) => Ok(None),
    }
}

async fn ask(
    head: &RequestHead,
    body: Bytes,
    incoming: flume::Receiver<Bytes>,
    client: &Client,
    shared: &Shared,
) -> Response {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let route = shared.routes.iter().find(|(pattern, _)| path::matches(pattern, path));
    let Some((_, requests)) = route else { return plain(404, "404 page not found\n") };
    let (reply, answer) = flume::bounded(1);
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<_> =
        head.headers.iter().map(|(name, value)| (canonical(name), text(value))).collect();
    let request = Request {
        incoming: wire::websocket::asks(&headers).then_some(incoming),
        method: head.method.clone(),
        path: path.to_owned(),
        query: params(query),
        headers,
        remote: client.address.clone(),
        payload: Payload::Bytes(body),
        encryption: client.encryption.clone(),
        reply,
    };
    let gone = || plain(503, "Service unavailable\n");
    let Some(port) = requests.upgrade() else { return gone() };
    if port.send_async(request).await.is_err() {
        return gone();
    }
    // Held on to, it would keep a request that nobody takes.
    drop(port);
    answer.recv_async().await.unwrap_or_else(|_| gone())
}

fn encode(response: &Response, keep_alive: bool, out: &mut Vec<u8>) {
    let headers: Vec<(&str, &str)> =
        response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let status = if response.status == 0 { 200 } else { response.status };
    if write_response(out, status, &headers, &response.body, keep_alive).is_err() {
        // A header that came out of a message cannot be one.
        let text = b"the response has an invalid header\n";
        let _ = write_response(out, 502, &[], text, keep_alive);
    }
}

fn params(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    let mut upper = true;
    let letter = |c: char| {
        let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        upper = c == '-';
        c
    };
    name.chars().map(letter).collect()
}
