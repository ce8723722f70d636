//! Bells: somebody rings, and who waits for it goes on.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A bell of a pipeline on a shard; clones are the same one.
///
/// It remembers that it was rung until somebody hears it. Rung twice before that, it is heard once.
#[derive(Clone, Debug, Default)]
pub struct Bell(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rung: Cell<bool>,
    /// Who listens; there is one.
    listener: RefCell<Option<Waker>>,
}

impl Bell {
    /// Rings it.
    pub fn ring(&self) {
        self.0.rung.set(true);
        if let Some(listener) = self.0.listener.take() {
            listener.wake();
        }
    }

    /// Waits until it is rung, or was rung since it was heard the last time.
    pub async fn heard(&self) {
        poll_fn(|cx| {
            if self.0.rung.take() {
                return Poll::Ready(());
            }
            *self.0.listener.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn it_is_heard_once_however_often_it_was_rung_before() {
        let bell = Bell::default();
        assert_eq!(bell.heard().now_or_never(), None);
        bell.clone().ring();
        bell.ring();
        assert_eq!(bell.heard().now_or_never(), Some(()));
        assert_eq!(bell.heard().now_or_never(), None);
    }
}
