//! Spreading the stateless head of a plan over all shards, block by block.
//!
//! The home shard numbers the batches of the one source; whichever shard is free takes the next
//! block, runs the head on it and sends the result home, where [`Reorder`] restores the order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use plan::{Batch, Data, NodeId, Operator, OperatorError, Plan, Role};

use crate::acks::Homing;
use crate::lanes::Lanes;
use crate::queue::Queue;

/// Smaller batches are not worth the way to another shard: they are processed at home.
pub(crate) const SPREAD_BYTES_MIN: usize = 32 << 10;

/// A block for any shard.
pub(crate) struct Work {
    pub(crate) seq: u64,
    pub(crate) id: u64,
    pub(crate) batch: Batch,
}

/// What comes home from other shards.
pub(crate) enum Done {
    /// What became of a block in the head of the plan.
    Block { seq: u64, result: Result<Vec<Batch>, String> },
    /// What a lane made of a block.
    Lane { lane: usize, seq: u64, result: Result<Vec<Batch>, String> },
    /// What a part read, behind the head of the plan.
    Part(Batch),
    /// The source of a part has ended, and everything it read was sent before this.
    PartRead { failed: bool },
    /// Everything a part read is resolved. With the text of its source when that failed.
    PartEnded(Option<String>),
}

/// What a shard needs to work on the blocks of a pipeline.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) plan: Arc<Plan>,
    pub(crate) head: usize,
    pub(crate) work: flume::Receiver<Work>,
    pub(crate) done: flume::Sender<Done>,
    pub(crate) homing: Homing,
    /// Where what the head makes goes, if not home.
    pub(crate) lanes: Option<Lanes>,
}

/// The head of a plan, and the operator that says to which lane a row goes.
pub(crate) type Head = (Vec<Box<dyn Operator>>, Option<Box<dyn Operator>>);

/// What the driver of a pipeline gets.
pub(crate) enum Input {
    /// A batch of a source.
    Batch { source: usize, id: u64, seq: u64, batch: Batch },
    /// One of several sources ended by itself.
    Ended(usize),
    /// The sources ended or were stopped.
    End,
    /// No input: an operator wants to be called at another time than it wanted before.
    Nudge,
}

/// Where sources put their batches.
pub(crate) struct Intake {
    pub(crate) inbox: Queue<Input>,
    pub(crate) seq: Cell<u64>,
    /// Set when blocks may be spread.
    pub(crate) spread: Option<flume::Sender<Work>>,
    /// Called once, when the first block is spread.
    pub(crate) on_first: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Intake {
    /// Takes a batch whose bytes are in the budget, which is what bounds both queues.
    pub(crate) fn accept(&self, source: usize, id: u64, mut batch: Batch) {
        let seq = self.seq.get();
        self.seq.set(seq + 1);
        batch.seq = seq;
        if let Some(spread) = &self.spread
            && batch.payload_bytes() >= SPREAD_BYTES_MIN
        {
            if let Some(first) = self.on_first.borrow_mut().take() {
                first();
            }
            match spread.send(Work { seq, id, batch }) {
                Ok(()) => return,
                // No shard works for us any more: the pipeline is ending, and the driver drops it.
                Err(flume::SendError(work)) => batch = work.batch,
            }
        }
        self.inbox.push_now(Input::Batch { source, id, seq, batch });
    }
}

/// The length of the chain of operators right behind a plan's only source. All of them may be
/// stateless; the caller knows when they are built.
pub(crate) fn linear_head(plan: &Plan) -> Vec<NodeId> {
    let sources = plan.nodes.iter().filter(|n| n.role == Role::Source).count();
    let mut head = Vec::new();
    if sources != 1 || plan.nodes.first().is_none_or(|n| n.role != Role::Source) {
        return head;
    }
    let mut at = 0;
    loop {
        let mut targets = plan.targets(at);
        let (Some((next, 0)), None) = (targets.next(), targets.next()) else { return head };
        let node = &plan.nodes[next];
        if node.role != Role::Operator || node.inputs.len() != 1 {
            return head;
        }
        head.push(next);
        at = next;
    }
}

/// Runs a batch through the head; counts what a raw block turns out to hold.
pub(crate) async fn run_head(
    chain: &mut [Box<dyn Operator>],
    id: u64,
    batch: Batch,
    homing: &Homing,
) -> Result<Vec<Batch>, OperatorError> {
    let raw = matches!(batch.data, Data::Raw(_));
    let (mut batches, mut spare) = (vec![batch], Vec::new());
    let (first, rest) = chain.split_at_mut(usize::from(raw && !chain.is_empty()));
    plan::run_chain(first, &mut batches, &mut spare).await?;
    if !first.is_empty() && batches.iter().all(|b| !matches!(b.data, Data::Raw(_))) {
        homing.count(id, batches.iter().map(Batch::len).sum());
    }
    plan::run_chain(rest, &mut batches, &mut spare).await?;
    Ok(batches)
}

/// Puts results back in the order of their blocks.
#[derive(Default)]
pub(crate) struct Reorder {
    next: u64,
    early: BTreeMap<u64, Vec<Batch>>,
}

impl Reorder {
    /// Takes the results of block `seq` and returns those that are now due, in order.
    pub(crate) fn insert(&mut self, seq: u64, batches: Vec<Batch>) -> Vec<Batch> {
        if seq != self.next {
            self.early.insert(seq, batches);
            return Vec::new();
        }
        let mut due = batches;
        self.next += 1;
        while let Some(batches) = self.early.remove(&self.next) {
            due.extend(batches);
            self.next += 1;
        }
        due
    }

