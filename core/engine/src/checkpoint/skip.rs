//! Rows that a state has already, of sources that begin anew at each start.
//!
//! They are counted in rows of the source, before filters, at each input of the operator apart: a
//! state goes on with the next row, wherever a batch of the source ends this time.

use std::collections::{BTreeMap, BTreeSet};

use plan::{Batch, Data, NodeId, Plan};

/// Rows of the source by port and partition.
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

    /// Whether the rows of a batch come again after a crash, whoever was told that they arrived.
    pub(crate) fn comes_again(&self, port: usize, batch: &Batch) -> bool {
        let Data::Columns(columns) = &batch.data else { return false };
        self.anew.get(port).is_some_and(|anew| anew.contains(&columns.partition))
    }

    /// The part of a batch that the state does not have; what it has is resolved.
    pub(crate) fn cut(&mut self, port: usize, mut batch: Batch) -> Option<Batch> {
        let comes_again = self.comes_again(port, &batch);
        let Data::Columns(columns) = &mut batch.data else { return Some(batch) };
        if !comes_again {
            return Some(batch);
        }
        let at = (port, columns.partition);
        let left = self.left.entry(at).or_default();
        let gone = columns.source_rows.min(usize::try_from(*left).unwrap_or(usize::MAX));
        let whole = *left > 0 && gone == columns.source_rows;
        *left -= gone as u64;
        *self.consumed.entry(at).or_default() += (columns.source_rows - gone) as u64;
        if whole && !columns.last {
            batch.ok();
            return None;
        }
        if gone > 0 {
            let behind = columns.clone().behind(gone);
            *columns = behind;
        }
        if columns.last && *left > 0 {
            tracing::warn!(
                partition = columns.partition,
                rows = *left,
                "A source that began anew ended before the rows that were read of it before"
            );
        }
        Some(batch)
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
