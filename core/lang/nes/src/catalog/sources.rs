//! Logical sources, which are schemas with names, and the physical sources that feed them.

use std::fmt;

use plan::Json;
use serde::{Deserialize, Serialize};

use crate::schema::{Field, Schema};
use crate::types::{Type, UINT64};

/// The logical source that is always there (spec/nes-rest.md §5).
pub const DEFAULT_LOGICAL: &str = "default_logical";
/// Most logical sources, and most physical ones.
pub(crate) const SOURCES_MAX: usize = 10_000;

/// A physical source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Physical {
    /// The logical source it feeds.
    pub logical: String,
    /// Its name.
    pub name: String,
    /// Its type, such as `CSV_SOURCE`.
    pub kind: String,
    /// The node that reads it.
    pub node: u64,
    /// Its configuration: an object.
    pub config: Json,
}

impl fmt::Display for Physical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Physical { logical, name, kind, node, .. } = self;
        write!(f, "physicalSource={name} type={kind} logicalSource={logical} on node={node}")
    }
}

/// Why the catalog was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// There is one of that name.
    Exists,
    /// There is none of that name.
    Missing,
    /// Physical sources feed it.
    InUse,
    /// There are [`SOURCES_MAX`] already.
    Full,
}

/// The sources of a coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceCatalog {
    logical: Vec<(String, Schema)>,
    physical: Vec<Physical>,
}

impl Default for SourceCatalog {
    fn default() -> Self {
        let id = Field::new("id", Type::Int { bits: 32, signed: false });
        let schema = Schema { fields: vec![id, Field::new("value", UINT64)] };
        SourceCatalog { logical: vec![(DEFAULT_LOGICAL.into(), schema)], physical: Vec::new() }
    }
}

impl SourceCatalog {
    /// A catalog without any source.
    #[must_use]
    pub fn empty() -> Self {
        SourceCatalog { logical: Vec::new(), physical: Vec::new() }
    }

    /// The logical sources in the order in which they were added.
    pub fn logical(&self) -> impl Iterator<Item = (&str, &Schema)> {
        self.logical.iter().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema of a logical source.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.logical.iter().find(|(n, _)| n == name).map(|(_, schema)| schema)
    }

    /// The physical sources of a logical one.
    #[must_use]
    pub fn physical(&self, logical: &str) -> Vec<&Physical> {
        self.physical.iter().filter(|p| p.logical == logical).collect()
    }

    /// All physical sources in the order in which they were added.
    #[must_use]
    pub fn all_physical(&self) -> &[Physical] {
        &self.physical
    }

    /// Removes the physical sources that are wanted; returns them with their places.
    pub fn remove_physical(
        &mut self,
        wanted: impl Fn(&Physical) -> bool,
    ) -> Vec<(usize, Physical)> {
        let all = std::mem::take(&mut self.physical).into_iter().enumerate();
        let (removed, kept): (Vec<_>, Vec<_>) = all.partition(|(_, source)| wanted(source));
        self.physical = kept.into_iter().map(|(_, source)| source).collect();
        removed
    }

    /// Puts physical sources back to the places from which they were removed.
    ///
    /// # Errors
    /// There is one of such a name now, or too many.
    pub fn put_back_physical(
        &mut self,
        removed: Vec<(usize, Physical)>,
    ) -> Result<(), SourceError> {
        for (at, source) in removed {
            self.add_physical(source)?;
            put_last_to(&mut self.physical, at);
        }
        Ok(())
    }

    /// Removes the physical sources of a node.
    pub fn remove_of(&mut self, node: u64) {
        self.physical.retain(|source| source.node != node);
    }

    /// Adds a logical source.
    ///
    /// # Errors
    /// There is one of that name, or too many.
    pub fn add(&mut self, name: &str, schema: Schema) -> Result<(), SourceError> {
        if self.schema(name).is_some() {
            return Err(SourceError::Exists);
        }
        if self.logical.len() >= SOURCES_MAX {
            return Err(SourceError::Full);
        }
        self.logical.push((name.to_owned(), schema));
        Ok(())
    }

    /// Adds a logical source or gives it another schema: what a configuration file says wins.
    ///
    /// # Errors
    /// There are too many.
    pub fn put(&mut self, name: &str, schema: Schema) -> Result<(), SourceError> {
        match self.update(name, schema.clone()) {
            Err(SourceError::Missing) => self.add(name, schema),
            done => done,
        }
    }

