//! The journal of the pipeline table: what must be back after the process is killed.

use std::collections::BTreeMap;
use std::sync::Arc;

use plan::Json;
use serde::{Deserialize, Serialize};

use crate::api::{Key, PipelineSpec, State};

/// One change of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A pipeline was put.
    Put {
        /// It.
        spec: Arc<PipelineSpec>,
        /// Nanoseconds since the Unix epoch at which a pipeline of this name was first put, as
        /// text because JSON numbers end earlier.
        created: String,
    },
    /// A pipeline ended and stays in the table.
    Ended {
        /// It.
        key: Key,
        /// How.
        state: State,
    },
    /// A pipeline was removed.
    Removed(Key),
    /// A front end's document was put.
    Document(Key, Json),
    /// A front end's document was removed.
    DocumentRemoved(Key),
}

/// What is known of a pipeline from before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) created: String,
    pub(crate) ended: Option<State>,
}

/// The table as the journal tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) pipelines: BTreeMap<Key, Stored>,
    pub(crate) documents: BTreeMap<Key, Json>,
}

impl Table {
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Put { spec, created } => {
                let key = spec.key.clone();
                self.pipelines.insert(key, Stored { spec, created, ended: None });
            }
            Entry::Ended { key, state } => {
                if let Some(stored) = self.pipelines.get_mut(&key) {
                    stored.ended = Some(state);
                }
            }
            Entry::Removed(key) => drop(self.pipelines.remove(&key)),
            Entry::Document(key, document) => drop(self.documents.insert(key, document)),
            Entry::DocumentRemoved(key) => drop(self.documents.remove(&key)),
        }
    }

    /// The shortest journal that tells the same.
    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for stored in self.pipelines.values() {
            let (spec, created) = (Arc::clone(&stored.spec), stored.created.clone());
            let key = spec.key.clone();
            entries.push(Entry::Put { spec, created });
            if let Some(state) = stored.ended.clone() {
                entries.push(Entry::Ended { key, state });
            }
        }
        let documents = self.documents.iter();
        entries.extend(documents.map(|(k, d)| Entry::Document(k.clone(), d.clone())));
        entries
    }
}

/// What an entry replaced, to put back when it could not be written.
pub(crate) enum Undo {
    Pipeline(Key, Option<Stored>),
    Document(Key, Option<Json>),
}

impl Table {
    fn before(&self, entry: &Entry) -> Undo {
        let pipeline = |key: &Key| Undo::Pipeline(key.clone(), self.pipelines.get(key).cloned());
        match entry {
            Entry::Put { spec, .. } => pipeline(&spec.key),
            Entry::Ended { key, .. } | Entry::Removed(key) => pipeline(key),
            Entry::Document(key, _) | Entry::DocumentRemoved(key) => {
                Undo::Document(key.clone(), self.documents.get(key).cloned())
            }
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Pipeline(key, Some(stored)) => drop(self.pipelines.insert(key, stored)),
            Undo::Pipeline(key, None) => drop(self.pipelines.remove(&key)),
            Undo::Document(key, Some(document)) => drop(self.documents.insert(key, document)),
            Undo::Document(key, None) => drop(self.documents.remove(&key)),
        }
    }
}

/// The journal on disk, and the table it tells.
pub(crate) struct Journal {
    disk: rt::storage::Journal,
    table: Table,
    appended: usize,
}

/// Changes after which a journal may be rewritten, when it also tells far more than the table.
const REWRITE_MIN: usize = 1024;
/// How many times longer than needed the journal may get.
const REWRITE_FACTOR: usize = 4;
/// Name of the log in the state directory.
const LOG_NAME: &str = "pipelines";

impl Journal {
    /// Opens the journal and reads what it tells.
    ///
    /// # Errors
    /// What the system says; or a record that is whole on disk and does not read as an entry: the
    /// journal is of another version or was tampered with, and starting over would lose pipelines.
    pub(crate) async fn open(storage: &rt::storage::StorageHandle) -> Result<Self, String> {
        let opened = storage.open_journal(LOG_NAME).await;
        let (disk, replay) = opened.map_err(|e| e.to_string())?;
        if replay.torn > 0 {
            tracing::warn!(bytes = replay.torn, "The journal had a torn tail, which was cut off");
        }
        let mut table = Table::default();
        for (number, record) in replay.records.iter().enumerate() {
            let entry = serde_json::from_slice(record)
                .map_err(|e| format!("record {number} of the journal: {e}"))?;
            table.apply(entry);
        }
        Ok(Journal { disk, table, appended: replay.records.len() })
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Makes a change part of the table and returns what makes it durable: await that before
    /// telling anybody, and undo the change when it fails.
    pub(crate) fn append(
        &mut self,
        entry: Entry,
    ) -> (Undo, impl Future<Output = Result<(), String>> + use<>) {
        let record = serde_json::to_vec(&entry);
        let undo = self.table.before(&entry);
        self.table.apply(entry);
        self.appended += 1;
        let needed = self.table.pipelines.len() + self.table.documents.len();
        let rewrite = self.appended > REWRITE_MIN && self.appended > needed * REWRITE_FACTOR;
        let rewritten = rewrite.then(|| {
            self.appended = needed;
            let entries = self.table.entries();
            entries.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()
        });
        let disk = self.disk.clone();
        let durable = async move {
            let text = |e: serde_json::Error| e.to_string();
            if let Some(records) = rewritten {
                return disk.rewrite(records.map_err(text)?).await.map_err(|e| e.to_string());
            }
            disk.append(record.map_err(text)?).await.map_err(|e| e.to_string())
        };
        (undo, durable)
    }

    /// Takes back a change that could not be made durable.
    pub(crate) fn undo(&mut self, undo: Undo) {
        self.table.undo(undo);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(id: &str) -> Entry {
        let spec = PipelineSpec {
            key: Key::new("o", id),
            name: id.to_owned(),
            document: Json::Null,
            plan: Arc::default(),
        };
        Entry::Put { spec: Arc::new(spec), created: "1".to_owned() }
    }

    #[test]
    fn a_table_and_its_entries_tell_the_same() {
        let mut table = Table::default();
        for entry in [
            put("a"),
            put("b"),
            Entry::Removed(Key::new("o", "a")),
            Entry::Ended { key: Key::new("o", "b"), state: State::Failed("x".into()) },
            Entry::Document(Key::new("o", "d"), Json::Bool(true)),
            Entry::Document(Key::new("o", "e"), Json::Null),
            Entry::DocumentRemoved(Key::new("o", "e")),
        ] {
            let text = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<Entry>(&text).unwrap(), entry);
            table.apply(entry);
        }
        let mut again = Table::default();
        table.entries().into_iter().for_each(|e| again.apply(e));
        assert_eq!(again, table);
        assert_eq!(table.pipelines.len(), 1);
        assert_eq!(table.documents.len(), 1);
    }
}
