//! Cutting a plan into what each node runs. Where an edge of the plan leads from one node to
//! another, the lower one gets a network sink and the upper one a network source; nodes on the way
//! get both.

use std::collections::{BTreeMap, BTreeSet};

use plan::serde_json::json;
use plan::{Component, NodeId, Plan, Role};

use super::paths::Paths;
use super::{PlacementError, Step};
use crate::catalog::{ROOT, Topology};

/// Name of the components that take rows from one node to another.
pub const EXCHANGE: &str = "exchange";
/// Operators that would have to see again everything they saw, were they started anew.
const WITH_STATE: [&str; 4] = ["join", "limit_rows", "threshold_window", "window"];

/// What one node runs of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct SubPlan {
    /// The node.
    pub node: u64,
    /// What runs there.
    pub plan: Plan,
    /// The same as an indented tree, as users see it.
    pub tree: String,
    /// Names of the edges that lead here.
    pub inputs: Vec<String>,
    /// Names of the edges that lead away.
    pub outputs: Vec<String>,
    /// Whether it remembers what it saw.
    pub keeps_state: bool,
}

/// An edge between two nodes: what one node of the plan produces.
struct Edge {
    of: NodeId,
    from: u64,
    to: u64,
    name: String,
}

/// Cuts a plan. `prefix` begins the names of edges, which stay the same as long as the plan and the
/// number of nodes on the way do.
///
/// # Errors
/// Two steps are on nodes between which there is no way.
pub fn cut(
    topology: &Topology,
    plan: &Plan,
    steps: &[Step],
    places: &[u64],
    prefix: &str,
) -> Result<Vec<SubPlan>, PlacementError> {
    let mut home: Vec<u64> = vec![ROOT; plan.nodes.len()];
    for (step, place) in steps.iter().zip(places) {
        for node in &step.nodes {
            if let Some(home) = home.get_mut(*node) {
                *home = *place;
            }
        }
    }
    let edges = edges(topology, plan, &home, prefix)?;
    let mut nodes: BTreeSet<u64> = places.iter().copied().collect();
    nodes.extend(edges.iter().flat_map(|edge| [edge.from, edge.to]));
    Ok(nodes.into_iter().map(|node| part(plan, steps, places, &home, &edges, node)).collect())
}

/// The edges that carry what crosses from node to node; each of what a node of the plan produces
/// reaches a node of the topology once.
fn edges(
    topology: &Topology,
    plan: &Plan,
    home: &[u64],
    prefix: &str,
) -> Result<Vec<Edge>, PlacementError> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (id, node) in plan.nodes.iter().enumerate() {
        for &input in &node.inputs {
            let (Some(&from), Some(&to)) = (home.get(input), home.get(id)) else { continue };
            let there = |node: u64, edges: &[Edge]| {
                node == from || edges.iter().any(|edge| edge.of == input && edge.to == node)
            };
            if there(to, &edges) {
                continue;
            }
            let paths = Paths::between(topology, &[from], to)?;
            let way = paths.way(from, to).ok_or(PlacementError::Unreachable { from, to })?;
            let start = way.iter().rposition(|node| there(*node, &edges)).unwrap_or(0);
            for hop in way.get(start..).unwrap_or_default().windows(2) {
                let &[from, to] = hop else { continue };
                let count = counts.entry(input).or_default();
                let name = format!("{prefix}_{input}_{count}");
                *count += 1;
                edges.push(Edge { of: input, from, to, name });
            }
        }
    }
    Ok(edges)
}

/// What one node runs.
fn part(
    plan: &Plan,
    steps: &[Step],
    places: &[u64],
    home: &[u64],
    edges: &[Edge],
    node: u64,
) -> SubPlan {
    let mut own = Plan { nodes: Vec::new(), metrics: Vec::new(), ..plan.clone() };
    // Where what a node of the whole plan produces is to be had here.
    let mut here: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let exchange = |name: &str| Component::new(EXCHANGE, json!({"edge": name}));
    let arriving: Vec<&Edge> = edges.iter().filter(|edge| edge.to == node).collect();
    let leaving: Vec<&Edge> = edges.iter().filter(|edge| edge.from == node).collect();
    for edge in &arriving {
        here.insert(edge.of, own.add(Role::Source, exchange(&edge.name), Vec::new()));
    }
    for (id, old) in plan.nodes.iter().enumerate() {
        if home.get(id) == Some(&node) {
            let inputs = old.inputs.iter().filter_map(|input| here.get(input).copied()).collect();
            own.nodes.push(plan::Node { inputs, ..old.clone() });
            here.insert(id, own.nodes.len() - 1);
        }
    }
    for edge in &leaving {
        if let Some(from) = here.get(&edge.of) {
            own.add(Role::Sink, exchange(&edge.name), vec![*from]);
        }
    }
    let with_state = |n: &plan::Node| WITH_STATE.contains(&n.component.name.as_str());
    let names = |edges: &[&Edge]| edges.iter().map(|edge| edge.name.clone()).collect();
    SubPlan {
        node,
        keeps_state: own.nodes.iter().any(with_state),
        plan: own,
        tree: tree(steps, places, edges, node),
        inputs: names(&arriving),
        outputs: names(&leaving),
    }
}

/// What a node runs as an indented tree: sinks first, network sinks and sources by their edges.
fn tree(steps: &[Step], places: &[u64], edges: &[Edge], node: u64) -> String {
    let at = |step: usize| places.get(step) == Some(&node);
    // The nodes of the plan that produce what a step hands on.
    let produced = |step: usize| {
        let mut todo = vec![step];
        let mut nodes: Vec<NodeId> = Vec::new();
        while let Some(step) = todo.pop().and_then(|step| steps.get(step)) {
            match step.nodes.is_empty() {
                true => todo.extend(&step.inputs),
                false => nodes.extend(&step.nodes),
            }
        }
        nodes
    };
    let mut text = String::new();
    let mut line = |depth: usize, label: &str| {
        text.push_str(&"  ".repeat(depth));
        text.push_str(label);
        text.push('\n');
    };
    let used = |step: usize| {
        let mut users = steps.iter().enumerate().filter(|(_, user)| user.inputs.contains(&step));
        users.any(|(user, _)| at(user))
    };
    for root in (0..steps.len()).rev().filter(|step| at(*step) && !used(*step)) {
        let nodes = produced(root);
        // Behind the sink there is only what tells the root that the query has ended.
        let is_sink = root + 1 == steps.len();
        let out = edges.iter().find(|edge| edge.from == node && nodes.contains(&edge.of));
        let out = out.filter(|_| !is_sink);
        if let Some(edge) = out {
            line(0, &format!("SINK_SYS({})", edge.name));
        }
        let mut todo = vec![(root, usize::from(out.is_some()))];
        while let Some((step, depth)) = todo.pop() {
            let Some(step_here) = steps.get(step).filter(|_| at(step)) else {
                let nodes = produced(step);
                let inward = |edge: &&Edge| edge.to == node && nodes.contains(&edge.of);
                let name = edges.iter().find(inward).map_or("", |edge| edge.name.as_str());
                line(depth, &format!("SOURCE_SYS({name})"));
                continue;
            };
            line(depth, &step_here.label);
            todo.extend(step_here.inputs.iter().rev().map(|input| (*input, depth + 1)));
        }
    }
    for out in edges.iter().filter(|edge| edge.from == node) {
        let onward = edges.iter().find(|edge| edge.to == node && edge.of == out.of);
        if let Some(edge) = onward {
            line(0, &format!("SINK_SYS({})", out.name));
            line(1, &format!("SOURCE_SYS({})", edge.name));
        }
    }
    text
}
