//! Streams there have ever been: their `/{id}/ready` stays when they are gone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use engine::api::PIPELINES_MAX;
use plan::{Plan, Role};

/// Most ids kept; those of streams that are gone make room.
const SEEN_MAX: usize = PIPELINES_MAX;

/// An input or output by its label and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) label: String,
    pub(super) path: String,
}

#[derive(Default)]
struct Known {
    /// By id: what stood at the edges of the last stream of it, and whether that is still there.
    streams: BTreeMap<String, (Vec<Edge>, bool)>,
    last: Option<String>,
}

/// All streams there have been.
#[derive(Default)]
pub(super) struct Seen(Mutex<Known>);

impl Seen {
    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What of a plan is shown when it is gone.
    pub(super) fn shown(&self, plan: &Plan) -> Vec<Edge> {
        let edges = plan.nodes.iter().filter(|node| node.role != Role::Operator);
        edges
            .map(|node| Edge {
                label: node.component.label.clone(),
                path: node.component.path.clone(),
            })
            .collect()
    }

    /// Notes a stream.
    pub(super) fn put(&self, id: &str, plan: &Plan) {
        self.put_shown(id, self.shown(plan));
    }

    /// Notes a stream by what is shown of it.
    pub(super) fn put_shown(&self, id: &str, shown: Vec<Edge>) {
        self.with(|known| {
            if known.streams.len() >= SEEN_MAX && !known.streams.contains_key(id) {
                known.streams.retain(|_, (_, there)| *there);
            }
            known.streams.insert(id.to_owned(), (shown, true));
            known.last = Some(id.to_owned());
        });
    }

    /// Notes that a stream is gone.
    pub(super) fn gone(&self, id: &str) {
        self.with(|known| {
            if let Some((_, there)) = known.streams.get_mut(id) {
                *there = false;
            }
        });
    }

    /// Whether there has been a stream of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.with(|known| known.streams.contains_key(id))
    }

    /// What stood at the edges of the last stream of this id.
    pub(super) fn edges(&self, id: &str) -> Vec<Edge> {
        self.with(|known| known.streams.get(id).map(|(shown, _)| shown.clone()).unwrap_or_default())
    }

    /// The ids, in order.
    pub(super) fn ids(&self) -> Vec<String> {
        self.with(|known| known.streams.keys().cloned().collect())
    }

    /// The id of the stream that was put last.
    pub(super) fn last(&self) -> Option<String> {
        self.with(|known| known.last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_gone_make_room() {
        let seen = Seen::default();
        for i in 0..SEEN_MAX {
            seen.put_shown(&i.to_string(), Vec::new());
        }
        seen.gone("7");
        assert!(seen.has("7"));
        seen.put_shown("new", Vec::new());
        assert!(!seen.has("7") && seen.has("8") && seen.has("new"));
        assert_eq!(seen.ids().len(), SEEN_MAX);
        assert_eq!(seen.last().as_deref(), Some("new"));
    }
}
