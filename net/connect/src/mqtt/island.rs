//! The thread of the clients: a runtime of its own, because they know no other. It starts with
//! the first of them and serves all shards; each client is a task that owns its connection.

use std::sync::{Arc, OnceLock};

use plan::LocalBoxFuture;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

/// Clients that wait for the thread to take them; who starts one more waits.
pub(super) const QUEUE_MAX: usize = 1024;
/// Clients at a time; the others wait until one of them ends.
pub(super) const CLIENTS_MAX: usize = 4096;

/// Starts a client on the thread.
pub(super) type Job = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()> + Send>;

static QUEUE: OnceLock<Result<flume::Sender<Job>, String>> = OnceLock::new();

/// The way to the thread.
///
/// # Errors
/// The system gives no thread.
pub(super) fn queue() -> Result<&'static flume::Sender<Job>, String> {
    let queue = QUEUE.get_or_init(|| {
        let (queue, jobs) = flume::bounded(QUEUE_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let thread = std::thread::Builder::new().name("mqtt".to_owned());
        let work = move || {
            rt::probe::unpin();
            LocalSet::new().block_on(&runtime, serve(jobs));
        };
        thread.spawn(work).map(|_| queue).map_err(|error| error.to_string())
    });
    queue.as_ref().map_err(String::clone)
}

/// Runs clients until nobody can start any.
pub(super) async fn serve(jobs: flume::Receiver<Job>) {
    let room = Arc::new(Semaphore::new(CLIENTS_MAX));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok(job) = jobs.recv_async().await else { return };
        // A client that panics ends alone: whoever waits for it sees its channels close.
        tokio::task::spawn_local(async move {
            job().await;
            drop(place);
        });
    }
}

/// Starts a client.
///
/// # Errors
/// There is no thread.
pub(super) async fn start(
    queue: Result<&flume::Sender<Job>, String>,
    job: Job,
) -> Result<(), String> {
    let sent = queue?.send_async(job).await;
    sent.map_err(|_| "the thread of MQTT clients has ended".to_owned())
}
