//! The kdb+ IPC port of the process (spec/kdb-ipc.md).
//!
//! Of what clients send, values are given to callbacks: to the open ports of kind `ipc`. What else
//! they may ask is up to the [`Router`].
//!
//! There is no thread for it. The first of the given reactors lets clients in, and each talks to
//! those whose callbacks it runs ([`super::house`]).

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};
use rt::net::{ListenOptions, TcpListener, resolve};

use super::house::{House, LEAVE_MAX};
use super::router::Router;
use super::users::Users;
use crate::text::io_text;

/// Clients at a time; further ones are turned away.
pub const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take to introduce itself.
pub const LOGIN_TIME: Duration = Duration::from_secs(10);
/// Bytes that a message may have, packed or not, unless somebody says otherwise.
pub const MESSAGE_MAX: usize = 64 << 20;
/// How long reactors that are busy are waited for when the listener ends, besides what they wait
/// for answers.
const BUSY_MAX: Duration = Duration::from_secs(1);

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

/// Something to do on the thread of a reactor.
pub type Job = Box<dyn FnOnce() + Send>;

/// Has a reactor do something on its thread.
pub type Reactor = Box<dyn Fn(Job)>;

/// A listener. It ends when this value is dropped.
pub struct Listening {
    address: SocketAddr,
    stop: Option<Sender<()>>,
    /// Closes when all reactors have left it.
    left: Receiver<()>,
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
        // Nothing is ever sent. A reactor that does not even see that it is to end goes on without
        // anybody who waits for it.
        let _ = self.left.recv_timeout(LEAVE_MAX + BUSY_MAX);
    }
}

/// Listens on `address` (`host:port`, port 0 takes a free one). Clients are talked to on the
/// reactors, by whose numbers ports say where they are; `router` makes what each of these asks.
///
/// # Errors
/// A text that names the address: the port is in use, the name has no address; or no reactor runs.
pub fn start<R: Router + 'static>(
    address: &str,
    options: &Options,
    reactors: &[Reactor],
    router: impl Fn() -> R + Send + Sync + 'static,
) -> Result<Listening, String> {
    let (stop, stopped) = flume::bounded::<()>(0);
    let (here, left) = flume::bounded::<()>(0);
    let (report, reported) = flume::bounded(1);
    let mut first = Some((address.to_owned(), report));
    let router = Arc::new(router);
    let doors: Vec<_> = reactors.iter().map(|_| flume::unbounded()).collect();
    let all: Vec<_> = doors.iter().map(|(door, _)| door.clone()).collect();
    for (number, (reactor, (_, arriving))) in reactors.iter().zip(doors).enumerate() {
        let (first, router, doors) = (first.take(), Arc::clone(&router), all.clone());
        let (options, stopped, here) = (options.clone(), stopped.clone(), here.clone());
        let house = move || async move {
            let listener = match first {
                None => None,
                Some((address, report)) => {
                    let bound = bind(&address).await;
                    let address = bound.as_ref().map(TcpListener::local_addr);
                    let _ = report.send(address.map_err(String::clone));
                    bound.ok()
                }
            };
            let router = Rc::new(router());
            House::new(number, options, router, doors.into())
                .run(listener, arriving, stopped)
                .await;
            drop(here);
        };
        reactor(Box::new(move || drop(rt::spawn(house()))));
    }
    let address = reported.recv().map_err(|_| "no reactor runs".to_owned())??;
    Ok(Listening { address, stop: Some(stop), left })
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
