//! Time: monotonic and wall, real or driven by a test.
//!
//! All code asks this module, never the operating system, so that a test can install a driven
//! [`Clock`] and assert rates and latencies exactly.

use std::cell::RefCell;
use std::future::Future;
use std::ops::{Add, Sub};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use crate::reactor;
use crate::timers::{ThreadTimer, Timers, lock};

/// The longest single wait of the reactor's timer; longer sleeps wait again.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// A point of monotonic time: nanoseconds since an arbitrary start, the same for all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The time from `earlier` to this, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Self;

    fn add(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Nanos {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

struct Driven {
    now: AtomicU64,
    wall_start: i64,
    timers: Mutex<Timers>,
}

/// A source of time. Clones share it.
#[derive(Clone)]
pub struct Clock(Option<Arc<Driven>>);

static PROCESS: RwLock<Option<Clock>> = RwLock::new(None);
static EPOCH: OnceLock<Instant> = OnceLock::new();
/// Counts installs for the process, so that a thread notices them without taking the lock.
static PROCESS_INSTALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static THREAD: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that stands still at `wall_start` (nanoseconds since the Unix epoch) until
    /// [`Clock::advance`]. Its monotonic time starts at one second.
    #[must_use]
    pub fn driven(wall_start: i64) -> Self {
        let now = AtomicU64::new(1_000_000_000);
        Self(Some(Arc::new(Driven { now, wall_start, timers: Mutex::default() })))
    }

    /// Moves a driven clock on and wakes every sleeper whose time has come, the earliest first.
    /// A real clock ignores it.
    pub fn advance(&self, by: Duration) {
        let Some(driven) = &self.0 else { return };
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let now = driven.now.fetch_add(by, Ordering::SeqCst).saturating_add(by);
        loop {
            let due = lock(&driven.timers).pop_due(now);
            match due {
                Some(waker) => waker.wake(),
                None => break,
            }
        }
    }

    /// The earliest time a sleeper of a driven clock waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Nanos> {
        let driven = self.0.as_ref()?;
        lock(&driven.timers).next().map(Nanos)
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        match &self.0 {
            Some(driven) => Nanos(driven.now.load(Ordering::SeqCst)),
            None => {
                let elapsed = EPOCH.get_or_init(Instant::now).elapsed();
                // Starts at one second, so that subtracting a short time never underflows.
                Nanos(1_000_000_000 + u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX / 2))
            }
        }
    }

    /// Wall time in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> i64 {
        match &self.0 {
            Some(driven) => {
                let passed = driven.now.load(Ordering::SeqCst) - 1_000_000_000;
                driven.wall_start.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
            }
            None => match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
                Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
            },
        }
    }

    /// Makes this the clock of every thread that has none of its own. For tests of whole engines.
    pub fn install_for_process(&self) {
        let mut slot = PROCESS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *slot = self.0.is_some().then(|| self.clone());
        PROCESS_INSTALLS.store(u64::from(slot.is_some()), Ordering::SeqCst);
    }

    /// Makes this the clock of the calling thread until the guard is dropped.
    #[must_use]
    pub fn install_for_thread(&self) -> ClockGuard {
        let previous = THREAD.with(|slot| slot.replace(Some(self.clone())));
        ClockGuard { previous, _not_send: std::marker::PhantomData }
    }

    /// The clock that the calling thread uses.
    #[must_use]
    pub fn current() -> Self {
        if let Some(clock) = THREAD.with(|slot| slot.borrow().clone()) {
            return clock;
        }
        if PROCESS_INSTALLS.load(Ordering::SeqCst) == 0 {
            return Self::real();
        }
        let slot = PROCESS.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        slot.clone().unwrap_or_else(Self::real)
    }
}

/// Puts the thread's previous clock back when dropped.
pub struct ClockGuard {
    previous: Option<Clock>,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for ClockGuard {
    fn drop(&mut self) {
        THREAD.with(|slot| *slot.borrow_mut() = self.previous.take());
    }
}

/// Monotonic time of the calling thread's clock.
#[must_use]
pub fn now() -> Nanos {
    Clock::current().now()
}

/// Wall time of the calling thread's clock, in nanoseconds since the Unix epoch.
#[must_use]
pub fn wall() -> i64 {
    Clock::current().wall()
}

/// Waits for `pause`. Works on a reactor and on any other thread (there by a timer thread).
pub fn sleep(pause: Duration) -> Sleep {
    let clock = Clock::current();
    let deadline = clock.now() + pause;
    Sleep { clock, deadline, wait: Wait::Idle }
}

/// Waits until the clock shows `deadline`.
pub fn sleep_until(deadline: Nanos) -> Sleep {
    Sleep { clock: Clock::current(), deadline, wait: Wait::Idle }
}

/// Waits in real time even when the thread's clock is driven: for what the world decides, such as
/// a device that is not ready.
pub(crate) fn sleep_real(pause: Duration) -> Sleep {
    let clock = Clock::real();
    let deadline = clock.now() + pause;
    Sleep { clock, deadline, wait: Wait::Idle }
}

enum Wait {
    Idle,
    Driven((u64, u64)),
    Reactor(Pin<Box<dyn Future<Output = ()>>>),
    Thread(ThreadTimer),
}

/// The future of [`sleep`].
pub struct Sleep {
    clock: Clock,
    deadline: Nanos,
    wait: Wait,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let me = &mut *self;
        loop {
            let now = me.clock.now();
            if let Some(driven) = &me.clock.0 {
                // Looked at again under the lock: `advance` moves time before it takes the lock.
                let mut timers = lock(&driven.timers);
                if driven.now.load(Ordering::SeqCst) >= me.deadline.0 {
                    return Poll::Ready(());
                }
                match me.wait {
                    Wait::Driven(key) => timers.replace(key, cx.waker()),
                    _ => me.wait = Wait::Driven(timers.insert(me.deadline.0, cx.waker().clone())),
                }
                return Poll::Pending;
            }
            if now >= me.deadline {
                return Poll::Ready(());
            }
            if matches!(me.wait, Wait::Idle) {
                let pause = me.deadline.since(now).min(WAIT_MAX);
                me.wait = match reactor::current() {
                    Some(_) => Wait::Reactor(Box::pin(monoio::time::sleep(pause))),
                    None => Wait::Thread(ThreadTimer::new(pause)),
                };
            }
            let over = match &mut me.wait {
                Wait::Reactor(wait) => wait.as_mut().poll(cx).is_ready(),
                Wait::Thread(timer) => timer.poll(cx.waker()),
                Wait::Idle | Wait::Driven(_) => false,
            };
            if !over {
                return Poll::Pending;
            }
            me.wait = Wait::Idle;
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let (Wait::Driven(key), Some(driven)) = (&self.wait, &self.clock.0) {
            lock(&driven.timers).remove(*key);
        }
    }
}

/// The time given to [`timeout`] is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time limit is over")]
pub struct Elapsed;

/// Waits for `future`, at most for `limit`; then the future is dropped.
///
/// # Errors
/// [`Elapsed`] when the limit passed first.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut limit = pin!(sleep(limit));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        limit.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
