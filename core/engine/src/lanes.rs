//! Exchange by key: an operator whose state belongs to keys has an instance on every shard, a
//! **lane**, and each lane takes the rows whose keys are its own.
//!
//! The shard that ran the head of a plan on a block says of each row whose it is, and hands the
//! block to all lanes: a handle to the same columns, nothing is copied. A lane sees all rows, so
//! that time passes there as it would for a single instance, and works on its own ones. Results go
//! home, where those of one block are put together in the order of blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use plan::{Batch, Data, End, NodeId, Operator, OperatorError, Plan};

use crate::graph::copy;
use crate::panics::Guarded;
use crate::parallel::{Done, Reorder};

/// Shards from which on it pays: with fewer, the home shard keeps up with what the others read.
pub(crate) const LANES_MIN: usize = 4;
/// Most lanes of a pipeline.
pub(crate) const LANES_MAX: usize = 256;
/// Most results of a lane that home has not taken: one for each block, and for each step of a lane
/// that reads what it has on disk. A lane that is so far ahead waits.
pub(crate) const AHEAD_MAX: usize = 64;

/// A batch, and for each of its rows the lane that it belongs to.
type Owned = (Batch, Arc<Vec<u8>>);

/// What a lane gets.
pub(crate) enum LaneWork {
    /// What the head made of a block; `port` is the operator's input.
    Block { seq: u64, port: usize, batches: Vec<Owned> },
    /// There are no more blocks; this has the number after the last one.
    End { seq: u64, end: End },
}

/// The way to a lane.
struct Way {
    /// Bounded by the byte budget of the pipeline.
    work: flume::Sender<LaneWork>,
    /// One for each result that home has not taken.
    ahead: flume::Receiver<()>,
}

/// The ways to all lanes of a pipeline.
#[derive(Clone)]
pub(crate) struct Lanes {
    node: NodeId,
    ways: Arc<Vec<Way>>,
}

/// What a shard needs to run a lane.
pub(crate) struct Lane {
    pub(crate) index: u8,
    pub(crate) plan: Arc<Plan>,
    /// The operator.
    pub(crate) node: NodeId,
    pub(crate) work: flume::Receiver<LaneWork>,
    pub(crate) done: flume::Sender<Done>,
    ahead: flume::Sender<()>,
}

/// The lanes of an operator and the ways to them, one for each shard.
pub(crate) fn lanes(
    shards: usize,
    plan: &Arc<Plan>,
    node: NodeId,
    done: &flume::Sender<Done>,
) -> (Lanes, Vec<Lane>) {
    let (mut ways, mut all) = (Vec::new(), Vec::new());
    for index in (0..=u8::MAX).take(shards.min(LANES_MAX)) {
        let (to_lane, work) = flume::unbounded();
        let (ahead, taken) = flume::bounded(AHEAD_MAX);
        ways.push(Way { work: to_lane, ahead: taken });
        all.push(Lane { index, plan: Arc::clone(plan), node, work, done: done.clone(), ahead });
    }
    (Lanes { node, ways: Arc::new(ways) }, all)
}

impl Lanes {
    /// The operator.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Number of lanes.
    pub(crate) fn len(&self) -> usize {
        self.ways.len()
    }

    /// Hands what the head made of a block to all lanes. `operator` is an instance that only says
    /// whose rows are.
    pub(crate) fn send(
        &self,
        operator: &mut dyn Operator,
        seq: u64,
        port: usize,
        batches: &[Batch],
    ) -> Result<(), OperatorError> {
        let owners = |batch| operator.owners(port, batch, self.len()).map(Arc::new);
        let owners = batches.iter().map(owners).collect::<Result<Vec<_>, _>>()?;
        for way in &*self.ways {
            let batches = batches.iter().map(copy).zip(owners.iter().cloned()).collect();
            // Nobody is there any more when the pipeline is being dropped: so are the batches.
            let _ = way.work.send(LaneWork::Block { seq, port, batches });
        }
        Ok(())
    }

    /// Tells all lanes that no more blocks come.
    pub(crate) fn end(&self, seq: u64, end: End) {
        for way in &*self.ways {
            let _ = way.work.send(LaneWork::End { seq, end });
        }
    }

    /// A result of this lane has left for what is behind the operator.
    pub(crate) fn taken(&self, lane: usize) {
        if let Some(way) = self.ways.get(lane) {
            let _ = way.ahead.try_recv();
        }
    }
}

