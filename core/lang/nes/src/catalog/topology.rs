//! Nodes and how they are linked (spec/nes-rest.md §4). A process alone has one node, the root.

use serde::{Deserialize, Serialize};

/// Id of the root.
pub const ROOT: u64 = 1;

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: u64,
    /// Its address.
    pub ip_address: String,
    /// Operators that it may still take.
    pub slots: u64,
    /// Where it is: latitude and longitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<(f64, f64)>,
    /// `NO_LOCATION`, `FIXED_LOCATION` or `MOBILE_NODE`.
    #[serde(default = "no_location")]
    pub kind: String,
    /// Whether it is being maintained and takes no operators. It is until it leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintained: bool,
}

/// The kind of nodes that are nowhere in particular.
pub const NO_LOCATION: &str = "NO_LOCATION";

fn no_location() -> String {
    NO_LOCATION.to_owned()
}

impl Node {
    /// A node that is nowhere in particular.
    #[must_use]
    pub fn new(id: u64, ip_address: &str, slots: u64) -> Self {
        let (ip_address, kind) = (ip_address.to_owned(), no_location());
        Node { id, ip_address, slots, location: None, kind, maintained: false }
    }
}

/// Why the topology was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopologyError {
    /// A node cannot be its own parent.
    Same,
    /// There is no such child.
    NoChild(u64),
    /// There is no such parent.
    NoParent(u64),
    /// They are linked already.
    Linked(u64, u64),
    /// They are not linked.
    NotLinked(u64, u64),
    /// The parent is below the child.
    Circle(u64, u64),
    /// There is a node of that id.
    Taken(u64),
    /// There are [`NODES_MAX`] nodes already.
    Full,
}

/// Most nodes of a topology.
pub const NODES_MAX: usize = 10_000;

impl std::fmt::Display for TopologyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TopologyError::Same => f.write_str("childId and parentId must be different."),
            TopologyError::NoChild(id) => write!(f, "Node with childId={id} not found."),
            TopologyError::NoParent(id) => write!(f, "Node with parentId={id} not found."),
            TopologyError::Linked(child, parent) => write!(
                f,
                "Node with childId={child} is already a child of node with parentID={parent}."
            ),
            TopologyError::NotLinked(child, parent) => write!(
                f,
                "Node with childId={child} is not a child of node with parentID={parent}."
            ),
            TopologyError::Circle(child, parent) => {
                write!(f, "Node with parentId={parent} is below node with childId={child}.")
            }
            TopologyError::Taken(id) => write!(f, "there is a node with the id {id} already"),
            TopologyError::Full => write!(f, "there are {NODES_MAX} nodes already"),
        }
    }
}

/// Nodes and links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    nodes: Vec<Node>,
    /// Child and parent.
    links: Vec<(u64, u64)>,
}

impl Topology {
    /// The topology of one node.
    #[must_use]
    pub fn new(ip_address: &str, slots: u64) -> Self {
        Topology { nodes: vec![Node::new(ROOT, ip_address, slots)], links: Vec::new() }
    }

    /// The nodes, the root first.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Pairs of child and parent.
    #[must_use]
    pub fn links(&self) -> &[(u64, u64)] {
        &self.links
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: u64) -> Option<&Node> {
        self.nodes.iter().find(|n| n.id == id)
    }

