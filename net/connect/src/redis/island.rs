//! The thread of the client: a runtime of its own, because the client knows no other. It starts
//! with the first thing that is asked and serves all shards.

use std::sync::{Arc, OnceLock};

use plan::shared::{CacheError, CacheOp, CacheResult};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::cache::Settings;

/// Batches of questions that wait for the thread; who asks one more waits.
pub(super) const QUEUE_MAX: usize = 1024;
/// Batches of questions that are on their way at once.
pub(super) const IN_FLIGHT_MAX: usize = 256;

/// What a shard asks.
pub(super) struct Job {
    pub(super) settings: Arc<Settings>,
    pub(super) ops: Vec<CacheOp>,
    pub(super) reply: flume::Sender<Vec<CacheResult>>,
}

static QUEUE: OnceLock<Result<flume::Sender<Job>, String>> = OnceLock::new();

/// Both ends of the way to the thread.
pub(super) fn way() -> (flume::Sender<Job>, flume::Receiver<Job>) {
    flume::bounded(QUEUE_MAX)
}

/// The way to the thread.
///
/// # Errors
/// The system gives no thread.
pub(super) fn queue() -> Result<&'static flume::Sender<Job>, String> {
    let queue = QUEUE.get_or_init(|| {
        let (queue, jobs) = way();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let thread = std::thread::Builder::new().name("redis".to_owned());
        let work = move || LocalSet::new().block_on(&runtime, serve(jobs));
        thread.spawn(work).map(|_| queue).map_err(|error| error.to_string())
    });
    queue.as_ref().map_err(String::clone)
}

pub(super) async fn serve(jobs: flume::Receiver<Job>) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    while let Ok(job) = jobs.recv_async().await {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        tokio::task::spawn_local(async move {
            let Job { settings, ops, reply } = job;
            let _ = reply.send(settings.run(ops).await);
            drop(place);
        });
    }
}

/// Asks, and waits for the answers.
pub(super) async fn ask(
    queue: Result<&flume::Sender<Job>, String>,
    settings: Arc<Settings>,
    ops: Vec<CacheOp>,
) -> Vec<CacheResult> {
    let count = ops.len();
    let failed = |text: String| vec![Err(CacheError::Other(text)); count];
    let queue = match queue {
        Ok(queue) => queue,
        Err(text) => return failed(text),
    };
    let (reply, answer) = flume::bounded(1);
    let _ = queue.send_async(Job { settings, ops, reply }).await;
    let gone = || failed("the client of the cache has ended".to_owned());
    answer.recv_async().await.unwrap_or_else(|_| gone())
}
