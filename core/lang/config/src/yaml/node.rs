//! The tree of a configuration document, with the place of every node.

use std::sync::Arc;

use plan::Json;
use plan::serde_json::Map;

use super::scalar::{Scalar, Tag};

/// One node of a document. Aliases share the node they stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line, from 1; 0 when it has no place in a text.
    pub line: u32,
    /// Column of its first character, from 1; 0 when it has no place in a text.
    pub column: u32,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Seq(Vec<Item>),
    /// Keys and values in the order they were written; a key may stand there more than once, and
    /// then the last one counts.
    Map(Vec<Entry>),
}

/// A node in its parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The node.
    pub node: Arc<Node>,
    /// Whether it stands here by an alias or a merge key; such nodes are not linted again.
    pub alias: bool,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text.
    pub key: Arc<str>,
    /// Line of the key.
    pub line: u32,
    /// Column of the key.
    pub column: u32,
    /// The value.
    pub value: Item,
}

impl Node {
    /// A node without a place that holds nothing, as an empty document does.
    #[must_use]
    pub fn nothing() -> Self {
        Node { line: 0, column: 0, data: Data::Scalar(Scalar::null()) }
    }

    /// The short name of its type, as messages show it: `!!map`, `!!str`, ...
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match &self.data {
            Data::Map(_) => "!!map",
            Data::Seq(_) => "!!seq",
            Data::Scalar(scalar) => scalar.tag.name(),
        }
    }

    /// Whether it is a null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Item]> {
        match &self.data {
            Data::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The single value.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The value of `key`: the last one when it was written several times.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        let entries = self.entries()?;
        entries.iter().rev().find(|entry| &*entry.key == key).map(|entry| &entry.value.node)
    }

    /// The document as JSON: keys sorted, of equal keys the last. Integers stay integers and a
    /// number beyond both 64-bit integers and doubles becomes its text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.data {
            Data::Scalar(scalar) => scalar.to_json(),
            Data::Seq(items) => Json::Array(items.iter().map(|i| i.node.to_json()).collect()),
            Data::Map(entries) => {
                let mut sorted: Vec<&Entry> = entries.iter().collect();
                sorted.sort_by(|a, b| a.key.cmp(&b.key));
                let pairs = sorted.into_iter().map(|e| (e.key.to_string(), e.value.node.to_json()));
                Json::Object(pairs.collect::<Map<String, Json>>())
            }
        }
    }

    /// A document that was never a text: all its nodes have line 0.
    #[must_use]
    pub fn from_json(json: &Json) -> Self {
        Node::from_json_at(json, 0, 0)
    }

    /// A document that was made from what stands at a place: all its nodes have that place.
    #[must_use]
    pub fn from_json_at(json: &Json, line: u32, column: u32) -> Self {
        let item = |json: &Json| Item {
            node: Arc::new(Node::from_json_at(json, line, column)),
            alias: false,
        };
        let entry = |(key, value): (&String, &Json)| Entry {
            key: Arc::from(key.as_str()),
            line,
            column,
            value: item(value),
        };
        let data = match json {
            Json::Array(items) => Data::Seq(items.iter().map(item).collect()),
            Json::Object(members) => Data::Map(members.iter().map(entry).collect()),
            single => Data::Scalar(Scalar::from_json(single)),
        };
        Node { line, column, data }
    }
}