impl Lane {
    /// Works until the pipeline has no more for it, on an operator that is made for the first
    /// block.
    pub(crate) async fn run(self, build: impl FnOnce() -> Result<Box<dyn Operator>, String>) {
        let (mut build, mut operator) = (Some(build), None);
        let mut blocks = Reorder::default();
        while let Ok(work) = self.work.recv_async().await {
            let (LaneWork::Block { seq, .. } | LaneWork::End { seq, .. }) = &work;
            blocks.insert(*seq, work);
            while let Some(work) = blocks.pop() {
                if let Some(build) = build.take() {
                    match build() {
                        Ok(built) => operator = Some(built),
                        Err(text) => return self.failed(text),
                    }
                }
                let Some(operator) = &mut operator else { return };
                match Guarded::new(self.work_off(&mut **operator, work)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return self.failed(error.to_string()),
                    Err(panic) => return self.failed(panic),
                }
                rt::yield_now().await;
            }
        }
    }

    fn failed(&self, text: String) {
        let lane = usize::from(self.index);
        let _ = self.done.send(Done::Lane { lane, last: true, result: Err(text) });
    }

    /// Sends results home, when there is room for them.
    async fn tell(&self, last: bool, batches: Vec<Batch>) {
        let lane = usize::from(self.index);
        // Nobody is there any more when the pipeline is being dropped.
        if self.ahead.send_async(()).await.is_ok() {
            let _ = self.done.send(Done::Lane { lane, last, result: Ok(batches) });
        }
    }

    async fn work_off(
        &self,
        operator: &mut dyn Operator,
        work: LaneWork,
    ) -> Result<(), OperatorError> {
        let mut out = Vec::new();
        match work {
            LaneWork::Block { port, batches, .. } => {
                for (batch, owners) in batches {
                    operator.on_own(port, batch, &owners, self.index, &mut out).finish().await?;
                }
            }
            LaneWork::End { end, .. } => operator.on_end(end, &mut out).finish().await?,
        }
        while operator.due_ns() == Some(0) {
            self.tell(false, std::mem::take(&mut out)).await;
            operator.on_time(rt::now().0, &mut out).finish().await?;
            rt::yield_now().await;
        }
        self.tell(true, out).await;
        Ok(())
    }
}

/// What a lane made of a block, or some of it.
struct Piece {
    last: bool,
    batches: Vec<Batch>,
}

/// Puts what lanes made of the same block together, in the order of blocks and, within one, of
/// lanes. Time is as far as it is in all lanes, and is told behind the rows of all; the input ends
/// when it has ended in all.
pub(crate) struct Merge {
    /// Number of the block whose results are leaving.
    next: u64,
    /// The lane whose results of that block are leaving.
    lane: usize,
    /// By lane: what it made of the next blocks. Bounded by [`AHEAD_MAX`].
    early: Vec<VecDeque<Piece>>,
    /// What each lane has said last of how far time is.
    watermarks: Vec<u64>,
    /// The last batch of the block so far, which will tell the time.
    held: Option<Batch>,
    told: bool,
    ended: bool,
}

impl Merge {
    pub(crate) fn new(lanes: usize) -> Self {
        Merge {
            next: 0,
            lane: 0,
            early: (0..lanes).map(|_| VecDeque::new()).collect(),
            watermarks: vec![0; lanes],
            held: None,
            told: false,
            ended: false,
        }
    }

    /// Number of the first block that is missing from some lane.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes what a lane made of its next block; there is more of it when this is not the `last`.
    pub(crate) fn insert(&mut self, lane: usize, last: bool, batches: Vec<Batch>) {
        if let Some(early) = self.early.get_mut(lane) {
            early.push_back(Piece { last, batches });
        }
    }

    /// The next result that is due, and whose it is.
    pub(crate) fn pop(&mut self) -> Option<(usize, Vec<Batch>)> {
        let lane = self.lane;
        let Piece { last, batches } = self.early.get_mut(lane)?.pop_front()?;
        let mut due = Vec::with_capacity(batches.len());
        for batch in batches {
            self.hold(lane, batch, &mut due);
        }
        if last {
            self.lane += 1;
        }
        if self.lane == self.early.len() {
            self.end_of_block(&mut due);
        }
        Some((lane, due))
    }

