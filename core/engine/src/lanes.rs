//! Exchange by key: an operator whose state belongs to keys has an instance on every shard, a
//! **lane**, and each lane takes the rows whose keys are its own.
//!
//! The shard that ran the head of a plan on a block says of each row whose it is, and hands the
//! block to all lanes: a handle to the same columns, nothing is copied. A lane sees all rows, so
//! that time passes there as it would for a single instance, and works on its own ones. Results go
//! home, where those of one block are put together in the order of blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use plan::{Batch, Data, End, NodeId, Operator, OperatorError, Plan};

use crate::driver::copy;
use crate::panics::Guarded;
use crate::parallel::Done;

/// Shards from which on it pays: with fewer, the home shard keeps up with what the others read.
pub(crate) const LANES_MIN: usize = 4;
/// Most lanes of a pipeline.
pub(crate) const LANES_MAX: usize = 256;

/// A batch, and for each of its rows the lane that it belongs to.
type Owned = (Batch, Arc<Vec<u8>>);

/// What a lane gets.
pub(crate) enum LaneWork {
    /// What the head made of a block.
    Block { seq: u64, batches: Vec<Owned> },
    /// There are no more blocks; this has the number after the last one.
    End { seq: u64, end: End },
}

/// The ways to all lanes of a pipeline. What is in them is bounded by its byte budget.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Vec<flume::Sender<LaneWork>>>);

/// What a shard needs to run a lane.
pub(crate) struct Lane {
    pub(crate) index: u8,
    pub(crate) plan: Arc<Plan>,
    /// The operator.
    pub(crate) node: NodeId,
    pub(crate) work: flume::Receiver<LaneWork>,
    pub(crate) done: flume::Sender<Done>,
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
        let (way, work) = flume::unbounded();
        ways.push(way);
        all.push(Lane { index, plan: Arc::clone(plan), node, work, done: done.clone() });
    }
    (Lanes(Arc::new(ways)), all)
}

impl Lanes {
    /// Number of lanes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Hands what the head made of a block to all lanes. `operator` is an instance that only says
    /// whose rows are.
    pub(crate) fn send(
        &self,
        operator: &mut dyn Operator,
        seq: u64,
        batches: &[Batch],
    ) -> Result<(), OperatorError> {
        let owners = batches.iter().map(|batch| operator.owners(batch, self.len()).map(Arc::new));
        let owners = owners.collect::<Result<Vec<_>, _>>()?;
        for way in &*self.0 {
            let batches = batches.iter().map(copy).zip(owners.iter().cloned()).collect();
            // Nobody is there any more when the pipeline is being dropped: so are the batches.
            let _ = way.send(LaneWork::Block { seq, batches });
        }
        Ok(())
    }

    /// Tells all lanes that no more blocks come.
    pub(crate) fn end(&self, seq: u64, end: End) {
        for way in &*self.0 {
            let _ = way.send(LaneWork::End { seq, end });
        }
    }
}

impl Lane {
    /// Works until the pipeline has no more for it, on an operator that is made for the first
    /// block.
    pub(crate) async fn run(self, build: impl FnOnce() -> Result<Box<dyn Operator>, String>) {
        let (mut build, mut operator) = (Some(build), None);
        let (mut next, mut early) = (0, BTreeMap::new());
        while let Ok(work) = self.work.recv_async().await {
            let (LaneWork::Block { seq, .. } | LaneWork::End { seq, .. }) = &work;
            early.insert(*seq, work);
            while let Some(work) = early.remove(&next) {
                if let Some(build) = build.take() {
                    match build() {
                        Ok(built) => operator = Some(built),
                        Err(text) => return self.tell(next, Err(text)),
                    }
                }
                let Some(operator) = &mut operator else { return };
                let done = Guarded::new(self.work_off(&mut **operator, work)).await;
                let done = done.and_then(|done| done.map_err(|error| error.to_string()));
                let failed = done.is_err();
                self.tell(next, done);
                if failed {
                    return;
                }
                next += 1;
                rt::yield_now().await;
            }
        }
    }

    fn tell(&self, seq: u64, result: Result<Vec<Batch>, String>) {
        let lane = usize::from(self.index);
        // Nobody is there any more when the pipeline is being dropped.
        let _ = self.done.send(Done::Lane { lane, seq, result });
    }

