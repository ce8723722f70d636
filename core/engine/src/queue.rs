//! A bounded queue between tasks of one shard.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::wakers::Wakers;

struct Inner<T> {
    items: VecDeque<T>,
    room: usize,
    closed: bool,
    readers: Wakers,
    writers: Wakers,
}

/// A first-in, first-out queue; both ends are clones of it.
pub(crate) struct Queue<T>(Rc<RefCell<Inner<T>>>);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(Rc::clone(&self.0))
    }
}

impl<T> Queue<T> {
    /// A queue that holds `room` items before a push waits.
    pub(crate) fn new(room: usize) -> Self {
        Queue(Rc::new(RefCell::new(Inner {
            items: VecDeque::new(),
            room,
            closed: false,
            readers: Wakers::default(),
            writers: Wakers::default(),
        })))
    }

    /// Adds an item when there is room; gives it back when the queue is closed.
    pub(crate) async fn push(&self, item: T) -> Result<(), T> {
        let mut item = Some(item);
        poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            if inner.closed {
                return Poll::Ready(item.take().map_or(Ok(()), Err));
            }
            if inner.items.len() >= inner.room {
                inner.writers.add(cx);
                return Poll::Pending;
            }
            inner.items.extend(item.take());
            inner.readers.wake();
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Adds an item whatever the room; for what is bounded elsewhere.
    pub(crate) fn push_now(&self, item: T) {
        let mut inner = self.0.borrow_mut();
        if !inner.closed {
            inner.items.push_back(item);
            inner.readers.wake();
        }
    }

    /// The next item; `None` when the queue is closed and empty.
    pub(crate) async fn pop(&self) -> Option<T> {
        poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            if let Some(item) = inner.items.pop_front() {
                inner.writers.wake();
                return Poll::Ready(Some(item));
            }
            if inner.closed {
                return Poll::Ready(None);
            }
            inner.readers.add(cx);
            Poll::Pending
        })
        .await
    }

    /// Waits until the queue is closed and empty.
    pub(crate) async fn ended(&self) {
        poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            if inner.closed && inner.items.is_empty() {
                return Poll::Ready(());
            }
            inner.readers.add(cx);
            Poll::Pending
        })
        .await
    }

    /// No more items are taken; those in it may still be popped.
    pub(crate) fn close(&self) {
        let mut inner = self.0.borrow_mut();
        inner.closed = true;
        inner.readers.wake();
        inner.writers.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_full_queue_waits_and_a_closed_one_drains() {
        let queue = Queue::new(2);
        assert_eq!(queue.push(1).now_or_never(), Some(Ok(())));
        assert_eq!(queue.push(2).now_or_never(), Some(Ok(())));
        assert_eq!(queue.push(3).now_or_never(), None, "no room");
        assert_eq!(queue.pop().now_or_never(), Some(Some(1)));
        assert_eq!(queue.push(3).now_or_never(), Some(Ok(())));
        queue.close();
        assert_eq!(queue.push(4).now_or_never(), Some(Err(4)));
        assert_eq!(queue.pop().now_or_never(), Some(Some(2)));
        assert_eq!(queue.ended().now_or_never(), None);
        assert_eq!(queue.pop().now_or_never(), Some(Some(3)));
        assert_eq!(queue.ended().now_or_never(), Some(()));
        assert_eq!(queue.pop().now_or_never(), Some(None));
    }
}
