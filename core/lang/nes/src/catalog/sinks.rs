//! Sinks that statements created, by name.

use plan::Span;
use serde::{Deserialize, Serialize};

use super::sources::{SOURCES_MAX, put_last_to};
use crate::schema::Schema;
use crate::sql::{Component, Settings};

/// Most sinks.
pub const SINKS_MAX: usize = SOURCES_MAX;

/// A sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SinkEntry {
    /// Its name.
    pub name: String,
    /// The columns it takes.
    pub schema: Schema,
    /// Its type in upper case, such as `FILE`.
    pub kind: String,
    /// What is set.
    pub settings: Settings,
}

impl SinkEntry {
    /// The sink as a query names it at a place.
    pub(crate) fn component(&self, span: Span) -> Component {
        Component { kind: self.kind.clone(), settings: self.settings.clone(), span }
    }
}

/// The sinks of a coordinator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SinkCatalog {
    sinks: Vec<SinkEntry>,
}

impl SinkCatalog {
    /// The sinks in the order in which they were added.
    #[must_use]
    pub fn all(&self) -> &[SinkEntry] {
        &self.sinks
    }

    /// The sink of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SinkEntry> {
        self.sinks.iter().find(|sink| sink.name == name)
    }

    /// Adds a sink; false when there is one of that name or there are too many.
    pub fn add(&mut self, sink: SinkEntry) -> bool {
        let free = self.get(&sink.name).is_none() && self.sinks.len() < SINKS_MAX;
        if free {
            self.sinks.push(sink);
        }
        free
    }

    /// Removes a sink; returns it with its place, if there is one of that name.
    pub fn remove(&mut self, name: &str) -> Option<(usize, SinkEntry)> {
        let at = self.sinks.iter().position(|sink| sink.name == name)?;
        Some((at, self.sinks.remove(at)))
    }

    /// Puts a sink back to the place from which it was removed; false when there is one of that
    /// name now or there are too many.
    pub fn put_back(&mut self, (at, sink): (usize, SinkEntry)) -> bool {
        let added = self.add(sink);
        if added {
            put_last_to(&mut self.sinks, at);
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(name: &str) -> SinkEntry {
        SinkEntry {
            name: name.to_owned(),
            schema: Schema::default(),
            kind: "FILE".to_owned(),
            settings: Settings::default(),
        }
    }

    #[test]
    fn sinks_are_added_removed_and_limited() {
        let mut catalog = SinkCatalog::default();
        assert!(catalog.add(sink("a")) && !catalog.add(sink("a")));
        assert!(catalog.add(sink("b")));
        let before = catalog.clone();
        let removed = catalog.remove("a").unwrap();
        assert_eq!(catalog.remove("a"), None);
        assert!(catalog.put_back(removed.clone()) && !catalog.put_back(removed));
        assert_eq!(catalog, before);
        for n in 0..SINKS_MAX {
            catalog.sinks.push(sink(&n.to_string()));
        }
        assert!(!catalog.add(sink("x")));
    }
}
