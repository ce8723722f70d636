//! The logical plan with its sources apart: what is placed on nodes one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plan::{NodeId, Plan, Role};

use super::view::View;
use crate::catalog::ROOT;
use crate::placement::Step;

/// A step of a logical operator, by the step whose rows it hands on.
type Reach = HashMap<usize, usize>;

/// The steps of a plan: the nodes of a logical operator that are connected among themselves are
/// one. Operators without nodes, which only say how something is done, are steps, too: as many as
/// they have inputs.
pub(super) fn of(
    view: &View,
    plan: &Plan,
    owners: &[usize],
    pins: &HashMap<NodeId, u64>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut home: HashMap<NodeId, usize> = HashMap::new();
    let mut reach: Vec<Reach> = vec![Reach::new()];
    for operator in 1..=view.len() {
        let parts = parts(plan, owners, operator);
        let mut reached = Reach::new();
        let through = |from: usize| {
            let inputs = view.inputs(operator).iter();
            let found = inputs.filter_map(|input| reach.get(*input)?.get(&from)).next();
            found.copied().unwrap_or(from)
        };
        if parts.is_empty() {
            let inputs = view.inputs(operator).iter().filter_map(|input| reach.get(*input));
            let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (from, at) in inputs.flatten() {
                all.entry(*at).or_default().push(*from);
            }
            for (at, from) in all {
                reached.extend(from.into_iter().map(|from| (from, steps.len())));
                steps.push(step(view, operator, vec![at], Vec::new()));
            }
        }
        for nodes in parts {
            let inner: BTreeSet<NodeId> = nodes.iter().copied().collect();
            let inputs = nodes.iter().filter_map(|id| plan.nodes.get(*id)).flat_map(|n| &n.inputs);
            let from = inputs.filter(|id| !inner.contains(id)).filter_map(|id| home.get(id));
            let inputs: BTreeSet<usize> = from.map(|from| through(*from)).collect();
            home.extend(nodes.iter().map(|id| (*id, steps.len())));
            reached.insert(steps.len(), steps.len());
            let mut made = step(view, operator, inputs.into_iter().collect(), nodes);
            made.pinned = pinned(plan, &made.nodes, pins);
            steps.push(made);
        }
        reach.push(reached);
    }
    steps
}

fn step(view: &View, operator: usize, inputs: Vec<usize>, nodes: Vec<NodeId>) -> Step {
    Step { label: view.label(operator), inputs, nodes, pinned: None }
}

/// Sources are read where they are, and results go to the root or the node that was named.
fn pinned(plan: &Plan, nodes: &[NodeId], pins: &HashMap<NodeId, u64>) -> Option<u64> {
    nodes.iter().find_map(|id| match plan.nodes.get(*id)?.role {
        Role::Source | Role::Sink => Some(pins.get(id).copied().unwrap_or(ROOT)),
        Role::Operator => None,
    })
}

/// The nodes of an operator, those together that are connected.
fn parts(plan: &Plan, owners: &[usize], operator: usize) -> Vec<Vec<NodeId>> {
    let mut parts: Vec<Vec<NodeId>> = Vec::new();
    for (id, node) in plan.nodes.iter().enumerate() {
        if owners.get(id) != Some(&operator) {
            continue;
        }
        let touches = |part: &Vec<NodeId>| node.inputs.iter().any(|input| part.contains(input));
        let (mut joined, apart): (Vec<_>, Vec<_>) = parts.into_iter().partition(touches);
        let mut whole: Vec<NodeId> = joined.drain(..).flatten().collect();
        whole.push(id);
        whole.sort_unstable();
        parts = apart;
        parts.push(whole);
    }
    parts.sort();
    parts
}