    /// Gives a logical source another schema.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn update(&mut self, name: &str, schema: Schema) -> Result<(), SourceError> {
        let found = self.logical.iter_mut().find(|(n, _)| n == name);
        let (_, old) = found.ok_or(SourceError::Missing)?;
        *old = schema;
        Ok(())
    }

    /// Removes a logical source; returns its place and schema.
    ///
    /// # Errors
    /// There is none of that name, or physical sources feed it.
    pub fn remove(&mut self, name: &str) -> Result<(usize, Schema), SourceError> {
        let at = self.logical.iter().position(|(n, _)| n == name).ok_or(SourceError::Missing)?;
        if self.physical.iter().any(|p| p.logical == name) {
            return Err(SourceError::InUse);
        }
        let (_, schema) = self.logical.remove(at);
        Ok((at, schema))
    }

    /// Puts a logical source back to the place from which it was removed.
    ///
    /// # Errors
    /// There is one of that name now, or too many.
    pub fn put_back(
        &mut self,
        name: &str,
        (at, schema): (usize, Schema),
    ) -> Result<(), SourceError> {
        self.add(name, schema)?;
        put_last_to(&mut self.logical, at);
        Ok(())
    }

    /// Adds a physical source. Its logical source need not be known yet.
    ///
    /// # Errors
    /// There is one of that name on that node, or too many.
    pub fn add_physical(&mut self, source: Physical) -> Result<(), SourceError> {
        let same = |p: &Physical| {
            p.logical == source.logical && p.name == source.name && p.node == source.node
        };
        if self.physical.iter().any(same) {
            return Err(SourceError::Exists);
        }
        if self.physical.len() >= SOURCES_MAX {
            return Err(SourceError::Full);
        }
        self.physical.push(source);
        Ok(())
    }
}

/// Moves the last of a list to a place, if that is still there.
pub(super) fn put_last_to<T>(list: &mut [T], at: usize) {
    if let Some(rest) = list.get_mut(at..) {
        rest.rotate_right(usize::from(!rest.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_added_changed_and_removed() {
        let mut catalog = SourceCatalog::default();
        assert_eq!(
            catalog.schema(DEFAULT_LOGICAL).unwrap().to_string(),
            "id:INTEGER(32 bits) value:INTEGER(64 bits)"
        );
        assert_eq!(catalog.add("a", Schema::default()), Ok(()));
        assert_eq!(catalog.add("a", Schema::default()), Err(SourceError::Exists));
        assert_eq!(catalog.update("b", Schema::default()), Err(SourceError::Missing));
        let physical = Physical {
            logical: "a".into(),
            name: "a1".into(),
            kind: "CSV_SOURCE".into(),
            node: 1,
            config: Json::Null,
        };
        assert!(physical.to_string().ends_with("on node=1"));
        assert_eq!(catalog.add_physical(physical.clone()), Ok(()));
        assert_eq!(catalog.add_physical(physical), Err(SourceError::Exists));
        assert_eq!(catalog.remove("a"), Err(SourceError::InUse));
        let before = catalog.clone();
        let removed = catalog.remove(DEFAULT_LOGICAL).unwrap();
        assert_eq!(catalog.remove(DEFAULT_LOGICAL), Err(SourceError::Missing));
        assert_eq!(catalog.put_back(DEFAULT_LOGICAL, removed.clone()), Ok(()));
        assert_eq!(catalog, before);
        assert_eq!(catalog.put_back(DEFAULT_LOGICAL, removed), Err(SourceError::Exists));
    }

    #[test]
    fn physical_sources_go_back_to_their_places() {
        let mut catalog = SourceCatalog::empty();
        for (logical, name) in [("a", "1"), ("a", "2"), ("b", "1"), ("b", "3")] {
            let (logical, name, kind) = (logical.into(), name.into(), "CSV_SOURCE".into());
            let source = Physical { logical, name, kind, node: 1, config: Json::Null };
            catalog.add_physical(source).unwrap();
        }
        let before = catalog.clone();
        let removed = catalog.remove_physical(|source| source.name == "1");
        assert_eq!((removed.len(), catalog.all_physical().len()), (2, 2));
        assert_eq!(catalog.put_back_physical(removed.clone()), Ok(()));
        assert_eq!(catalog, before);
        assert_eq!(catalog.put_back_physical(removed), Err(SourceError::Exists));
        assert_eq!(catalog, before);
        // Where others went meanwhile, it is the last.
        let mut few = catalog.remove_physical(|_| true);
        assert_eq!(few.remove(0).0, 0);
        assert_eq!(catalog.put_back_physical(few), Ok(()));
        assert_eq!(catalog.all_physical().len(), 3);
    }

    #[test]
    fn sources_are_limited() {
        let mut catalog = SourceCatalog::empty();
        for i in 0..SOURCES_MAX {
            catalog.logical.push((i.to_string(), Schema::default()));
        }
        assert_eq!(catalog.add("x", Schema::default()), Err(SourceError::Full));
    }
}
