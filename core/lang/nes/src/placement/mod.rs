//! Which node does what (spec/nes-system.md §5): the steps of a query are put on the nodes of a
//! topology, and its plan is cut where they are on different ones. Plain computation: nothing here
//! talks to anybody.

mod bottom_up;
mod cut;
mod paths;
#[cfg(test)]
mod tests;
mod top_down;

use std::collections::BTreeMap;

use plan::NodeId;

use crate::catalog::Topology;

pub use cut::{EXCHANGE, SubPlan, cut};

use self::paths::Paths;

/// A step of a logical plan: an operator, or the part of it that belongs to one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How trees show it.
    pub label: String,
    /// The steps it takes its input from; earlier than it.
    pub inputs: Vec<usize>,
    /// The nodes of the plan that do it.
    pub nodes: Vec<NodeId>,
    /// The node of the topology it must be on.
    pub pinned: Option<u64>,
}

/// How nodes are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// As near to the sources as possible.
    BottomUp,
    /// As near to the sink as possible.
    TopDown,
}

impl Placement {
    /// The strategy that a name of any generation stands for. Those that the original computes
    /// with solvers and models work as `BottomUp` does.
    #[must_use]
    pub fn named(name: &str) -> Placement {
        if name == "TopDown" { Placement::TopDown } else { Placement::BottomUp }
    }
}

/// Why a query cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// All nodes that may take an operator are full.
    #[error("No node available for further placement of operators")]
    Full,
    /// A source's node has no way to the sink's.
    #[error("the sink on node {to} cannot be reached from the source on node {from}")]
    Unreachable {
        /// The source's node.
        from: u64,
        /// The sink's node.
        to: u64,
    },
    /// A source is on a node that is being maintained.
    #[error("node {0}, where a source or the sink is, is being maintained")]
    Maintained(u64),
    /// A source is on a node that is not there.
    #[error("node {0} is not in the topology")]
    Gone(u64),
}

/// The node of each step.
///
/// # Errors
/// There is no way, or no room.
pub fn place(
    topology: &Topology,
    steps: &[Step],
    strategy: Placement,
) -> Result<Vec<u64>, PlacementError> {
    let pins = |step: &Step| step.inputs.is_empty().then_some(step.pinned).flatten();
    let sources: Vec<u64> = steps.iter().filter_map(pins).collect();
    let sink = steps.last().and_then(|step| step.pinned).unwrap_or(crate::catalog::ROOT);
    let paths = Paths::between(topology, &sources, sink)?;
    let mut slots = Slots::of(topology);
    match strategy {
        Placement::BottomUp => bottom_up::place(&paths, steps, &mut slots),
        Placement::TopDown => top_down::place(&paths, steps, &mut slots),
    }
}

/// Operators that nodes may still take.
struct Slots(BTreeMap<u64, u64>);

impl Slots {
    fn of(topology: &Topology) -> Slots {
        Slots(topology.nodes().iter().map(|node| (node.id, node.slots)).collect())
    }

    /// Takes one of a node's; false when it has none.
    fn take(&mut self, node: u64) -> bool {
        match self.0.get_mut(&node) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// How many slots each node gives for a placement.
#[must_use]
pub fn slots_of(places: &[u64]) -> BTreeMap<u64, u64> {
    let mut taken = BTreeMap::new();
    for node in places {
        *taken.entry(*node).or_insert(0) += 1;
    }
    taken
}
