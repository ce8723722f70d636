//! The kdb+ IPC port of the process (spec/kdb-ipc.md).
//!
//! Of what clients send, values are given to callbacks: to the open ports of kind `ipc`. What else
//! they may ask is up to the [`Router`].

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use flume::Sender;
use rt::net::{ListenOptions, Stream, TcpListener, resolve};
use rt::{IoMode, ReactorConfig, ThreadHandle};

use super::connection;
use super::router::Router;
use super::users::Users;
use crate::text::io_text;

/// Clients at a time; further ones are turned away.
pub const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take to introduce itself.
pub const LOGIN_TIME: Duration = Duration::from_secs(10);
/// Bytes that a message may have, packed or not, unless somebody says otherwise.
pub const MESSAGE_MAX: usize = 64 << 20;
/// Pause after the system had nothing left for a new connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How long answers are waited for that are on the way when the listener ends.
const LEAVE_MAX: Duration = Duration::from_secs(1);
/// Pause between looks whether there are any.
const LEAVE_PAUSE: Duration = Duration::from_millis(1);

/// How clients are treated.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is let in; without users everybody is.
    pub users: Option<Users>,
    /// Bytes that a message may have, packed or not.
    pub message_max: usize,
    /// Clients at a time.
    pub connections_max: usize,
    /// Clients wait at the door until nobody has the other end of this any more; without it they
    /// are let in at once.
    pub opens: Option<flume::Receiver<()>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            users: None,
            message_max: MESSAGE_MAX,
            connections_max: CONNECTIONS_MAX,
            opens: None,
        }
    }
}

impl Options {
    pub(super) fn admits(&self, user: &[u8], password: Option<&[u8]>) -> bool {
        self.users.as_ref().is_none_or(|users| users.admit(user, password))
    }
}

/// What all clients share.
struct House {
    options: Rc<Options>,
    router: Rc<dyn Router>,
    /// Clients that are here.
    clients: Rc<Cell<usize>>,
    /// Their requests that are on the way.
    requests: Rc<Cell<usize>>,
}

impl House {
    /// Lets clients in until the future is dropped. Runs on the reactor of the calling thread.
    async fn serve(&self, listener: TcpListener) {
        if let Some(opens) = &self.options.opens {
            let _ = opens.recv_async().await; // an error: it is open
        }
        loop {
            match listener.accept().await {
                Ok(stream) if self.clients.get() >= self.options.connections_max => {
                    tracing::warn!(peer = %stream.peer(), "too many IPC clients");
                }
                Ok(stream) => drop(rt::spawn(self.client(stream))),
                Err(error) => {
                    tracing::warn!(error = io_text(&error), "cannot accept an IPC client");
                    rt::sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    /// Talks to one client to its end.
    fn client(&self, stream: Stream) -> impl Future<Output = ()> + use<> {
        let here = Counted::new(&self.clients);
        let (options, router) = (Rc::clone(&self.options), Rc::clone(&self.router));
        let requests = Rc::clone(&self.requests);
        async move {
            let peer = stream.peer().clone();
            if let Err(text) = connection::talk(stream, options, router, requests).await {
                tracing::warn!(%peer, text, "the connection of an IPC client was closed");
            }
            drop(here);
        }
    }

    /// Waits until what is on the way is answered: who asked for the end may be among the clients.
    async fn leave(&self) {
        let landed = async {
            while self.requests.get() > 0 {
                rt::sleep(LEAVE_PAUSE).await;
            }
        };
        let _ = rt::timeout(LEAVE_MAX, landed).await;
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
        let house = House {
            options: Rc::new(options),
            router: Rc::new(router()),
            clients: Rc::default(),
            requests: Rc::default(),
        };
        let stopped = std::pin::pin!(stopped.recv_async());
        futures_util::future::select(std::pin::pin!(house.serve(listener)), stopped).await;
        house.leave().await;
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
#[path = "tests/mod.rs"]
mod tests;
