//! Wakers ordered by the time they wait for.
//!
//! Two things use them: a driven clock, whose time is advanced by hand, and the one process-wide
//! timer thread that serves callers outside any reactor (REST handlers, the storage thread) and
//! wakes tasks of reactors that would hear nothing from within.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Waiting wakers by deadline. Equal deadlines keep the order of registration.
#[derive(Default)]
pub(crate) struct Timers {
    next_id: u64,
    waiting: BTreeMap<(u64, u64), Waker>,
}

impl Timers {
    /// Adds a waker and returns the key to change or remove it with.
    pub(crate) fn insert(&mut self, deadline: u64, waker: Waker) -> (u64, u64) {
        self.next_id += 1;
        let key = (deadline, self.next_id);
        self.waiting.insert(key, waker);
        key
    }

    /// Replaces the waker of a key that still waits.
    pub(crate) fn replace(&mut self, key: (u64, u64), waker: &Waker) {
        if let Some(old) = self.waiting.get_mut(&key) {
            old.clone_from(waker);
        }
    }

    /// Forgets a key. It may be gone already.
    pub(crate) fn remove(&mut self, key: (u64, u64)) {
        self.waiting.remove(&key);
    }

    /// The earliest deadline that somebody waits for.
    pub(crate) fn next(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(key, _)| key.0)
    }

    /// Takes the earliest waker out whose deadline is not after `now`.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Waker> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

/// Locks, also after a panic of another holder: the map is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Service {
    timers: Mutex<Timers>,
    changed: Condvar,
    epoch: Instant,
    runs: AtomicBool,
}

static SERVICE: OnceLock<Service> = OnceLock::new();

/// A wait on the timer thread. Dropping it takes it back.
pub(crate) struct ThreadTimer {
    deadline: u64,
    key: Option<(u64, u64)>,
}

fn service() -> &'static Service {
    let mut created = false;
    let service = SERVICE.get_or_init(|| {
        created = true;
        Service {
            timers: Mutex::default(),
            changed: Condvar::new(),
            epoch: Instant::now(),
            runs: AtomicBool::new(true),
        }
    });
    if created {
        let builder = std::thread::Builder::new().name("timers".to_owned());
        if let Err(error) = builder.spawn(move || serve(service)) {
            service.runs.store(false, Ordering::Relaxed);
            tracing::error!(%error, "cannot start the timer thread; time-outs will not fire");
        }
    }
    service
}

fn elapsed(service: &Service) -> u64 {
    u64::try_from(service.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn serve(service: &Service) {
    crate::probe::unpin();
    let mut timers = lock(&service.timers);
    loop {
        let now = elapsed(service);
        if let Some(waker) = timers.pop_due(now) {
            drop(timers); // a waker may run code that takes the lock again
            waker.wake();
            timers = lock(&service.timers);
            continue;
        }
        timers = match timers.next() {
            None => service.changed.wait(timers).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let pause = Duration::from_nanos(deadline - now);
                let woken = service.changed.wait_timeout(timers, pause);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// Has another thread wake a waker, soon. Tells whether there is such a thread.
pub(crate) fn wake_from_outside(waker: Waker) -> bool {
    let service = service();
    let runs = service.runs.load(Ordering::Relaxed);
    if runs {
        lock(&service.timers).insert(0, waker);
        service.changed.notify_one();
    }
    runs
}

impl ThreadTimer {
    /// A wait of `pause` from now.
    pub(crate) fn new(pause: Duration) -> Self {
        let pause = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
        Self { deadline: elapsed(service()).saturating_add(pause), key: None }
    }

    /// True once the time is over; otherwise `waker` is woken then.
    pub(crate) fn poll(&mut self, waker: &Waker) -> bool {
        let service = service();
        if elapsed(service) >= self.deadline {
            return true;
        }
        let mut timers = lock(&service.timers);
        match self.key {
            Some(key) => timers.replace(key, waker),
            None => {
                let first = timers.next().is_none_or(|next| self.deadline < next);
                self.key = Some(timers.insert(self.deadline, waker.clone()));
                if first {
                    service.changed.notify_one();
                }
            }
        }
        false
    }
}

impl Drop for ThreadTimer {
    fn drop(&mut self) {
        if let (Some(key), Some(service)) = (self.key, SERVICE.get()) {
            lock(&service.timers).remove(key);
        }
    }
}
