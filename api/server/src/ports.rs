//! Ports that pipelines opened: requests to them leave the front end for a shard.

use std::collections::HashMap;
use std::sync::Mutex;

use engine::PortEvent;

/// Most ports kept; ports of pipelines that are gone make room for new ones.
pub const PORTS_MAX: usize = 100_000;

#[derive(Default)]
struct Known {
    /// By kind and name. A port stays known when its pipeline is gone, because Benthos answers 503
    /// there and never 404 again (spec/benthos-streams-api.md §8).
    ports: HashMap<(String, String), PortEvent>,
}

/// What is known of open ports. The news is taken in whenever somebody looks, so that a port is
/// there as soon as the call that created its pipeline is answered.
pub struct Ports {
    news: flume::Receiver<PortEvent>,
    known: Mutex<Known>,
}

impl Ports {
    /// The ports, and where the engine tells of new ones.
    #[must_use]
    pub fn new() -> (Self, flume::Sender<PortEvent>) {
        let (sender, news) = flume::unbounded();
        (Ports { news, known: Mutex::default() }, sender)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for port in self.news.try_iter() {
            if known.ports.len() >= PORTS_MAX {
                known.ports.retain(|_, port| !port.sender.is_disconnected());
            }
            known.ports.insert((port.kind.clone(), port.name.clone()), port);
        }
        look(&mut known)
    }

    /// The port of this kind and name.
    pub fn find(&self, kind: &str, name: &str) -> Option<PortEvent> {
        self.with(|known| known.ports.get(&(kind.to_owned(), name.to_owned())).cloned())
    }

    /// All ports of a kind, ordered by name.
    pub fn all(&self, kind: &str) -> Vec<PortEvent> {
        let mut ports: Vec<PortEvent> =
            self.with(|known| known.ports.values().filter(|p| p.kind == kind).cloned().collect());
        ports.sort_by(|a, b| a.name.cmp(&b.name));
        ports
    }
}
