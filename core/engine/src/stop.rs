//! A flag that tasks of one shard wait for, and the word to stop for all shards of a pipeline.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use plan::End;

use crate::wakers::Wakers;

use crate::parts::Order;

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

/// How an instance is stopped, together with its parts on other shards.
#[derive(Clone)]
pub(crate) struct Stop {
    /// For the sources of this shard.
    pub(crate) flag: Flag,
    /// What the end is that they come to.
    end: Rc<Cell<End>>,
    /// Lines to the parts, whose lives hang on them.
    lines: Rc<Vec<flume::Sender<Order>>>,
}

impl Stop {
    /// Of an instance with these parts.
    pub(crate) fn new(lines: Vec<flume::Sender<Order>>) -> Self {
        let end = Rc::new(Cell::new(End::Stopped));
        Stop { flag: Flag::default(), end, lines: Rc::new(lines) }
    }

    /// Number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.lines.len()
    }

    /// Sources stop reading, here and elsewhere.
    pub(crate) fn set(&self, end: End) {
        self.end.set(end);
        self.flag.set();
        self.tell(Order::Stop);
    }

    /// What the end is once the flag is set.
    pub(crate) fn end(&self) -> End {
        self.end.get()
    }

    /// Tells all parts; one that is gone needs no order.
    pub(crate) fn tell(&self, order: Order) {
        for line in self.lines.iter() {
            let _ = line.send(order);
        }
    }
}
