//! The plan: a directed graph of sources, operators and sinks, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::expr::Code;

/// Position of a node in [`Plan::nodes`].
pub type NodeId = usize;

/// What a node is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Batches come from it.
    Source,
    /// Batches pass through it.
    Operator,
    /// Batches end in it.
    Sink,
}

/// How far an operator's or expression's results depend on what it saw before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Only on the message: blocks may be processed on any shard in any order.
    Stateless,
    /// On earlier messages with the same key.
    Keyed,
    /// On everything the pipeline saw: one instance, in order.
    Bound,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What it is to the engine.
    pub role: Role,
    /// The component that does the work, with its configuration.
    pub component: Component,
    /// The nodes it takes batches from, by position; earlier than its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<NodeId>,
    /// Of a source that begins anew at each start, with the same rows in the same order: the
    /// partition that they are. A state that has some of them passes over those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<u32>,
    /// What takes the place of the component where the pipeline goes on from a state that was kept:
    /// a sink must not empty then what it has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Component>,
}

/// A pipeline as every language lowers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Nodes; inputs come before the nodes that use them.
    pub nodes: Vec<Node>,
    /// Code that each instance runs once before its expressions are compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prelude: Option<Code>,
    /// How many shards at most work on it; `None` leaves it to the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards_max: Option<usize>,
    /// Whether several whole instances of it may share what comes to its ports, and how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crew: Option<Crew>,
    /// Whether a batch whose operators reported a fault is refused at the sink instead of
    /// delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether what its operators remember survives the process, where that has a directory for
    /// state. Sources hear that their rows are delivered only when what became of them is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub durable: bool,
    /// Milliseconds between two checkpoints of a durable pipeline; a few hundredths of a second by
    /// default, as soon as its sources wait for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_ms: Option<u64>,
    /// What the metrics of some components are called, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricsMapping>,
    /// Documents of other servers that its components are made of, such as schemas. The engine
    /// fetches them while it builds; they are no part of what is kept of a plan.
    #[serde(skip)]
    pub documents: Arc<Documents>,
}

/// How many instances of a plan run side by side: each has an environment and all operators and
/// sinks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crew {
    /// Fewest instances, at least 1.
    pub min: usize,
    /// Most instances; how many there are between the two goes with the load.
    pub max: usize,
}

/// Documents by address, or why they could not be fetched.
pub type Documents = BTreeMap<String, Result<Bytes, String>>;

/// A mapping for the metrics of one component and those within it: the name is the content of a
/// message, the labels are its metadata, and what becomes of the message names the metric. A
/// message that is filtered stands for a metric that nobody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsMapping {
    /// Path of the component.
    pub path: String,
    /// The mapping.
    pub code: Code,
}

/// A plan that cannot be run, whatever the components.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node}: {text}")]
pub struct PlanError {
    /// The node.
    pub node: NodeId,
    /// What is wrong.
    pub text: String,
}

/// Most nodes a plan may have.
pub const NODES_MAX: usize = 10_000;

impl Plan {
    /// Adds a node and returns its position.
    pub fn add(&mut self, role: Role, component: Component, inputs: Vec<NodeId>) -> NodeId {
        self.nodes.push(Node { role, component, inputs, anew: None, again: None });
        self.nodes.len() - 1
    }

    /// Checks the shape of the graph.
    ///
    /// # Errors
    /// The first node that has inputs it must not have, lacks them, or refers to a later node.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.nodes.len() > NODES_MAX {
            let text = format!("a plan may have {NODES_MAX} nodes at most");
            return Err(PlanError { node: NODES_MAX, text });
        }
        for (id, node) in self.nodes.iter().enumerate() {
            let fail = |text: &str| Err(PlanError { node: id, text: text.to_owned() });
            if (node.role == Role::Source) != node.inputs.is_empty() {
                return fail("a source has no inputs, every other node has at least one");
            }
            for &input in &node.inputs {
                match self.nodes.get(input) {
                    Some(from) if input < id && from.role != Role::Sink => {}
                    _ => return fail("an input is not an earlier source or operator"),
                }
            }
        }
        Ok(())
    }

    /// The plan of a pipeline that goes on from a state that was kept.
    #[must_use]
    pub fn going_on(&self) -> Plan {
        let mut plan = self.clone();
        for node in &mut plan.nodes {
            if let Some(again) = node.again.take() {
                node.component = again;
            }
        }
        plan
    }

    /// The nodes that take batches from `id`, each with the port they arrive at.
    pub fn targets(&self, id: NodeId) -> impl Iterator<Item = (NodeId, usize)> + '_ {
        self.nodes.iter().enumerate().flat_map(move |(target, node)| {
            let ports = node.inputs.iter().enumerate();
            ports.filter(move |(_, from)| **from == id).map(move |(port, _)| (target, port))
        })
    }
}
