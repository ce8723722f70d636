//! Nodes and how they are linked (spec/nes-rest.md §4). A process has one node, which is the root.

use serde::{Deserialize, Serialize};

/// Id of the root.
pub const ROOT: u64 = 1;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: u64,
    /// Its address.
    pub ip_address: String,
    /// Operators that it may still take.
    pub slots: u64,
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
}

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
        }
    }
}

/// Nodes and links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    nodes: Vec<Node>,
    /// Child and parent.
    links: Vec<(u64, u64)>,
}

impl Topology {
    /// The topology of one node.
    #[must_use]
    pub fn new(ip_address: &str, slots: u64) -> Self {
        let root = Node { id: ROOT, ip_address: ip_address.to_owned(), slots };
        Topology { nodes: vec![root], links: Vec::new() }
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
        topology.nodes.push(Node { id: 2, ip_address: "127.0.0.1".into(), slots: 1 });
        assert_eq!(topology.add_parent(2, 1), Ok(()));
        assert_eq!(topology.add_parent(2, 1), Err(TopologyError::Linked(2, 1)));
        assert_eq!(topology.remove_parent(2, 1), Ok(()));
        assert_eq!(topology.remove_parent(2, 1), Err(TopologyError::NotLinked(2, 1)));
    }
}
