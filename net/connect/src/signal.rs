//! Waking tasks of one shard when something they look at has changed.

use std::cell::RefCell;
use std::task::{Poll, Waker};

/// Tasks that wait for a change.
#[derive(Default)]
pub struct Signal(RefCell<Vec<Waker>>);

impl Signal {
    /// Something has changed: everybody looks again.
    pub fn wake(&self) {
        let wakers = self.0.take();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until `look` finds something; it is asked now and after every change.
    pub async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        std::future::poll_fn(|cx| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                let mut wakers = self.0.borrow_mut();
                if !wakers.iter().any(|w| w.will_wake(cx.waker())) {
                    wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        })
        .await
    }
}
