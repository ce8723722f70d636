//! Helper threads for what may block: uncached files under epoll, opening, listing, name lookup.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::panic_text;
use crate::probe;

/// The most helper threads of the process. A hung device can take one each.
pub const THREADS_MAX: usize = 32;

/// Jobs that may wait for a helper thread; beyond it callers wait.
pub const QUEUE_MAX: usize = 1024;

/// An idle helper thread ends after this time.
const IDLE_MAX: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

struct Pool {
    sender: flume::Sender<Job>,
    receiver: flume::Receiver<Job>,
    threads: AtomicUsize,
    /// Jobs that are queued or running.
    pending: AtomicUsize,
}

static POOL: OnceLock<Pool> = OnceLock::new();

fn pool() -> &'static Pool {
    POOL.get_or_init(|| {
        let (sender, receiver) = flume::bounded(QUEUE_MAX);
        Pool { sender, receiver, threads: AtomicUsize::new(0), pending: AtomicUsize::new(0) }
    })
}

/// Counts a job for as long as it is queued or runs.
struct Pending(&'static Pool);

impl Pending {
    fn new(pool: &'static Pool) -> Self {
        pool.pending.fetch_add(1, Ordering::AcqRel);
        Self(pool)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A job gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockingError {
    /// The job panicked, with this text.
    #[error("a blocking operation panicked: {0}")]
    Panicked(String),
    /// The job was lost, which would be a mistake of this module.
    #[error("a blocking operation was lost")]
    Lost,
}

impl From<BlockingError> for std::io::Error {
    fn from(error: BlockingError) -> Self {
        Self::other(error)
    }
}

/// Runs `job` on a helper thread. Dropping the future forgets the result; the job runs to its end.
///
/// When the system gives not a single thread, the job runs on the calling one: late is better than
/// never.
///
/// # Errors
/// [`BlockingError`] when the job panics.
pub async fn blocking<T, F>(job: F) -> Result<T, BlockingError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let pool = pool();
    let (answer, result) = flume::bounded(1);
    let pending = Pending::new(pool);
    let boxed: Job = Box::new(move || {
        let outcome = catch_unwind(AssertUnwindSafe(job))
            .map_err(|panic| BlockingError::Panicked(panic_text(&*panic)));
        drop(pending);
        let _ = answer.send(outcome); // nobody listens when the future was dropped
    });
    if pool.sender.send_async(boxed).await.is_err() {
        return Err(BlockingError::Lost);
    }
    if !ensure_thread(pool)
        && let Ok(job) = pool.receiver.try_recv()
    {
        job();
    }
    result.recv_async().await.unwrap_or(Err(BlockingError::Lost))
}

/// Starts a thread when there are more jobs than threads. Called after the job was queued: a
/// thread that gives up at the same moment looks at the queue once more. False when there is none.
fn ensure_thread(pool: &'static Pool) -> bool {
    if pool.pending.load(Ordering::Acquire) <= pool.threads.load(Ordering::Acquire) {
        return true;
    }
    let count = pool.threads.fetch_add(1, Ordering::AcqRel);
    if count >= THREADS_MAX {
        pool.threads.fetch_sub(1, Ordering::AcqRel);
        return true;
    }
    let builder = std::thread::Builder::new().name("blocking".to_owned());
    match builder.spawn(move || work(pool)) {
        Ok(_) => true,
        Err(error) => {
            pool.threads.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "cannot start a helper thread");
            count > 0
        }
    }
}

fn work(pool: &'static Pool) {
    probe::unpin();
    loop {
        if let Ok(job) = pool.receiver.recv_timeout(IDLE_MAX) {
            job();
            continue;
        }
        pool.threads.fetch_sub(1, Ordering::AcqRel);
        // A job may have been queued for this thread just as it gave up.
        match pool.receiver.try_recv() {
            Ok(job) => {
                pool.threads.fetch_add(1, Ordering::AcqRel);
                job();
            }
            Err(_) => return,
        }
    }
}
