//! A state as it is kept.
//!
//! ```text
//! state     as the operator wrote it
//! consumed  for each: port, partition, rows
//! count     of those
//! mark      32 bytes  of the pipeline, the node and all of the plan that its input depends on
//! version   1 byte    1
//! ```
//! Numbers have 8 bytes, the lowest first. What is ours is at the end, so that a large state is not
//! copied.

use std::collections::BTreeSet;

use plan::{Json, Node, NodeId, OperatorError, Plan};
use sha2::{Digest, Sha256};

use super::skip::Consumed;
use crate::api::Key;

const VERSION: u8 = 1;
/// How often a number may look another way when it is printed and read.
const PRINTS_MAX: usize = 32;

/// Tells a node of a plan from all others.
pub(crate) type Mark = [u8; 32];

/// A state that was read.
pub(crate) struct Record<'a> {
    pub(crate) consumed: Consumed,
    pub(crate) state: &'a [u8],
}

/// The mark of a node: it changes with everything that its state depends on.
pub(crate) fn mark_of(key: &Key, plan: &Plan, node: NodeId) -> Mark {
    let mut before = BTreeSet::from([node]);
    let mut todo = vec![node];
    while let Some(found) = todo.pop().and_then(|id| plan.nodes.get(id)) {
        todo.extend(found.inputs.iter().copied().filter(|input| before.insert(*input)));
    }
    let nodes: Vec<(NodeId, &Node)> =
        before.iter().filter_map(|id| Some((*id, plan.nodes.get(*id)?))).collect();
    let text = settled(serde_json::to_string(&(nodes, &plan.prelude)).unwrap_or_default());
    let mut hash = Sha256::new();
    for part in [key.owner.as_bytes(), key.id.as_bytes(), &node.to_le_bytes(), text.as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The text of a plan that came from a journal is that of the plan that went there: a fraction may
/// become its neighbour on the way.
fn settled(mut text: String) -> String {
    for _ in 0..PRINTS_MAX {
        let again = serde_json::from_str::<Json>(&text).map(|read| read.to_string());
        match again {
            Ok(again) if again != text => text = again,
            _ => break,
        }
    }
    text
}

/// The bytes of a state.
pub(crate) fn write(mark: &Mark, consumed: &Consumed, state: Vec<u8>) -> Vec<u8> {
    let mut out = state;
    for ((port, partition), rows) in consumed {
        for number in [*port as u64, u64::from(*partition), *rows] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out.extend_from_slice(&(consumed.len() as u64).to_le_bytes());
    out.extend_from_slice(mark);
    out.push(VERSION);
    out
}

impl<'a> Record<'a> {
    /// Reads what [`write`] has written.
    ///
    /// # Errors
    /// It is of another version or of another plan.
    pub(crate) fn read(bytes: &'a [u8], mark: &Mark) -> Result<Self, OperatorError> {
        let Some((version, rest)) = bytes.split_last() else {
            return Err(OperatorError::new("it is empty"));
        };
        if *version != VERSION {
            let text = format!("it is of version {version}, and this program reads {VERSION}");
            return Err(OperatorError(text));
        }
        let Some(rest) = rest.strip_suffix(mark) else {
            return Err(OperatorError::new("it belongs to another plan"));
        };
        body(rest).ok_or_else(|| OperatorError::new("it cannot be read"))
    }
}

fn body(mut rest: &[u8]) -> Option<Record<'_>> {
    let number = |rest: &mut &[u8]| {
        let (before, number) = rest.split_last_chunk()?;
        *rest = before;
        Some(u64::from_le_bytes(*number))
    };
    let mut consumed = Consumed::new();
    for _ in 0..number(&mut rest)? {
        let rows = number(&mut rest)?;
        let partition = u32::try_from(number(&mut rest)?).ok()?;
        consumed.insert((usize::try_from(number(&mut rest)?).ok()?, partition), rows);
    }
    Some(Record { consumed, state: rest })
}

#[cfg(test)]
mod tests {
    use plan::{Component, Role};
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let mut plan = Plan::default();
        let source = plan.add(Role::Source, Component::new("file", json!({"path": "a"})), vec![]);
        let other = plan.add(Role::Source, Component::new("file", json!({"path": "b"})), vec![]);
        let config = json!({"x": 0.1, "y": 5e-324, "z": 1.0e300, "n": u64::MAX});
        let window = plan.add(Role::Operator, Component::new("window", config), vec![source]);
        let both =
            plan.add(Role::Operator, Component::new("union", json!({})), vec![window, other]);
        plan.add(Role::Sink, Component::new("file", json!({"path": "c"})), vec![both]);
        plan
    }

    #[test]
    fn a_mark_changes_with_what_a_state_depends_on_and_with_nothing_else() {
        let (key, plan) = (Key::new("o", "1"), plan());
        let mark = mark_of(&key, &plan, 2);
        let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(mark_of(&key, &read, 2), mark);
        let mut changed = plan.clone();
        for node in [1, 3, 4] {
            changed.nodes[node].component.config["more"] = json!(1);
        }
        assert_eq!(mark_of(&key, &changed, 2), mark, "what is beside and behind it");
        for node in [0, 2] {
            let mut changed = plan.clone();
            changed.nodes[node].component.config["more"] = json!(1);
            assert_ne!(mark_of(&key, &changed, 2), mark);
        }
        assert_ne!(mark_of(&Key::new("o", "2"), &plan, 2), mark);
        assert_ne!(mark_of(&key, &plan, 3), mark);
    }

    #[test]
    fn a_state_comes_back_and_no_other_is_taken() {
        let mark = [7; 32];
        let consumed = Consumed::from([((0, 1), 5), ((1, u32::MAX), u64::MAX)]);
        let bytes = write(&mark, &consumed, b"state".to_vec());
        let record = Record::read(&bytes, &mark).unwrap();
        assert_eq!((record.consumed, record.state), (consumed, &b"state"[..]));
        let refused = |bytes: &[u8], mark: &Mark| Record::read(bytes, mark).err().unwrap().0;
        assert_eq!(refused(&bytes, &[8; 32]), "it belongs to another plan");
        let mut newer = bytes.clone();
        *newer.last_mut().unwrap() = 2;
        assert_eq!(refused(&newer, &mark), "it is of version 2, and this program reads 1");
        for len in 0..bytes.len() {
            assert!(!refused(&bytes[..len], &mark).is_empty());
        }
        assert_eq!(refused(&bytes[6..], &mark), "it cannot be read");
    }
}
