//! Rows that a state has already, of sources that begin anew at each start.
//!
//! They are counted in rows of the source, before filters, and where they are not split yet in
//! bytes, at each input of the operator apart: a state goes on with the next row, wherever a batch
//! of the source ends this time.

use std::collections::{BTreeMap, BTreeSet};

use plan::{Batch, Data, NodeId, Plan};

/// Sources that may read the same again and again, with whether a state has the beginning of a
/// round.
pub(crate) type Again = BTreeMap<NodeId, bool>;

/// Rows, or bytes, of the source by port and partition.
pub(crate) type Consumed = BTreeMap<(usize, u32), u64>;

/// What one operator has had of sources that begin anew.
#[derive(Debug, Default)]
pub(crate) struct Skip {
    /// By port: the partitions that come again from their first row.
    anew: Vec<BTreeSet<u32>>,
    consumed: Consumed,
    /// What is still to be passed over.
    left: Consumed,
}

impl Skip {
    /// For a node of a plan. What comes through another node of `durable` goes on with that one's
    /// state and does not come again.
    pub(crate) fn new(plan: &Plan, node: NodeId, durable: &[NodeId]) -> Self {
        let inputs = plan.nodes.get(node).map(|node| node.inputs.as_slice()).unwrap_or_default();
        let anew = inputs.iter().map(|input| partitions(plan, *input, durable)).collect();
        Skip { anew, ..Skip::default() }
    }

    /// Goes on from a state that has so many rows.
    pub(crate) fn resume(&mut self, consumed: Consumed) {
        self.left.clone_from(&consumed);
        self.consumed = consumed;
    }

    /// What the state has now.
    pub(crate) fn consumed(&self) -> &Consumed {
        &self.consumed
    }

    /// The sources that lead straight to this node and nowhere else, each with whether the state
    /// has the beginning of what it gives.
    pub(crate) fn again(&self, plan: &Plan, node: NodeId) -> Again {
        let inputs = plan.nodes.get(node).map(|node| node.inputs.as_slice()).unwrap_or_default();
        let straight = inputs.iter().enumerate().filter(|(_, input)| {
            let source = plan.nodes.get(**input).is_some_and(|n| n.anew.is_some());
            source && plan.targets(**input).count() == 1
        });
        straight.map(|(port, input)| (*input, self.has_begun(port))).collect()
    }

    fn has_begun(&self, port: usize) -> bool {
        self.consumed.iter().any(|((at, _), count)| *at == port && *count > 0)
    }

    /// What a source gives again and again was given once: it is counted anew.
    pub(crate) fn round_over(&mut self, port: usize) {
        let left: u64 = self.left.iter().filter(|((at, _), _)| *at == port).map(|(_, n)| *n).sum();
        if left > 0 {
            tracing::warn!(left, "A source ended before what was read of it before");
        }
        self.consumed.retain(|(at, _), _| *at != port);
        self.left.retain(|(at, _), _| *at != port);
    }

    /// The partition of the rows of a batch, if they come again after a crash.
    fn anew(&self, port: usize, batch: &Batch) -> Option<u32> {
        let partition = match &batch.data {
            Data::Columns(columns) => columns.partition,
            Data::Raw(raw) if raw.only.is_none() => 0,
            Data::Value(_) | Data::Records(_) => 0,
            Data::Raw(_) => return None,
        };
        let anew = self.anew.get(port)?;
        anew.contains(&partition).then_some(partition)
    }

    /// Whether the rows of a batch come again after a crash, whoever was told that they arrived. A
    /// source that numbers its values keeps them until it is told.
    pub(crate) fn comes_again(&self, port: usize, batch: &Batch) -> bool {
        !matches!(batch.data, Data::Value(_)) && self.anew(port, batch).is_some()
    }

    /// The part of a batch that the state does not have; what it has is resolved.
    pub(crate) fn cut(&mut self, port: usize, mut batch: Batch) -> Option<Batch> {
        let Some(partition) = self.anew(port, &batch) else { return Some(batch) };
        if let Data::Value(_) = &batch.data {
            return self.cut_numbered((port, partition), batch);
        }
        let (count, last) = extent(&batch.data);
        let left = self.left.entry((port, partition)).or_default();
        let gone = count.min(usize::try_from(*left).unwrap_or(usize::MAX));
        let whole = *left > 0 && gone == count;
        *left -= gone as u64;
        let consumed = self.consumed.entry((port, partition)).or_default();
        *consumed += (count - gone) as u64;
        if whole && !last {
            batch.ok();
            return None;
        }
        if gone > 0 {
            batch.data = behind(batch.data, gone);
        }
        if last && *left > 0 {
            tracing::warn!(
                partition,
                rows = *left,
                "A source that began anew ended before the rows that were read of it before"
            );
        }
        Some(batch)
    }

    /// The same for values, which are numbered and may not begin with the first.
    fn cut_numbered(&mut self, at: (usize, u32), batch: Batch) -> Option<Batch> {
        let consumed = self.consumed.entry(at).or_default();
        if batch.seq < *consumed {
            batch.ok();
            return None;
        }
        *consumed = batch.seq + 1;
        Some(batch)
    }
}

/// How much of its source a batch is, and whether it is the last. Rows and messages are counted one
/// by one, blocks by their bytes, because they may be cut another way the next time.
fn extent(data: &Data) -> (usize, bool) {
    match data {
        Data::Columns(columns) => (columns.source_rows, columns.last),
        Data::Raw(raw) => (raw.bytes.len(), false),
        Data::Records(records) => (records.recs.len(), false),
        Data::Value(_) => (0, false),
    }
}

/// What follows so much of a batch.
fn behind(data: Data, gone: usize) -> Data {
    match data {
        Data::Columns(columns) => Data::Columns(columns.behind(gone)),
        Data::Raw(mut raw) => {
            raw.bytes = raw.bytes.slice(gone.min(raw.bytes.len())..);
            raw.offset += gone as u64;
            Data::Raw(raw)
        }
        Data::Records(mut records) => {
            records.recs.drain(..gone.min(records.recs.len()));
            Data::Records(records)
        }
        data @ Data::Value(_) => data,
    }
}

/// The partitions of sources that begin anew and from which rows reach a node without a state in
/// between.
fn partitions(plan: &Plan, input: NodeId, durable: &[NodeId]) -> BTreeSet<u32> {
    let (mut seen, mut todo) = (BTreeSet::from([input]), vec![input]);
    let mut partitions = BTreeSet::new();
    while let Some(id) = todo.pop() {
        let Some(node) = plan.nodes.get(id).filter(|_| !durable.contains(&id)) else { continue };
        partitions.extend(node.anew);
        todo.extend(node.inputs.iter().copied().filter(|input| seen.insert(*input)));
    }
    partitions
}
