//! Parts: instances of a partitioned source on other shards than the pipeline's home.
//!
//! Each has its own ledger, share of the budget and acks. Its results go home behind the
//! stateless head of the plan; where nothing needs to be in one place, a part is the whole plan.
//! A part lives as long as its line to the home does: what ends the one ends the other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use plan::End;

use crate::acks::Homing;
use crate::instance::{Built, Running, Surroundings};
use crate::parallel::{Done, Head};

/// What a shard needs to know to run a part of a pipeline.
#[derive(Clone)]
pub(crate) struct Parts {
    /// Instances of the source, with the one at home, which is number 0.
    pub(crate) instances: usize,
    /// Whether a part is the whole plan; otherwise it is the source and the head.
    pub(crate) whole: bool,
    /// The only source and its head.
    pub(crate) heads: Vec<Head>,
    /// The way home. What is in it is bounded by the budgets of the parts.
    pub(crate) done: flume::Sender<Done>,
    /// For what must end the pipeline at once.
    pub(crate) homing: Homing,
}

/// One part.
pub(crate) struct Part {
    /// Which instance of the source it is.
    pub(crate) index: usize,
    pub(crate) parts: Parts,
    /// What the home wants of it.
    pub(crate) line: flume::Receiver<Order>,
}

/// What the home of a pipeline wants of its parts. The end of the line means: be gone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Start to read.
    Open,
    /// Stop reading, drain, close.
    Stop,
    /// Drop everything but the counts: the pipeline has ended.
    Halt,
}

/// Does what the home says about a part that is built, until the home is gone.
pub(crate) async fn keep(
    token: u64,
    built: Built,
    line: flume::Receiver<Order>,
    around: Rc<Surroundings>,
    running: Rc<RefCell<HashMap<u64, Running>>>,
) {
    let mut built = Some(built);
    while let Ok(order) = line.recv_async().await {
        if let Some(built) = built.take_if(|_| matches!(order, Order::Open)) {
            let opened = built.open(&around, |_| {}, |_| {}, Vec::new());
            running.borrow_mut().insert(token, opened);
        }
        // Dropped only when the table is not borrowed any more.
        let task = match (order, running.borrow().get(&token)) {
            (Order::Stop, Some(part)) => {
                part.stop.set(End::Stopped);
                None
            }
            (Order::Halt, Some(part)) => part.task.take(),
            _ => None,
        };
        drop(task);
    }
    let gone = running.borrow_mut().remove(&token);
    drop(gone);
}