    /// The parents of a node, in the order in which they were linked.
    pub fn parents(&self, of: u64) -> impl Iterator<Item = u64> + '_ {
        self.links.iter().filter(move |(child, _)| *child == of).map(|(_, parent)| *parent)
    }

    /// The children of a node, in the order in which they were linked.
    pub fn children(&self, of: u64) -> impl Iterator<Item = u64> + '_ {
        self.links.iter().filter(move |(_, parent)| *parent == of).map(|(child, _)| *child)
    }

    /// The nodes and links breadth first from the root; what it does not reach comes last.
    #[must_use]
    pub fn breadth_first(&self) -> Vec<u64> {
        let mut order = vec![ROOT];
        let mut at = 0;
        while let Some(node) = order.get(at).copied() {
            let new: Vec<u64> =
                self.children(node).filter(|child| !order.contains(child)).collect();
            order.extend(new);
            at += 1;
        }
        let rest = self.nodes.iter().map(|node| node.id).filter(|id| !order.contains(id));
        let rest: Vec<u64> = rest.collect();
        order.extend(rest);
        order
    }

    /// Adds a node below a parent, or below the root where that is not there.
    ///
    /// # Errors
    /// There is one of its id, or too many.
    pub fn add(&mut self, node: Node, parent: u64) -> Result<(), TopologyError> {
        if self.node(node.id).is_some() {
            return Err(TopologyError::Taken(node.id));
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(TopologyError::Full);
        }
        let parent = if self.node(parent).is_some() { parent } else { ROOT };
        self.links.push((node.id, parent));
        self.nodes.push(node);
        Ok(())
    }

    /// Removes a node and its links; false when there is none. Children that have no other parent
    /// are linked to the root.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.nodes.len();
        let children: Vec<u64> = self.children(id).collect();
        self.nodes.retain(|node| node.id != id);
        self.links.retain(|(child, parent)| *child != id && *parent != id);
        for child in children {
            if child != ROOT && self.parents(child).next().is_none() {
                self.links.push((child, ROOT));
            }
        }
        self.nodes.len() < before
    }

    /// Says whether a node is being maintained.
    pub fn maintain(&mut self, id: u64, maintained: bool) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.id == id) {
            node.maintained = maintained;
        }
    }

    /// Whether operators may be put on a node.
    #[must_use]
    pub fn takes_operators(&self, id: u64) -> bool {
        self.node(id).is_some_and(|node| !node.maintained)
    }

    /// Takes slots of nodes for a query, or gives them back.
    pub fn use_slots(&mut self, slots: &std::collections::BTreeMap<u64, u64>, take: bool) {
        for node in &mut self.nodes {
            let count = slots.get(&node.id).copied().unwrap_or(0);
            node.slots = match take {
                true => node.slots.saturating_sub(count),
                false => node.slots.saturating_add(count),
            };
        }
    }

    /// Whether a node is above another, or it.
    fn is_above(&self, node: u64, of: u64) -> bool {
        let mut seen = vec![of];
        let mut at = 0;
        while let Some(next) = seen.get(at).copied() {
            if next == node {
                return true;
            }
            let new: Vec<u64> =
                self.parents(next).filter(|parent| !seen.contains(parent)).collect();
            seen.extend(new);
            at += 1;
        }
        false
    }

    fn pair(&self, child: u64, parent: u64) -> Result<(u64, u64), TopologyError> {
        if child == parent {
            return Err(TopologyError::Same);
        }
        self.node(child).ok_or(TopologyError::NoChild(child))?;
        self.node(parent).ok_or(TopologyError::NoParent(parent))?;
        Ok((child, parent))
    }

    /// Links two nodes.
    ///
    /// # Errors
    /// They are the same, unknown, or linked.
    pub fn add_parent(&mut self, child: u64, parent: u64) -> Result<(), TopologyError> {
        let pair = self.pair(child, parent)?;
        if self.links.contains(&pair) {
            return Err(TopologyError::Linked(child, parent));
        }
        if self.is_above(child, parent) {
            return Err(TopologyError::Circle(child, parent));
        }
        self.links.push(pair);
        Ok(())
    }

    /// Unlinks two nodes.
    ///
    /// # Errors
    /// They are the same, unknown, or not linked.
    pub fn remove_parent(&mut self, child: u64, parent: u64) -> Result<(), TopologyError> {
        let pair = self.pair(child, parent)?;
        let at = self.links.iter().position(|p| *p == pair);
        let at = at.ok_or(TopologyError::NotLinked(child, parent))?;
        self.links.remove(at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_checked() {
        let mut topology = Topology::new("127.0.0.1", 5);
        assert_eq!(topology.add_parent(1, 1), Err(TopologyError::Same));
        assert_eq!(topology.add_parent(7, 1), Err(TopologyError::NoChild(7)));
        assert_eq!(topology.remove_parent(1, 7), Err(TopologyError::NoParent(7)));
        assert_eq!(topology.add(Node::new(2, "127.0.0.1", 1), 7), Ok(()));
        assert_eq!(topology.add(Node::new(2, "127.0.0.1", 1), 1), Err(TopologyError::Taken(2)));
        assert_eq!(topology.links(), [(2, 1)], "an unknown parent stands for the root");
        assert_eq!(topology.add_parent(1, 2), Err(TopologyError::Circle(1, 2)));
        assert_eq!(topology.add_parent(2, 1), Err(TopologyError::Linked(2, 1)));
        assert_eq!(topology.remove_parent(2, 1), Ok(()));
        assert_eq!(topology.remove_parent(2, 1), Err(TopologyError::NotLinked(2, 1)));
    }

    #[test]
    fn nodes_come_and_go_with_their_links() {
        let mut topology = Topology::new("a", 5);
        for (id, parent) in [(2, 1), (3, 2), (4, 2)] {
            topology.add(Node::new(id, "b", 1), parent).unwrap();
        }
        topology.add_parent(4, 3).unwrap();
        assert_eq!(topology.breadth_first(), [1, 2, 3, 4]);
        assert!(topology.remove(3) && !topology.remove(3));
        assert_eq!(topology.links(), [(2, 1), (4, 2)]);
        let mut chain = topology.clone();
        assert!(chain.remove(2));
        assert_eq!(chain.links(), [(4, 1)], "nobody is left without a way to the root");
        topology.use_slots(&[(1, 2), (2, 9)].into(), true);
        assert_eq!(topology.nodes().iter().map(|n| n.slots).collect::<Vec<_>>(), [3, 0, 1]);
    }

    #[test]
    fn nodes_are_limited() {
        let mut topology = Topology::new("a", 5);
        for id in 2..=NODES_MAX as u64 {
            topology.nodes.push(Node::new(id, "b", 1));
        }
        assert_eq!(topology.add(Node::new(0, "b", 1), 1), Err(TopologyError::Full));
    }
}