    async fn work_off(
        &self,
        operator: &mut dyn Operator,
        work: LaneWork,
    ) -> Result<Vec<Batch>, OperatorError> {
        let mut out = Vec::new();
        match work {
            LaneWork::Block { batches, .. } => {
                for (batch, owners) in batches {
                    operator.on_own(batch, &owners, self.index, &mut out).finish().await?;
                }
            }
            LaneWork::End { end, .. } => operator.on_end(end, &mut out).finish().await?,
        }
        while operator.due_ns() == Some(0) {
            operator.on_time(rt::now().0, &mut out).finish().await?;
        }
        Ok(out)
    }
}

/// Puts what lanes made of the same block together, in the order of blocks.
pub(crate) struct Merge {
    next: u64,
    early: BTreeMap<u64, Vec<(usize, Vec<Batch>)>>,
    /// What each lane has said last of how far time is.
    watermarks: Vec<u64>,
}

impl Merge {
    pub(crate) fn new(lanes: usize) -> Self {
        Merge { next: 0, early: BTreeMap::new(), watermarks: vec![0; lanes] }
    }

    /// Number of the first block that is missing from some lane.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes what a lane made of a block and returns what is due.
    pub(crate) fn insert(&mut self, lane: usize, seq: u64, batches: Vec<Batch>) -> Vec<Batch> {
        self.early.entry(seq).or_default().push((lane, batches));
        let mut due = Vec::new();
        while self.early.get(&self.next).is_some_and(|all| all.len() == self.watermarks.len()) {
            let Some(mut all) = self.early.remove(&self.next) else { break };
            all.sort_by_key(|(lane, _)| *lane);
            self.next += 1;
            due.extend(self.together(all));
        }
        due
    }

    /// The results of one block. Time is as far as it is in all lanes, and is told behind the rows
    /// of all; the input ends when it has ended in all.
    fn together(&mut self, all: Vec<(usize, Vec<Batch>)>) -> Vec<Batch> {
        let (mut told, mut ended) = (false, false);
        let mut batches = Vec::new();
        for (lane, of_lane) in all {
            for mut batch in of_lane {
                if let Data::Columns(columns) = &mut batch.data {
                    if let Some(watermark) = columns.watermark_ms.take() {
                        told = true;
                        if let Some(known) = self.watermarks.get_mut(lane) {
                            *known = watermark.max(*known);
                        }
                    }
                    ended |= std::mem::take(&mut columns.last);
                }
                batches.push(batch);
            }
        }
        // Of those without rows one is enough to tell the time.
        let spare = batches.iter().any(|batch| !batch.is_empty());
        let mut kept: Vec<Batch> = Vec::with_capacity(batches.len());
        for batch in batches {
            if batch.is_empty() && (spare || !kept.is_empty()) {
                batch.ok();
            } else {
                kept.push(batch);
            }
        }
        if let Some(Data::Columns(columns)) = kept.last_mut().map(|batch| &mut batch.data) {
            columns.watermark_ms = self.watermarks.iter().copied().min().filter(|_| told);
            columns.last = ended;
        }
        kept
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

    #[test]
    fn time_is_told_behind_the_rows_of_all_lanes_and_as_the_least_of_them_says() {
        let mut merge = Merge::new(2);
        assert!(
            merge.insert(0, 0, vec![result(2, None, false), result(1, Some(7), false)]).is_empty()
        );
        // The other lane still has rows on disk from before.
        let due = merge.insert(1, 0, vec![result(3, Some(5), false)]);
        assert_eq!(seen(&due), [(2, None, false), (1, None, false), (3, Some(5), false)]);
        assert!(merge.insert(1, 1, vec![result(0, Some(9), false)]).is_empty());
        let due = merge.insert(0, 1, vec![result(0, Some(8), false)]);
        assert_eq!(seen(&due), [(0, Some(8), false)], "one batch is enough to tell the time");
        merge.insert(0, 2, vec![result(0, Some(8), true)]);
        let due = merge.insert(1, 2, vec![result(4, Some(9), true)]);
        assert_eq!(seen(&due), [(4, Some(8), true)]);
        assert_eq!(merge.next(), 3);
    }

    proptest! {
        #[test]
        fn results_of_a_block_leave_when_all_lanes_have_it_in_the_order_of_blocks(
            order in Just((0..30usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut merge = Merge::new(3);
            let mut left = Vec::new();
            for at in order {
                let (lane, seq) = (at % 3, (at / 3) as u64);
                let due = merge.insert(lane, seq, vec![result(seq + 1, None, false)]);
                left.extend(seen(&due).iter().map(|(rows, ..)| *rows as u64 - 1));
            }
            let expected: Vec<u64> = (0..10).flat_map(|seq| [seq; 3]).collect();
            prop_assert_eq!(left, expected);
        }
    }
}
