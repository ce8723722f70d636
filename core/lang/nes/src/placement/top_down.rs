//! `TopDown`: every operator runs as near to the sink as possible.

use std::collections::BTreeSet;

use super::paths::Paths;
use super::{PlacementError, Slots, Step};

/// Walks from the sink to the sources: a step comes after all that use it.
pub(super) fn place(
    paths: &Paths,
    steps: &[Step],
    slots: &mut Slots,
) -> Result<Vec<u64>, PlacementError> {
    let sources = sources_below(steps);
    let mut places: Vec<u64> = vec![0; steps.len()];
    for (at, step) in steps.iter().enumerate().rev() {
        let users = steps.iter().zip(&places).filter(|(user, _)| user.inputs.contains(&at));
        let users: Vec<u64> = users.map(|(_, place)| *place).collect();
        let below: Vec<u64> = sources.get(at).into_iter().flatten().copied().collect();
        let place = match step.pinned {
            Some(pinned) => {
                let far = users.iter().find(|user| !paths.above(pinned).contains_key(user));
                if let Some(to) = far {
                    return Err(PlacementError::Unreachable { from: pinned, to: *to });
                }
                slots.take(pinned).then_some(pinned)
            }
            None => {
                let all = candidates(paths, step, &users, &below);
                all.into_iter().find(|node| slots.take(*node))
            }
        };
        if let Some(slot) = places.get_mut(at) {
            *slot = place.ok_or(PlacementError::Full)?;
        }
    }
    Ok(places)
}

/// The nodes that may take a step, the best first: all are above its sources and below its users.
/// A step with one input is to be with who uses it and else further down; one with several where
/// its sources meet and else further up.
fn candidates(paths: &Paths, step: &Step, users: &[u64], below: &[u64]) -> Vec<u64> {
    let mut all: Vec<(usize, u64)> = match below {
        [] => Vec::new(),
        [first, ..] => paths.above(*first).into_iter().map(|(node, far)| (far, node)).collect(),
    };
    all.retain(|(_, node)| {
        let over = paths.above(*node);
        users.iter().all(|user| over.contains_key(user))
            && below.iter().all(|source| paths.above(*source).contains_key(node))
    });
    let depth = |node: u64| -> usize {
        let over = paths.above(node);
        users.iter().filter_map(|user| over.get(user)).sum()
    };
    let height = |node: u64| -> usize {
        below.iter().filter_map(|source| paths.above(*source).get(&node).copied()).sum()
    };
    let key = |node: u64| match step.inputs.len() {
        0 | 1 => (depth(node), node),
        _ => (height(node), node),
    };
    let mut nodes: Vec<u64> = all.into_iter().map(|(_, node)| node).collect();
    nodes.sort_by_key(|node| key(*node));
    nodes
}

/// The nodes of the sources that each step depends on.
fn sources_below(steps: &[Step]) -> Vec<BTreeSet<u64>> {
    let mut all: Vec<BTreeSet<u64>> = Vec::with_capacity(steps.len());
    for step in steps {
        let mut own: BTreeSet<u64> =
            step.inputs.iter().filter_map(|input| all.get(*input)).flatten().copied().collect();
        if step.inputs.is_empty() {
            own.extend(step.pinned);
        }
        all.push(own);
    }
    all
}
