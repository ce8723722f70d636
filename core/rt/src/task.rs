//! Tasks of one reactor: spawn, join, abort.
//!
//! A task is wrapped so that it can be aborted at any time (its future is dropped where it waits),
//! so that its panic becomes a value instead of the end of the reactor, and so that a reactor can
//! drop all of its tasks before it goes.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::error::panic_text;
use crate::timers;

/// Why a task gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The task was aborted, or its reactor ended.
    #[error("the task was aborted")]
    Aborted,
    /// The task panicked, with this text.
    #[error("the task panicked: {0}")]
    Panicked(String),
}

/// What a running task and its handle share.
struct Control {
    id: u64,
    aborted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Control {
    fn abort(&self) {
        self.aborted.set(true);
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Registry {
    next_id: u64,
    running: HashMap<u64, Rc<Control>>,
}

thread_local! {
    static REGISTRY: RefCell<Registry> = RefCell::default();
}

/// How many tasks run on this thread.
pub(crate) fn running() -> usize {
    REGISTRY.with(|registry| registry.borrow().running.len())
}

/// Aborts every task of this thread.
pub(crate) fn abort_all() {
    let all: Vec<Rc<Control>> =
        REGISTRY.with(|registry| registry.borrow().running.values().cloned().collect());
    for control in all {
        control.abort();
    }
}

struct Slot<T> {
    output: Option<Result<T, JoinError>>,
    joiner: Option<Waker>,
    done: bool,
}

struct Wrapped<F: Future> {
    future: Option<Pin<Box<F>>>,
    /// The waker that the future sees at every turn. monoio makes a new one each time, which
    /// [`Waker::will_wake`] may call another one; clones of one clone are always the same.
    waker: Option<Waker>,
    control: Rc<Control>,
    slot: Rc<RefCell<Slot<F::Output>>>,
}

impl<F: Future> Wrapped<F> {
    fn finish(&mut self, output: Result<F::Output, JoinError>) {
        // A future may panic while it is dropped, too.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(self.future.take())));
        let output = match dropped {
            Ok(()) => output,
            Err(panic) => Err(JoinError::Panicked(panic_text(&*panic))),
        };
        self.control.waker.borrow_mut().take();
        let joiner = {
            let mut slot = self.slot.borrow_mut();
            slot.output = Some(output);
            slot.done = true;
            slot.joiner.take()
        };
        if let Some(joiner) = joiner {
            joiner.wake();
        }
        let id = self.control.id;
        let _ = REGISTRY.try_with(|registry| registry.borrow_mut().running.remove(&id));
    }
}

impl<F: Future> Future for Wrapped<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let me = &mut *self;
        let Some(future) = &mut me.future else { return Poll::Ready(()) };
        if me.control.aborted.get() {
            me.finish(Err(JoinError::Aborted));
            return Poll::Ready(());
        }
        if me.waker.as_ref().is_none_or(|waker| waker.data() != cx.waker().data()) {
            me.waker = Some(cx.waker().clone());
            me.control.waker.borrow_mut().clone_from(&me.waker);
        }
        let mut cx = Context::from_waker(me.waker.as_ref().unwrap_or(Waker::noop()));
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => me.finish(Ok(output)),
            Err(panic) => me.finish(Err(panicked(&*panic))),
        }
        Poll::Ready(())
    }
}

fn panicked(payload: &(dyn Any + Send)) -> JoinError {
    JoinError::Panicked(panic_text(payload))
}

impl<F: Future> Drop for Wrapped<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.finish(Err(JoinError::Aborted));
        }
    }
}

/// Waits for a task. Dropping the handle detaches the task.
pub struct JoinHandle<T> {
    control: Rc<Control>,
    slot: Rc<RefCell<Slot<T>>>,
}

impl<T> JoinHandle<T> {
    /// Drops the task's future at its next turn. A task that has ended keeps its result.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// True once the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.slot.borrow().done
    }

    /// Makes the handle abort the task when it is dropped.
    #[must_use]
    pub fn abort_on_drop(self) -> Task<T> {
        Task(Some(self))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.slot.borrow_mut();
        if let Some(output) = slot.output.take() {
            return Poll::Ready(output);
        }
        if slot.done {
            return Poll::Ready(Err(JoinError::Aborted)); // polled again after its result
        }
        slot.joiner = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A task that lives no longer than this value: dropping it aborts the task.
pub struct Task<T>(Option<JoinHandle<T>>);

impl<T> Task<T> {
    /// Lets the task run on its own.
    pub fn detach(mut self) {
        self.0.take();
    }

    /// True once the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(handle) => Pin::new(handle).poll(cx),
            None => Poll::Ready(Err(JoinError::Aborted)),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.abort();
        }
    }
}