    fn hold(&mut self, lane: usize, mut batch: Batch, due: &mut Vec<Batch>) {
        if let Data::Columns(columns) = &mut batch.data {
            if let Some(watermark) = columns.watermark_ms.take() {
                self.told = true;
                if let Some(known) = self.watermarks.get_mut(lane) {
                    *known = watermark.max(*known);
                }
            }
            self.ended |= std::mem::take(&mut columns.last);
        }
        // Of those without rows one is enough to tell the time, and none where there are rows.
        match &self.held {
            Some(_) if batch.is_empty() => batch.ok(),
            Some(held) if held.is_empty() => {
                if let Some(spare) = self.held.replace(batch) {
                    spare.ok();
                }
            }
            _ => due.extend(self.held.replace(batch)),
        }
    }

    fn end_of_block(&mut self, due: &mut Vec<Batch>) {
        (self.lane, self.next) = (0, self.next + 1);
        let (told, ended) = (std::mem::take(&mut self.told), std::mem::take(&mut self.ended));
        if let Some(Data::Columns(columns)) = self.held.as_mut().map(|batch| &mut batch.data) {
            columns.watermark_ms = self.watermarks.iter().copied().min().filter(|_| told);
            columns.last = ended;
        }
        due.extend(self.held.take());
    }
}

#[cfg(test)]
mod tests {
    use plan::{Columns, DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn result(rows: u64, watermark: Option<u64>, last: bool) -> Batch {
        let schema = Schema { fields: vec![Field { name: "n".into(), ty: DataType::U64 }] };
        let values: Vec<u64> = (0..rows).collect();
        let array = Arc::new(arrow_array::UInt64Array::from(values));
        let mut columns = Columns::new(Arc::new(schema), vec![array]);
        (columns.watermark_ms, columns.last) = (watermark, last);
        Batch::new(Data::Columns(columns))
    }

    fn seen(batches: &[Batch]) -> Vec<(usize, Option<u64>, bool)> {
        let one = |batch: &Batch| match &batch.data {
            Data::Columns(columns) => (columns.rows, columns.watermark_ms, columns.last),
            _ => panic!("no columns"),
        };
        batches.iter().map(one).collect()
    }

    fn popped(merge: &mut Merge) -> Vec<(usize, Option<u64>, bool)> {
        let due: Vec<Batch> = std::iter::from_fn(|| merge.pop()).flat_map(|(_, due)| due).collect();
        seen(&due)
    }

    #[test]
    fn time_is_told_behind_the_rows_of_all_lanes_and_as_the_least_of_them_says() {
        let mut merge = Merge::new(2);
        merge.insert(0, true, vec![result(2, None, false), result(1, Some(7), false)]);
        assert_eq!(popped(&mut merge), [(2, None, false)]);
        // The other lane still has rows on disk from before.
        merge.insert(1, false, vec![result(3, Some(5), false)]);
        assert_eq!(popped(&mut merge), [(1, None, false)]);
        merge.insert(1, true, vec![result(0, Some(6), false)]);
        assert_eq!(popped(&mut merge), [(3, Some(6), false)]);
        merge.insert(1, true, vec![result(0, Some(9), false)]);
        assert!(popped(&mut merge).is_empty());
        merge.insert(0, true, vec![result(0, Some(8), false)]);
        assert_eq!(popped(&mut merge), [(0, Some(8), false)], "one batch is enough");
        merge.insert(0, true, vec![result(0, Some(8), true)]);
        merge.insert(1, true, vec![result(4, Some(9), true)]);
        assert_eq!(popped(&mut merge), [(4, Some(8), true)]);
        assert_eq!(merge.next(), 3);
    }

    #[test]
    fn there_are_as_many_lanes_as_there_may_be() {
        let (done, _) = flume::unbounded();
        let count = |shards| lanes(shards, &Arc::default(), 0, &done).1.len();
        assert_eq!((count(5), count(LANES_MAX + 9)), (5, LANES_MAX));
    }

    proptest! {
        #[test]
        fn results_of_a_block_leave_when_all_lanes_have_it_in_the_order_of_blocks(
            order in Just((0..30usize).map(|at| at % 3).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut merge = Merge::new(3);
            let (mut left, mut made) = (Vec::new(), [0; 3]);
            for lane in order {
                made[lane] += 1;
                merge.insert(lane, true, vec![result(made[lane], None, false)]);
                left.extend(popped(&mut merge).iter().map(|(rows, ..)| *rows as u64 - 1));
            }
            let expected: Vec<u64> = (0..10).flat_map(|seq| [seq; 3]).collect();
            prop_assert_eq!(left, expected);
        }
    }
}
