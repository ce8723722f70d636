//! Spreading the stateless heads of a plan over all shards, block by block.
//!
//! The home shard numbers the batches of its sources as they come; whichever shard is free takes
//! the next block, runs the head of its source on it and sends the result home, where [`Reorder`]
//! restores the order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use plan::{Batch, Data, End, NodeId, Operator, OperatorError, Plan, Role};

use crate::acks::Homing;
use crate::lanes::Lanes;
use crate::queue::Queue;
use crate::several::Several;

/// Smaller batches are not worth the way to another shard: they are processed at home.
pub(crate) const SPREAD_BYTES_MIN: usize = 32 << 10;

/// A block for any shard.
pub(crate) struct Work {
    pub(crate) seq: u64,
    pub(crate) source: NodeId,
    pub(crate) id: u64,
    pub(crate) batch: Batch,
}

/// The operators right behind a source, in order, that any shard may run on its blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) source: NodeId,
    /// Operators; none when nothing can be spread.
    pub(crate) nodes: Vec<NodeId>,
    /// Which input of the node behind it its results are.
    pub(crate) port: usize,
}

impl Head {
    /// The node whose results leave the head.
    pub(crate) fn last(&self) -> NodeId {
        self.nodes.last().copied().unwrap_or(self.source)
    }
}

/// What comes home from other shards.
pub(crate) enum Done {
    /// What became of a block in the head of its source.
    Block { seq: u64, source: NodeId, result: Result<Vec<Batch>, String> },
    /// What a lane made of its next block, or some of it: there is more when it is not the `last`.
    Lane { lane: usize, last: bool, result: Result<Vec<Batch>, String> },
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
    pub(crate) heads: Arc<Vec<Head>>,
    pub(crate) work: flume::Receiver<Work>,
    pub(crate) done: flume::Sender<Done>,
    pub(crate) homing: Homing,
    /// Where what the head makes goes, if not home.
    pub(crate) lanes: Option<Lanes>,
}

/// The head of `source`.
pub(crate) fn head_of(heads: &[Head], source: NodeId) -> Option<&Head> {
    heads.iter().find(|head| head.source == source)
}

/// The operators of a head.
pub(crate) type Chain = Vec<Box<dyn Operator>>;

/// The heads of a plan by their sources, and the operator that says to which lane a row goes.
pub(crate) type Chains = (Vec<(NodeId, Chain)>, Option<Box<dyn Operator>>);

/// The operators of the head of `source`.
pub(crate) fn chain_of(chains: &mut [(NodeId, Chain)], source: NodeId) -> &mut [Box<dyn Operator>] {
    let found = chains.iter_mut().find(|(of, _)| *of == source);
    found.map_or(&mut [], |(_, chain)| chain)
}