/// Starts a task on the calling thread's reactor.
///
/// # Panics
/// When the thread runs no reactor: that is a mistake of the caller.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let control = REGISTRY.with(|registry| {
        let mut registry = registry.borrow_mut();
        registry.next_id += 1;
        let id = registry.next_id;
        let control = Rc::new(Control { id, aborted: Cell::new(false), waker: RefCell::new(None) });
        registry.running.insert(id, Rc::clone(&control));
        control
    });
    let slot = Rc::new(RefCell::new(Slot { output: None, joiner: None, done: false }));
    let future = Some(Box::pin(future));
    let handle = JoinHandle { control: Rc::clone(&control), slot: Rc::clone(&slot) };
    drop(monoio::spawn(Wrapped { future, waker: None, control, slot }));
    handle
}

/// How long tasks that yield may keep a reactor from its doorstep. monoio takes wakes from other
/// threads and looks at its timers only when no task is ready, which never happens where one
/// always has something to do.
const BUSY_MAX: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Yielded {
    /// Wakes the task that wakes the others.
    yielder: Option<Waker>,
    waiting: Vec<Waker>,
    /// How often those who waited had to wait no more.
    turn: u64,
    /// Wakes the task that opens the gate. It is woken from another thread, and so not before the
    /// reactor has been at its doorstep.
    gate: Option<Waker>,
    /// While it is closed, nobody who waits is woken: so that at last no task is ready.
    closed: bool,
    opened: Option<Instant>,
}

impl Yielded {
    /// Who is woken now.
    fn take(&mut self) -> Vec<Waker> {
        if self.closed {
            return Vec::new();
        }
        let opened = *self.opened.get_or_insert_with(Instant::now);
        if let Some(gate) = self.gate.as_ref().filter(|_| opened.elapsed() >= BUSY_MAX) {
            self.closed = timers::wake_from_outside(gate.clone());
            if self.closed {
                return Vec::new();
            }
        }
        self.pass()
    }

    /// Ends the wait of all who wait.
    fn pass(&mut self) -> Vec<Waker> {
        self.turn += 1;
        std::mem::take(&mut self.waiting)
    }
}

thread_local! {
    static YIELDED: RefCell<Yielded> = RefCell::default();
}

/// Starts the task behind [`yield_now`]. monoio puts a task that wakes itself while it runs at the
/// *front* of its queue, where it would starve all others; woken by another task, it goes to the
/// back.
pub(crate) fn start_yielder() {
    let wake_all = std::future::poll_fn(|cx| {
        let waiting = YIELDED.with(|yielded| {
            let mut yielded = yielded.borrow_mut();
            if yielded.yielder.is_none() {
                yielded.yielder = Some(cx.waker().clone());
            }
            yielded.take()
        });
        waiting.into_iter().for_each(Waker::wake);
        Poll::<()>::Pending
    });
    drop(monoio::spawn(wake_all));
    let open = std::future::poll_fn(|cx| {
        let yielder = YIELDED.with(|yielded| {
            let mut yielded = yielded.borrow_mut();
            yielded.gate.get_or_insert_with(|| cx.waker().clone());
            yielded.closed = false;
            yielded.opened = Some(Instant::now());
            yielded.yielder.clone()
        });
        if let Some(yielder) = yielder {
            yielder.wake();
        }
        Poll::<()>::Pending
    });
    drop(monoio::spawn(open));
}

/// Forgets the yielding task with its reactor.
pub(crate) fn stop_yielder() {
    let _ = YIELDED.with(|yielded| yielded.take());
}

/// Lets the other tasks that are ready, and finished I/O, have a turn. It is over when they had it,
/// also when the task that waits is polled for other reasons in the meantime.
pub async fn yield_now() {
    let mut since: Option<u64> = None;
    std::future::poll_fn(|cx| {
        let (turn, yielder) = YIELDED.with(|yielded| {
            let mut yielded = yielded.borrow_mut();
            if since.is_none_or(|since| since == yielded.turn) {
                let known = yielded.waiting.iter().any(|waker| waker.will_wake(cx.waker()));
                if !known {
                    yielded.waiting.push(cx.waker().clone());
                }
            }
            (yielded.turn, yielded.yielder.clone())
        });
        match since {
            Some(since) if since != turn => return Poll::Ready(()),
            Some(_) => return Poll::Pending,
            None => since = Some(turn),
        }
        match yielder {
            Some(yielder) => yielder.wake(),
            None if crate::reactor::current().is_some() => {} // its first turn is still to come
            None => {
                // No reactor: the waker is all there is.
                YIELDED.with(|yielded| yielded.borrow_mut().pass());
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    })
    .await;
}
