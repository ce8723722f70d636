//! Which component an object configures: the one key that names a component of the kind.

use std::sync::Arc;

use crate::catalog::{Catalog, Kind};
use crate::yaml::Node;

/// Why no component could be found; the texts are those of spec/benthos-streams-api.md §6.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("({line},1) {text}")]
pub struct InferError {
    /// Line of the object.
    pub line: u32,
    /// What is wrong.
    pub text: String,
}

/// Whether a key of a component's object is not the name of a component.
pub(crate) fn is_reserved(kind: Kind, key: &str) -> bool {
    match key {
        "type" => true,
        "label" => kind.has_label(),
        "processors" => kind.has_processors(),
        "mapping" => kind == Kind::Metrics,
        _ => false,
    }
}

/// The name of the component that `node` configures.
///
/// # Errors
/// When none or more than one is named.
pub fn infer(catalog: &Catalog, kind: Kind, node: &Node) -> Result<String, InferError> {
    let fail = |text: String| Err(InferError { line: node.line, text });
    let word = kind.name();
    let Some(entries) = node.entries() else {
        return fail(format!("invalid type {}, expected object", node.tag()));
    };
    if let Some(explicit) = node.get("type").and_then(|node| node.scalar()) {
        let name = &explicit.text;
        return match catalog.schema(kind, name) {
            Some(_) => Ok(name.clone()),
            None => fail(format!("{word} type '{name}' was not recognised")),
        };
    }
    let mut candidates: Vec<&str> =
        entries.iter().map(|e| &*e.key).filter(|key| !is_reserved(kind, key)).collect();
    let mut known = candidates.iter().filter(|key| catalog.schema(kind, key).is_some());
    match (known.next(), known.next()) {
        (Some(one), None) => Ok((*one).to_owned()),
        (Some(one), Some(other)) => {
            let (first, second) = (one.min(other), one.max(other));
            fail(format!(
                "unable to infer {word} type, multiple candidates '{first}' and '{second}'"
            ))
        }
        _ if candidates.is_empty() => fail(format!("an explicit {word} type must be specified")),
        _ => {
            candidates.sort_unstable();
            let list = candidates.join(" ");
            fail(format!("unable to infer {word} type from candidates: [{list}]"))
        }
    }
}

/// The part of a component's object that holds its own configuration.
pub(crate) fn config_of<'n>(node: &'n Node, name: &str) -> Option<&'n Arc<Node>> {
    node.get(name)
}

/// The label of a component's object; empty when it has none.
pub(crate) fn label_of(node: &Node) -> &str {
    node.get("label").and_then(|label| label.scalar()).map_or("", |scalar| &scalar.text)
}