/// What the driver of a pipeline gets.
pub(crate) enum Input {
    /// A batch of a source.
    Batch { source: usize, id: u64, seq: u64, batch: Batch },
    /// Batches of a source that came together.
    Each { source: usize, id: u64, seq: u64, several: Several },
    /// One of several sources ended by itself, behind everything that it gave.
    Ended { source: usize, seq: u64 },
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
    /// The sources whose blocks may be spread.
    pub(crate) spreading: Vec<NodeId>,
    /// Called once, when the first block is spread.
    pub(crate) on_first: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Intake {
    /// Takes a batch whose bytes are in the budget, which is what bounds both queues.
    pub(crate) fn accept(&self, source: usize, id: u64, mut batch: Batch) {
        let seq = self.number();
        if let Some(spread) = &self.spread
            && batch.payload_bytes() >= SPREAD_BYTES_MIN
            && self.spreading.contains(&source)
        {
            if let Some(first) = self.on_first.borrow_mut().take() {
                first();
            }
            match spread.send(Work { seq, source, id, batch }) {
                Ok(()) => return,
                // No shard works for us any more: the pipeline is ending, and the driver drops it.
                Err(flume::SendError(work)) => batch = work.batch,
            }
        }
        self.inbox.push_now(Input::Batch { source, id, seq, batch });
    }

    /// Takes batches that came together, which stay on this shard.
    pub(crate) fn accept_each(&self, source: usize, id: u64, several: Several) {
        let seq = self.number();
        self.inbox.push_now(Input::Each { source, id, seq, several });
    }

    /// Whether other shards take blocks of a source.
    pub(crate) fn spreads(&self, source: usize) -> bool {
        self.spread.is_some() && self.spreading.contains(&source)
    }

    /// Notes that one of several sources has ended.
    pub(crate) fn ended(&self, source: usize) {
        self.inbox.push_now(Input::Ended { source, seq: self.number() });
    }

    fn number(&self) -> u64 {
        let seq = self.seq.get();
        self.seq.set(seq + 1);
        seq
    }
}

/// The chains of operators right behind the sources of a plan, up to where each meets others. All
/// of them may be stateless; the caller knows when they are built.
pub(crate) fn linear_heads(plan: &Plan) -> Vec<Head> {
    let sources = (0..plan.nodes.len()).filter(|id| plan.nodes[*id].role == Role::Source);
    sources.map(|source| Head { source, nodes: linear_head(plan, source), port: 0 }).collect()
}

fn linear_head(plan: &Plan, source: NodeId) -> Vec<NodeId> {
    let (mut head, mut at) = (Vec::new(), source);
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

/// What the operators of a head still have when their source has ended.
pub(crate) async fn end_head(chain: &mut [Box<dyn Operator>]) -> Result<Vec<Batch>, OperatorError> {
    let (mut all, mut spare) = (Vec::new(), Vec::new());
    for at in 0..chain.len() {
        let (so_far, behind) = chain.split_at_mut(at + 1);
        let mut batches = Vec::new();
        if let Some(operator) = so_far.last_mut() {
            operator.on_end(End::Drained, &mut batches).finish().await?;
        }
        plan::run_chain(behind, &mut batches, &mut spare).await?;
        all.append(&mut batches);
    }
    Ok(all)
}

/// Puts what became of blocks back in the order of the blocks.
pub(crate) struct Reorder<T> {
    next: u64,
    /// The next one, which most are.
    due: Option<T>,
    early: BTreeMap<u64, T>,
}

impl<T> Default for Reorder<T> {
    fn default() -> Self {
        Reorder { next: 0, due: None, early: BTreeMap::new() }
    }
}

impl<T> Reorder<T> {
    /// Takes what became of block `seq`.
    pub(crate) fn insert(&mut self, seq: u64, made: T) {
        if seq == self.next {
            self.due = Some(made);
        } else {
            self.early.insert(seq, made);
        }
    }

    /// What became of the next block, when it is there.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let due = self.due.take().or_else(|| self.early.remove(&self.next));
        self.next += u64::from(due.is_some());
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

/// Works on blocks until the pipeline has no more. The heads are built with the first block, so
/// that shards which never get one have no instance.
pub(crate) async fn work(share: Share, build: impl FnOnce() -> Result<Chains, String>) {
    let mut build = Some(build);
    let (mut chains, mut splitter) = (Vec::new(), None);
    while let Ok(Work { seq, source, id, batch }) = next(&share.work).await {
        let built = build.take().map_or(Ok(()), |build| {
            (chains, splitter) = build()?;
            Ok(())
        });
        let result = match built {
            Ok(()) => {
                let chain = chain_of(&mut chains, source);
                let run = crate::panics::Guarded::new(run_head(chain, id, batch, &share.homing));
                let made = run.await.and_then(|made| made.map_err(|error| error.to_string()));
                made.and_then(|batches| hand_over(&share, &mut splitter, (seq, source), batches))
            }
            Err(text) => Err(text),
        };
        let failed = result.is_err();
        if share.done.send(Done::Block { seq, source, result }).is_err() || failed {
            return;
        }
        rt::yield_now().await;
    }
}

/// Hands what the head made of a block to the lanes, where there are some, and returns what goes
/// home.
fn hand_over(
    share: &Share,
    splitter: &mut Option<Box<dyn Operator>>,
    (seq, source): (u64, NodeId),
    batches: Vec<Batch>,
) -> Result<Vec<Batch>, String> {
    let (Some(lanes), Some(splitter)) = (&share.lanes, splitter) else { return Ok(batches) };
    let port = head_of(&share.heads, source).map_or(0, |head| head.port);
    lanes.send(&mut **splitter, seq, port, &batches).map_err(|error| error.to_string())?;
    batches.into_iter().for_each(Batch::ok);
    Ok(Vec::new())
}

/// Makes the inbox of a pipeline; `spread` when blocks of the sources `spreading` may go to other
/// shards.
pub(crate) fn intake(
    spread: Option<flume::Sender<Work>>,
    spreading: Vec<NodeId>,
    on_first: Box<dyn FnOnce()>,
) -> Rc<Intake> {
    Rc::new(Intake {
        inbox: Queue::new(usize::MAX),
        seq: Cell::new(0),
        spread,
        spreading,
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
        let head = |source, nodes: &[NodeId]| Head { source, nodes: nodes.to_vec(), port: 0 };
        assert_eq!(linear_heads(&plan), [head(0, &[1, 2])]);
        let plan = plan_of(&[(Source, &[]), (Operator, &[0]), (Sink, &[1]), (Sink, &[1])]);
        assert_eq!(linear_heads(&plan), [head(0, &[1])]);
        let plan = plan_of(&[
            (Source, &[]),
            (Source, &[]),
            (Operator, &[1]),
            (Operator, &[0, 2]),
            (Sink, &[3]),
        ]);
        assert_eq!(linear_heads(&plan), [head(0, &[]), head(1, &[2])]);
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
        let block = |seq| Work { seq, source: 0, id: 0, batch: Batch::records(Records::default()) };
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
                reorder.insert(seq, seq);
                seen.extend(std::iter::from_fn(|| reorder.pop()));
            }
            prop_assert_eq!(seen, (0..20).collect::<Vec<_>>());
            prop_assert_eq!(reorder.next(), 20);
        }
    }
}