    /// Number of the first block that is still missing.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

/// Waits for the next block. flume's future keeps in mind for good that it was woken once, and may
/// then wake itself at every look: after a block that another shard was faster to take, it would
/// keep its shard busy for ever. So every look is that of a new future.
async fn next(work: &flume::Receiver<Work>) -> Result<Work, flume::RecvError> {
    let mut waiting = None;
    poll_fn(|cx| Pin::new(waiting.insert(work.recv_async())).poll(cx)).await
}

/// Works on blocks until the pipeline has no more. The head is built with the first block, so
/// that shards which never get one have no instance.
pub(crate) async fn work(share: Share, build: impl FnOnce() -> Result<Head, String>) {
    let mut build = Some(build);
    let (mut chain, mut splitter) = (Vec::new(), None);
    while let Ok(Work { seq, id, batch }) = next(&share.work).await {
        if let Some(build) = build.take() {
            match build() {
                Ok(built) => (chain, splitter) = built,
                Err(text) => {
                    let _ = share.done.send(Done::Block { seq, result: Err(text) });
                    return;
                }
            }
        }
        let run = crate::panics::Guarded::new(run_head(&mut chain, id, batch, &share.homing));
        let result = match run.await {
            Ok(Ok(batches)) => match (&share.lanes, &mut splitter) {
                (Some(lanes), Some(splitter)) => {
                    let sent = lanes.send(&mut **splitter, seq, &batches);
                    batches.into_iter().for_each(Batch::ok);
                    sent.map(|()| Vec::new()).map_err(|error| error.to_string())
                }
                _ => Ok(batches),
            },
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(panic),
        };
        let failed = result.is_err();
        if share.done.send(Done::Block { seq, result }).is_err() || failed {
            return;
        }
        rt::yield_now().await;
    }
}

/// Makes the inbox of a pipeline; `spread` when blocks may go to other shards.
pub(crate) fn intake(
    spread: Option<flume::Sender<Work>>,
    on_first: Box<dyn FnOnce()>,
) -> Rc<Intake> {
    Rc::new(Intake {
        inbox: Queue::new(usize::MAX),
        seq: Cell::new(0),
        spread,
        on_first: RefCell::new(Some(on_first)),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use plan::{Component, Json, Records};
    use proptest::prelude::*;

    use super::*;

    fn plan_of(roles: &[(Role, &[usize])]) -> Plan {
        let mut plan = Plan::default();
        for (role, inputs) in roles {
            plan.add(*role, Component::new("x", Json::Null), inputs.to_vec());
        }
        plan
    }

    #[test]
    fn the_head_ends_where_the_plan_branches() {
        use Role::{Operator, Sink, Source};
        let plan = plan_of(&[(Source, &[]), (Operator, &[0]), (Operator, &[1]), (Sink, &[2])]);
        assert_eq!(linear_head(&plan), [1, 2]);
        let plan = plan_of(&[(Source, &[]), (Operator, &[0]), (Sink, &[1]), (Sink, &[1])]);
        assert_eq!(linear_head(&plan), [1]);
        let plan = plan_of(&[(Source, &[]), (Source, &[]), (Operator, &[0, 1]), (Sink, &[2])]);
        assert!(linear_head(&plan).is_empty());
    }

    /// Counts how often it is woken.
    struct Wakes(Arc<AtomicUsize>);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_missed_a_block_sleeps_until_the_next() {
        let (work_in, work) = flume::unbounded();
        let faster = work.clone();
        let wakes = Arc::new(AtomicUsize::new(0));
        let mut waiting = std::pin::pin!(next(&work));
        let mut look = || {
            // Another waker each time, as some reactors have it.
            let waker = Arc::new(Wakes(Arc::clone(&wakes))).into();
            assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            wakes.load(Ordering::Relaxed)
        };
        let block = |seq| Work { seq, id: 0, batch: Batch::records(Records::default()) };
        assert_eq!(look(), 0);
        assert!(work_in.send(block(0)).is_ok() && faster.try_recv().is_ok());
        assert_eq!((look(), look(), look()), (1, 1, 1));
        assert!(work_in.send(block(1)).is_ok());
        assert_eq!(wakes.load(Ordering::Relaxed), 2, "and the next wakes it");
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_the_order_of_blocks(
            order in Just((0..20u64).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut reorder = Reorder::default();
            let mut seen = Vec::new();
            for seq in order {
                let mut batch = Batch::records(Records::default());
                batch.seq = seq;
                seen.extend(reorder.insert(seq, vec![batch]).iter().map(|b| b.seq));
            }
            prop_assert_eq!(seen, (0..20).collect::<Vec<_>>());
            prop_assert_eq!(reorder.next(), 20);
        }
    }
}
