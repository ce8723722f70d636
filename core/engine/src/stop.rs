//! A flag that tasks of one shard wait for.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::wakers::Wakers;

#[derive(Default)]
struct Inner {
    set: Cell<bool>,
    waiting: RefCell<Wakers>,
}

/// Set once, by whoever holds a clone.
#[derive(Clone, Default)]
pub(crate) struct Flag(Rc<Inner>);

impl Flag {
    /// Sets it and wakes all who wait.
    pub(crate) fn set(&self) {
        self.0.set.set(true);
        self.0.waiting.borrow_mut().wake();
    }

    /// Whether it is set.
    pub(crate) fn is_set(&self) -> bool {
        self.0.set.get()
    }

    /// Waits until it is set.
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            if self.is_set() {
                return Poll::Ready(());
            }
            self.0.waiting.borrow_mut().add(cx);
            Poll::Pending
        })
        .await;
    }
}
