//! The part of a topology that lies between sources and a sink.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::PlacementError;
use crate::catalog::Topology;

/// The nodes on ways from sources to a sink, each with its parents among them, in the order in
/// which they were linked.
pub(super) struct Paths {
    parents: BTreeMap<u64, Vec<u64>>,
}

impl Paths {
    /// Selects the ways.
    pub(super) fn between(
        topology: &Topology,
        sources: &[u64],
        sink: u64,
    ) -> Result<Paths, PlacementError> {
        let taking = |node: &u64| topology.takes_operators(*node);
        let parents = |of: u64| topology.parents(of).filter(taking).collect::<Vec<u64>>();
        for node in sources.iter().chain([&sink]) {
            match topology.node(*node) {
                None => return Err(PlacementError::Gone(*node)),
                Some(found) if found.maintained => return Err(PlacementError::Maintained(*node)),
                Some(_) => {}
            }
        }
        let below = reached(sources, parents);
        let above = reached(&[sink], |of| topology.children(of).filter(taking).collect());
        if let Some(from) = sources.iter().find(|source| !above.contains_key(source)) {
            return Err(PlacementError::Unreachable { from: *from, to: sink });
        }
        let kept: BTreeSet<u64> =
            below.into_keys().filter(|node| above.contains_key(node)).collect();
        let chosen = |node: &u64| {
            let all = parents(*node).into_iter().filter(|parent| kept.contains(parent));
            (*node, all.collect())
        };
        Ok(Paths { parents: kept.iter().map(chosen).collect() })
    }

    /// The parents of a node.
    pub(super) fn parents(&self, node: u64) -> &[u64] {
        self.parents.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The nodes above a node and itself, with their distances.
    pub(super) fn above(&self, node: u64) -> BTreeMap<u64, usize> {
        reached(&[node], |of| self.parents(of).to_vec())
    }

    /// The lowest node that is above all of these, or one of them.
    pub(super) fn meeting(&self, nodes: &[u64]) -> Option<u64> {
        let above: Vec<BTreeMap<u64, usize>> = nodes.iter().map(|n| self.above(*n)).collect();
        let distance = |node: u64| -> Option<usize> {
            above.iter().map(|reached| reached.get(&node).copied()).sum()
        };
        let all = self.parents.keys().filter_map(|node| Some((distance(*node)?, *node)));
        all.min().map(|(_, node)| node)
    }

    /// The shortest way up from one node to another, both included; of several, the one by the
    /// parents that were linked first.
    pub(super) fn way(&self, from: u64, to: u64) -> Option<Vec<u64>> {
        let mut came: BTreeMap<u64, u64> = BTreeMap::new();
        let mut todo = VecDeque::from([from]);
        while let Some(node) = todo.pop_front() {
            if node == to {
                let mut way = vec![to];
                while let Some(before) = way.last().and_then(|last| came.get(last)) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            for parent in self.parents(node) {
                if *parent != from && !came.contains_key(parent) {
                    came.insert(*parent, node);
                    todo.push_back(*parent);
                }
            }
        }
        None
    }
}

/// What can be reached, with the distance from the nearest start.
fn reached(from: &[u64], next: impl Fn(u64) -> Vec<u64>) -> BTreeMap<u64, usize> {
    let mut found: BTreeMap<u64, usize> = from.iter().map(|node| (*node, 0)).collect();
    let mut todo: VecDeque<u64> = from.iter().copied().collect();
    while let Some(node) = todo.pop_front() {
        let distance = found.get(&node).map_or(0, |distance| distance + 1);
        for neighbour in next(node) {
            if let std::collections::btree_map::Entry::Vacant(entry) = found.entry(neighbour) {
                entry.insert(distance);
                todo.push_back(neighbour);
            }
        }
    }
    found
}
