//! Components that are defined once under a label and used in several places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plan::Json;
use plan::serde_json::json;

use crate::catalog::{Catalog, Kind, RESOURCE_KINDS};
use crate::infer::label_of;
use crate::lint::root_resource_kind;
use crate::lower::InitError;
use crate::lower::logical::may_depend_on_batches;
use crate::yaml::Node;

/// A resource: its definition and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) node: Arc<Node>,
    pub(crate) path: String,
}

/// Most resources that may be known at a time.
const RESOURCES_MAX: usize = 100_000;

/// The resources that a stream may use, by kind and label.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    known: BTreeMap<(Kind, String), Resource>,
}

impl Resources {
    /// No resources.
    #[must_use]
    pub fn new() -> Self {
        Resources::default()
    }

    /// Adds or replaces a resource.
    ///
    /// # Errors
    /// When there are too many.
    pub fn set(&mut self, kind: Kind, label: &str, node: Arc<Node>) -> Result<(), String> {
        let path = format!("root.{}_resources", kind.name());
        self.put(kind, label, Resource { node, path })
    }

    fn put(&mut self, kind: Kind, label: &str, resource: Resource) -> Result<(), String> {
        let key = (kind, label.to_owned());
        if self.known.len() >= RESOURCES_MAX && !self.known.contains_key(&key) {
            return Err(format!("there may be {RESOURCES_MAX} resources at most"));
        }
        self.known.insert(key, resource);
        Ok(())
    }

    /// Adds the resources of a document: lists under `cache_resources` and so on.
    ///
    /// # Errors
    /// A resource without a label, or a label that is taken.
    pub fn add_document(&mut self, document: &Node) -> Result<(), String> {
        for entry in document.entries().unwrap_or_default() {
            let Some(kind) = root_resource_kind(&entry.key) else { continue };
            for (at, item) in entry.value.node.items().unwrap_or_default().iter().enumerate() {
                let label = label_of(&item.node);
                let word = kind.name();
                if label.is_empty() {
                    let line = item.node.line;
                    return Err(format!("({line},1) {word} resource has an empty label"));
                }
                if self.has(kind, label) {
                    return Err(format!("{word} resource label '{label}' collides"));
                }
                let path = format!("root.{word}_resources.{at}");
                self.put(kind, label, Resource { node: Arc::clone(&item.node), path })?;
            }
        }
        Ok(())
    }

    /// Whether there is such a resource.
    #[must_use]
    pub fn has(&self, kind: Kind, label: &str) -> bool {
        self.known.contains_key(&(kind, label.to_owned()))
    }

    /// All labels of a kind.
    pub fn labels(&self, kind: Kind) -> impl Iterator<Item = &str> {
        debug_assert!(RESOURCE_KINDS.contains(&kind), "there are no resources of this kind");
        self.known.keys().filter(move |(k, _)| *k == kind).map(|(_, label)| label.as_str())
    }

    /// What is another one here than there, or only in one of them.
    #[must_use]
    pub fn differing(&self, other: &Resources) -> Vec<(Kind, String)> {
        let same = |key: &(Kind, String)| match (self.known.get(key), other.known.get(key)) {
            (Some(here), Some(there)) => here.node.to_json() == there.node.to_json(),
            _ => false,
        };
        let keys: BTreeSet<_> = self.known.keys().chain(other.known.keys()).collect();
        keys.into_iter().filter(|key| !same(key)).cloned().collect()
    }

    /// The resources as they are when these have become what they are elsewhere.
    ///
    /// # Errors
    /// One that does not fit.
    pub fn followed(
        &self,
        catalog: &Catalog,
        elsewhere: &Resources,
        changed: &[(Kind, String)],
    ) -> Result<Resources, InitError> {
        let mut known = self.known.clone();
        for key in changed {
            match elsewhere.known.get(key) {
                Some(resource) => known.insert(key.clone(), resource.clone()),
                None => known.remove(key),
            };
        }
        let now = Resources { known };
        let there = changed.iter().filter_map(|key| Some((key.0, elsewhere.known.get(key)?)));
        for (kind, resource) in there {
            crate::check_resource(catalog, &now, kind, &resource.node)?;
        }
        Ok(now)
    }

    /// Whether a processor among them can tell one batch from another.
    pub(super) fn depend_on_batches(&self) -> bool {
        let processors = self.known.iter().filter(|((kind, _), _)| *kind == Kind::Processor);
        processors.map(|(_, resource)| &resource.node).any(|node| may_depend_on_batches(node))
    }

    /// All of them as data, which [`Resources::from_json`] reads.
    pub(crate) fn to_json(&self) -> Json {
        let one = |((kind, label), resource): (&(Kind, String), &Resource)| {
            json!([kind.name(), label, resource.path, resource.node.to_json()])
        };
        self.known.iter().map(one).collect()
    }

    /// Resources from data; what is none is left out.
    pub(crate) fn from_json(json: &Json) -> Self {
        let one = |item: &Json| {
            let text = |at: usize| Some(item.get(at)?.as_str()?.to_owned());
            let node = Arc::new(Node::from_json(item.get(3)?));
            Some(((Kind::of(&text(0)?)?, text(1)?), Resource { node, path: text(2)? }))
        };
        let items = json.as_array().into_iter().flatten().take(RESOURCES_MAX);
        Resources { known: items.filter_map(one).collect() }
    }

    pub(crate) fn get(&self, kind: Kind, label: &str) -> Option<&Resource> {
        self.known.get(&(kind, label.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_resources_and_no_more() {
        let mut resources = Resources::new();
        let node = Arc::new(Node::nothing());
        for n in 0..RESOURCES_MAX {
            assert_eq!(resources.set(Kind::Cache, &n.to_string(), Arc::clone(&node)), Ok(()));
        }
        let more = resources.set(Kind::Cache, "more", Arc::clone(&node));
        assert_eq!(more, Err(format!("there may be {RESOURCES_MAX} resources at most")));
        assert_eq!(resources.set(Kind::Cache, "7", node), Ok(()), "one may be replaced");
    }
}
