//! The thread of the client: a runtime of its own, because the client knows no other. It starts
//! with the first task and serves the whole process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration as Time;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions};
use plan::LocalBoxFuture;
use tokio::task::LocalSet;

/// Tasks that wait to be started.
pub(super) const STARTS_MAX: usize = 1024;
/// Servers a process talks to.
pub(super) const SERVERS_MAX: usize = 64;
/// How long a server may take to answer.
pub(super) const ANSWER_MAX: Time = Time::from_secs(5);
/// First pause before something is tried again; doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Time = Time::from_millis(50);
/// Longest such pause.
const PAUSE_MAX: Time = Time::from_secs(2);
/// Publishes without an answer of one client; more wait.
const PUBLISHES_MAX: usize = 16_384;

type Task = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()> + Send>;

static STARTS: OnceLock<Result<flume::Sender<Task>, String>> = OnceLock::new();

thread_local! {
    /// One connection for each server.
    static CLIENTS: RefCell<HashMap<String, Client>> = RefCell::default();
}

/// Both ends of the way to the thread.
fn way() -> (flume::Sender<Task>, flume::Receiver<Task>) {
    flume::bounded(STARTS_MAX)
}

/// Runs a task on the thread.
///
/// # Errors
/// The system gives no thread, or too many tasks wait.
pub(super) fn run<F>(task: impl FnOnce() -> F + Send + 'static) -> Result<(), String>
where
    F: Future<Output = ()> + 'static,
{
    let starts = STARTS.get_or_init(|| {
        let (starts, tasks) = way();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let serve = async move {
            while let Ok(task) = tasks.recv_async().await {
                tokio::task::spawn_local(task());
            }
        };
        let thread = std::thread::Builder::new().name("nats".to_owned());
        let work = move || LocalSet::new().block_on(&runtime, serve);
        thread.spawn(work).map(|_| starts).map_err(|error| error.to_string())
    });
    let starts = starts.as_ref().map_err(String::clone)?;
    let sent = starts.try_send(Box::new(move || Box::pin(task())));
    sent.map_err(|_| "the client of NATS is busy".to_owned())
}

/// The connection to a server: made when there is none, and then kept by the client itself.
///
/// # Errors
/// The server is away, or there are too many.
pub(super) async fn client(url: &str) -> Result<Client, String> {
    let known = || CLIENTS.with_borrow(|all| all.get(url).cloned());
    if let Some(client) = known() {
        return Ok(client);
    }
    room(CLIENTS.with_borrow(HashMap::len))?;
    let options = ConnectOptions::new()
        .name("mainstem")
        .connection_timeout(ANSWER_MAX)
        .request_timeout(Some(ANSWER_MAX))
        .reconnect_delay_callback(|attempt| {
            PAUSE_MIN.saturating_mul(1 << attempt.min(6)).min(PAUSE_MAX)
        });
    let client = options.connect(url).await.map_err(|error| super::text_of(&error))?;
    // Somebody else may have been faster meanwhile.
    let client = known().unwrap_or(client);
    CLIENTS.with_borrow_mut(|all| all.insert(url.to_owned(), client.clone()));
    Ok(client)
}

/// Whether one server more is one too many.
fn room(known: usize) -> Result<(), String> {
    if known < SERVERS_MAX {
        return Ok(());
    }
    Err(format!("a process talks to {SERVERS_MAX} servers at most"))
}

/// The streams of a server.
///
/// # Errors
/// See [`client`].
pub(super) async fn streams(url: &str) -> Result<Context, String> {
    let builder = jetstream::ContextBuilder::new();
    let builder = builder.timeout(ANSWER_MAX).max_ack_inflight(PUBLISHES_MAX);
    Ok(builder.build(client(url).await?))
}

/// Pauses that grow.
pub(super) struct Pauses(Time);

impl Pauses {
    pub(super) fn new() -> Self {
        Pauses(PAUSE_MIN)
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_limited() {
        assert!((0..SERVERS_MAX).all(|known| room(known).is_ok()));
        assert!(room(SERVERS_MAX).is_err());
    }

    #[test]
    fn tasks_that_wait_to_be_started_are_limited() {
        let (starts, _tasks) = way();
        let start = || starts.try_send(Box::new(|| Box::pin(async {})));
        assert!((0..STARTS_MAX).all(|_| start().is_ok()));
        assert!(start().is_err());
    }
}
