//! What one instance has to do, as the router sees it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use crate::wakers::Wakers;

/// Pieces that one instance was given and that are not done with, and for how long it had some.
#[derive(Default)]
pub(super) struct Load {
    pieces: Cell<usize>,
    since_ns: Cell<u64>,
    busy_ns: Cell<u64>,
    waiting: RefCell<Wakers>,
}

impl Load {
    /// It was given a piece.
    pub(super) fn start(&self, now_ns: u64) {
        if self.pieces.get() == 0 {
            self.since_ns.set(now_ns);
        }
        self.pieces.set(self.pieces.get() + 1);
    }

    /// It is done with a piece.
    pub(super) fn end(&self, now_ns: u64) {
        self.pieces.set(self.pieces.get().saturating_sub(1));
        if self.pieces.get() == 0 {
            self.note(now_ns);
        }
        self.waiting.borrow_mut().wake();
    }

    fn note(&self, now_ns: u64) {
        let busy = now_ns.saturating_sub(self.since_ns.get());
        self.busy_ns.set(self.busy_ns.get() + busy);
        self.since_ns.set(now_ns);
    }

    /// Nanoseconds in which it had something to do since this was last asked.
    pub(super) fn take(&self, now_ns: u64) -> u64 {
        if self.pieces.get() > 0 {
            self.note(now_ns);
        }
        self.busy_ns.take()
    }

    /// Waits until it has fewer pieces than this.
    pub(super) async fn below(&self, pieces: usize) {
        poll_fn(|cx| {
            if self.pieces.get() < pieces {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().add(cx);
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
    fn it_is_busy_while_it_has_pieces() {
        let load = Load::default();
        load.start(10);
        load.start(20);
        load.end(30);
        load.end(50);
        assert_eq!(load.take(100), 40, "pieces at the same time count once");
        assert_eq!(load.take(200), 0);
        load.start(200);
        assert_eq!(load.take(230), 30, "also what is not done with yet");
        load.end(250);
        assert_eq!(load.take(300), 20);
    }

    #[test]
    fn who_waits_goes_on_when_there_is_room() {
        let load = Load::default();
        assert_eq!(load.below(1).now_or_never(), Some(()));
        load.start(0);
        load.start(0);
        let mut below = Box::pin(load.below(2));
        assert_eq!((&mut below).now_or_never(), None);
        load.end(1);
        assert_eq!(below.now_or_never(), Some(()));
        assert_eq!(load.below(1).now_or_never(), None);
    }
}
