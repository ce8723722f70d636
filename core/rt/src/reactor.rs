//! The reactor of a shard: one executor on one thread, built on an explicitly chosen driver.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::error::panic_text;
use crate::probe::{Driver, IoMode, RING_ENTRIES, pin, probe};
use crate::task::{abort_all, running, start_yielder, stop_yielder, yield_now};
use crate::{Error, buf, clock};

/// How long an executor may take to report that it runs.
pub(crate) const REPORT_MAX: Duration = Duration::from_secs(5);

/// How long a reactor that ends waits for the kernel to give its buffers back.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// How often aborted tasks are given a turn before the reactor goes without them.
const ABORT_TURNS_MAX: usize = 64;

/// What a reactor is built from.
#[derive(Clone, Debug)]
pub struct ReactorConfig {
    /// Which driver; `Auto` probes.
    pub mode: IoMode,
    /// The core to pin to, none to float.
    pub core: Option<usize>,
    /// Name of the reactor and its thread, for logs, errors and `top`.
    pub name: String,
}

impl ReactorConfig {
    /// A reactor that floats.
    #[must_use]
    pub fn new(mode: IoMode, name: &str) -> Self {
        Self { mode, core: None, name: name.to_owned() }
    }

    /// Pins the reactor to a core.
    #[must_use]
    pub fn on_core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }
}

thread_local! {
    static CURRENT: Cell<Option<Driver>> = const { Cell::new(None) };
}

/// The driver of the reactor that runs on the calling thread, if one does.
#[must_use]
pub fn current() -> Option<Driver> {
    CURRENT.with(Cell::get)
}

/// What the runtime hands back: the main future's result, and whether the kernel still holds
/// buffers.
struct Ended<T> {
    result: thread::Result<T>,
    clean: bool,
}

/// Runs a reactor on the calling thread until the future that `f` makes is done. Its tasks are
/// dropped then, and the reactor waits until the kernel has let go of their buffers.
///
/// # Errors
/// When the driver is refused or cannot be built, the core is not the process's, or the future
/// panics.
pub fn run_reactor<F, Fut>(config: ReactorConfig, f: F) -> Result<Fut::Output, Error>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    if current().is_some() {
        return Err(Error::Nested(config.name));
    }
    let driver = probe(config.mode)?.driver;
    if let Some(core) = config.core {
        pin(core).map_err(|source| Error::Pin { name: config.name.clone(), core, source })?;
    }
    let failed = |source| Error::Build { driver: driver.name(), name: config.name.clone(), source };
    let main = main(driver, f);
    let ended = match driver {
        Driver::Uring => {
            let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(RING_ENTRIES);
            let mut runtime = builder.enable_timer().build().map_err(failed)?;
            let ended = runtime.block_on(main);
            if !ended.clean {
                tracing::warn!(
                    reactor = config.name,
                    "the kernel still holds buffers of a device that does not answer; \
                     its ring is left open"
                );
                std::mem::forget(runtime);
            }
            ended
        }
        Driver::Epoll => {
            let builder = RuntimeBuilder::<LegacyDriver>::new().with_entries(RING_ENTRIES);
            let mut runtime = builder.enable_timer().build().map_err(failed)?;
            runtime.block_on(main)
        }
    };
    ended.result.map_err(|panic| {
        let message = panic_text(&*panic);
        Error::Panicked { name: config.name, message }
    })
}

/// Resets the mark of the running reactor, also when the executor itself panics.
struct Mark;

impl Drop for Mark {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(None));
        stop_yielder();
    }
}

async fn main<F, Fut>(driver: Driver, f: F) -> Ended<Fut::Output>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    CURRENT.with(|current| current.set(Some(driver)));
    let _mark = Mark;
    start_yielder();
    yield_now().await;
    let result = match catch_unwind(AssertUnwindSafe(|| Box::pin(f()))) {
        Ok(future) => guarded(future).await,
        Err(panic) => Err(panic),
    };
    let clean = drain().await;
    Ended { result, clean }
}

/// Polls a future and turns its panic into an error.
async fn guarded<F: Future>(mut future: Pin<Box<F>>) -> thread::Result<F::Output> {
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Drops all tasks and waits until no buffer is in the kernel's hands. Freeing a ring does not
/// stop its operations at once, so the buffers must outlive them.
async fn drain() -> bool {
    for _ in 0..ABORT_TURNS_MAX {
        if running() == 0 {
            break;
        }
        abort_all();
        yield_now().await;
    }
    let start = Instant::now();
    while buf::in_flight() > 0 {
        if start.elapsed() > DRAIN_MAX {
            return false;
        }
        clock::sleep_real(Duration::from_millis(1)).await;
    }
    true
}

/// Runs a future on the calling thread without any reactor: for threads that only wait for others
/// (start-up, tests, the plain storage thread). No I/O of this crate works inside.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// A thread with a reactor on it.
pub struct ThreadHandle<T> {
    name: String,
    driver: Driver,
    result: flume::Receiver<Result<T, Error>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl<T> ThreadHandle<T> {
    /// What the reactor runs on.
    #[must_use]
    pub fn driver(&self) -> Driver {
        self.driver
    }

    /// The thread's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True once the reactor has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }

    /// Blocks until the reactor has ended.
    ///
    /// # Errors
    /// As [`run_reactor`].
    pub fn join(mut self) -> Result<T, Error> {
        let result = self.result.recv().map_err(|_| Error::Lost(self.name.clone()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // its panic is in the result already
        }
        result?
    }

    /// Blocks until the reactor has ended, at most for `limit`.
    ///
    /// # Errors
    /// As [`run_reactor`]; the handle comes back when the limit passed first.
    pub fn join_timeout(self, limit: Duration) -> Result<Result<T, Error>, Self> {
        match self.result.recv_timeout(limit) {
            Ok(result) => Ok(result),
            Err(flume::RecvTimeoutError::Disconnected) => Ok(Err(Error::Lost(self.name))),
            Err(flume::RecvTimeoutError::Timeout) => Err(self),
        }
    }
}

/// Starts a thread with a reactor and returns once its executor really runs.
///
/// # Errors
/// As [`run_reactor`] for all that can go wrong before the first turn, and [`Error::NotRunning`]
/// when the executor does not report in.
pub fn start_thread<F, Fut>(config: ReactorConfig, f: F) -> Result<ThreadHandle<Fut::Output>, Error>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future + 'static,
    Fut::Output: Send + 'static,
{
    let name = config.name.clone();
    let (report, reported) = flume::bounded::<Driver>(1);
    let (answer, result) = flume::bounded(1);
    let body = move || {
        let outcome = run_reactor(config, || async move {
            // A trip through the timer shows that the driver turns, not only the first poll.
            clock::sleep_real(Duration::from_millis(1)).await;
            if let Some(driver) = current() {
                let _ = report.send(driver);
            }
            f().await
        });
        let _ = answer.send(outcome);
    };
    let builder = thread::Builder::new().name(name.clone());
    let thread =
        builder.spawn(body).map_err(|source| Error::Thread { name: name.clone(), source })?;
    match reported.recv_timeout(REPORT_MAX) {
        Ok(driver) => Ok(ThreadHandle { name, driver, result, thread: Some(thread) }),
        Err(flume::RecvTimeoutError::Timeout) => {
            Err(Error::NotRunning { name, seconds: REPORT_MAX.as_secs() })
        }
        Err(flume::RecvTimeoutError::Disconnected) => match result.recv() {
            Ok(Err(error)) => Err(error),
            _ => Err(Error::Lost(name)),
        },
    }
}
