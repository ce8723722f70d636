//! Checkpoints that somebody asks for, and the answer when they are durable.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use plan::NodeId;

use crate::api::{Ask, EngineHandle, Key, Unavailable};
use crate::checkpoint::{Again, Durables, Held, Kept};
use crate::shard::Control;
use crate::table::Table;
use crate::views::answer;

/// How long an answer is waited for. The results of everything before must be delivered first.
const DURABLE_MAX: Duration = Duration::from_secs(10);

/// Why no state was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// There is no such pipeline, or it does not run.
    #[error("the pipeline does not run")]
    Missing,
    /// Its plan is not durable.
    #[error("the pipeline keeps no state")]
    Stateless,
    /// The engine has no place for states.
    #[error("the pipeline keeps no state: there is no directory for it")]
    NoDirectory,
    /// None of its operators remembers anything.
    #[error("the pipeline keeps no state: none of its operators has one")]
    NoOperator,
    /// It is not durable yet.
    #[error("the state is not kept yet: results from before it are not delivered")]
    Late,
    /// It could not be written.
    #[error("the state could not be kept: {0}")]
    Failed(String),
}

/// Somebody who asks for a checkpoint of a pipeline.
pub struct Checkpointing {
    key: Key,
    reply: flume::Sender<Result<(), CheckpointError>>,
}

impl EngineHandle {
    /// Keeps the state of a pipeline now, and answers when that is durable.
    ///
    /// # Errors
    /// The engine did not answer; the inner result is its answer.
    pub async fn checkpoint(&self, key: Key) -> Result<Result<(), CheckpointError>, Unavailable> {
        let make = |reply| Ask::Checkpoint(Box::new(Checkpointing { key, reply }));
        self.ask(make).await
    }
}

impl Table {
    /// Asks the home shard of a pipeline, and waits until it is done.
    pub(crate) async fn checkpoint(&self, asked: Checkpointing) {
        let done = self.kept(&asked.key).await;
        let _ = asked.reply.send(done);
    }

    async fn kept(&self, key: &Key) -> Result<(), CheckpointError> {
        let (home, token) = {
            let rows = self.rows.borrow();
            let row = rows.get(key).filter(|row| row.standing.ended_ns.is_none());
            let row = row.ok_or(CheckpointError::Missing)?;
            if !row.spec.plan.durable {
                return Err(CheckpointError::Stateless);
            }
            (row.home, row.token)
        };
        if self.storage.is_none() {
            return Err(CheckpointError::NoDirectory);
        }
        let shard = self.shards.get(home).ok_or(CheckpointError::Missing)?;
        let (tell, told) = flume::bounded(1);
        let _ = shard.send(Control::Checkpoint(token, tell));
        let waited = answer(told).await.ok_or(CheckpointError::Late)?;
        let waited = waited.ok_or(CheckpointError::Missing)?;
        if waited.is_empty() {
            return Err(CheckpointError::NoOperator);
        }
        let all = join_all(waited.iter().map(flume::Receiver::recv_async));
        let all = rt::timeout(DURABLE_MAX, all).await.map_err(|_| CheckpointError::Late)?;
        all.into_iter().try_for_each(|kept| match kept {
            Ok(kept) => kept.map_err(CheckpointError::Failed),
            // It has ended meanwhile.
            Err(_) => Err(CheckpointError::Missing),
        })
    }
}

/// The durable operators of an instance, for as long as they are there.
#[derive(Clone, Default)]
pub(crate) struct Holders {
    held: Rc<RefCell<Vec<Weak<RefCell<Held>>>>>,
    /// How far the states that are kept are with sources that read the same again and again.
    again: Rc<Again>,
}

impl Holders {
    /// Before the operators are there.
    pub(crate) fn of(durables: Option<&Durables>) -> Self {
        let again = durables.map(Durables::again).unwrap_or_default();
        Holders { again: Rc::new(again), ..Holders::default() }
    }

    pub(crate) fn add(&self, held: Weak<RefCell<Held>>) {
        self.held.borrow_mut().push(held);
    }

    /// Whether rounds of a source are counted, and then whether the state has the beginning of one.
    pub(crate) fn again(&self, source: NodeId) -> Option<bool> {
        self.again.get(&source).copied()
    }

    /// Asks each for a checkpoint; returns where they will answer.
    pub(crate) fn want(&self) -> Vec<flume::Receiver<Kept>> {
        let there = self.held.borrow();
        let there = there.iter().filter_map(Weak::upgrade);
        let want = |held: Rc<RefCell<Held>>| {
            let (tell, told) = flume::bounded(1);
            held.borrow_mut().want(tell);
            told
        };
        there.map(want).collect()
    }
}
