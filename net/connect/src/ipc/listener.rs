//! The kdb+ IPC port of the process (spec/kdb-ipc.md).
//!
//! Only callbacks can be called: a name is looked up among the open ports of kind `ipc`, and
//! nothing that a client sends is ever evaluated here. What else may be asked is up to the
//! [`Router`].

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use flume::Sender;
use formats::k::K;
use plan::Secret;
use plan::env::Request;
use rt::net::{ListenOptions, Stream, TcpListener, resolve};
use rt::{IoMode, ReactorConfig, ThreadHandle};

use super::connection;
use crate::text::io_text;

/// Clients at a time; further ones are turned away.
pub const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take to introduce itself.
pub const LOGIN_TIME: Duration = Duration::from_secs(10);
/// Bytes that a message may have, packed or not, unless somebody says otherwise.
pub const MESSAGE_MAX: usize = 64 << 20;
/// Pause after the system had nothing left for a new connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How clients are treated.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and password that a client must give; without them everybody is let in.
    pub credentials: Option<(String, Secret<String>)>,
    /// Bytes that a message may have, packed or not.
    pub message_max: usize,
    /// Clients at a time.
    pub connections_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { credentials: None, message_max: MESSAGE_MAX, connections_max: CONNECTIONS_MAX }
    }
}

impl Options {
    pub(super) fn admits(&self, user: &[u8], password: Option<&[u8]>) -> bool {
        let Some((name, secret)) = &self.credentials else { return true };
        let password = password.unwrap_or_default();
        let secret = secret.expose().as_bytes();
        // Takes the same time however much of it is right.
        let different = (0..secret.len().max(password.len()))
            .fold(0, |sum, i| sum | (secret.get(i).unwrap_or(&0) ^ password.get(i).unwrap_or(&0)));
        name.as_bytes() == user && secret.len() == password.len() && different == 0
    }
}

/// Where calls go.
pub trait Router {
    /// The open port of kind `ipc` under a name.
    fn port(&self, name: &str) -> Option<Sender<Request>>;

    /// Answers what is no call of a port; `None` refuses it.
    fn call(&self, request: &K) -> Option<Result<K, String>> {
        let _ = request;
        None
    }
}

impl<F: Fn(&str) -> Option<Sender<Request>>> Router for F {
    fn port(&self, name: &str) -> Option<Sender<Request>> {
        self(name)
    }
}

/// Serves clients until the future is dropped. Runs on the reactor of the calling thread.
pub async fn serve(listener: TcpListener, options: Options, router: Rc<dyn Router>) {
    let (options, count) = (Rc::new(options), Rc::new(Cell::new(0usize)));
    loop {
        match listener.accept().await {
            Ok(stream) if count.get() >= options.connections_max => {
                tracing::warn!(peer = %stream.peer(), "too many IPC clients");
            }
            Ok(stream) => {
                let one = Counted::new(&count);
                rt::spawn(client(stream, Rc::clone(&options), Rc::clone(&router), one));
            }
            Err(error) => {
                tracing::warn!(error = io_text(&error), "cannot accept an IPC client");
                rt::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn client(stream: Stream, options: Rc<Options>, router: Rc<dyn Router>, _one: Counted) {
    let peer = stream.peer().clone();
    if let Err(text) = connection::talk(stream, options, router).await {
        tracing::warn!(%peer, text, "the connection of an IPC client was closed");
    }
}

/// A client that is counted while it is here.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Counted(Rc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A listener on a thread of its own. It ends when this value is dropped.
pub struct Listening {
    address: SocketAddr,
    stop: Option<Sender<()>>,
    thread: Option<ThreadHandle<()>>,
}

impl Listening {
    /// The address that was really bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic in it was logged by the reactor
        }
    }
}

/// Listens on `address` (`host:port`, port 0 takes a free one) on a thread of its own. `router` is
/// made there.
///
/// # Errors
/// A text that names the address: the port is in use, the name has no address; or the thread could
/// not be started.
pub fn start<R: Router + 'static>(
    address: &str,
    mode: IoMode,
    options: Options,
    router: impl FnOnce() -> R + Send + 'static,
) -> Result<Listening, String> {
    let (stop, stopped) = flume::bounded::<()>(0);
    let (report, reported) = flume::bounded(1);
    let wanted = address.to_owned();
    let thread = rt::start_thread(ReactorConfig::new(mode, "ipc"), move || async move {
        let listener = match bind(&wanted).await {
            Ok(listener) => listener,
            Err(text) => return drop(report.send(Err(text))),
        };
        let _ = report.send(Ok(listener.local_addr()));
        let served = std::pin::pin!(serve(listener, options, Rc::new(router())));
        let stopped = std::pin::pin!(stopped.recv_async());
        futures_util::future::select(served, stopped).await;
    });
    let thread = thread.map_err(|e| e.to_string())?;
    let address = reported.recv().map_err(|_| "the IPC thread ended".to_owned())??;
    Ok(Listening { address, stop: Some(stop), thread: Some(thread) })
}

async fn bind(address: &str) -> Result<TcpListener, String> {
    let failed = |e: std::io::Error| format!("cannot listen for kdb+ IPC: {}", io_text(&e));
    let found = resolve(address).await.map_err(failed)?;
    let first = found.into_iter().next();
    let first = first.ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
    TcpListener::bind(first, ListenOptions::default()).map_err(failed)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
