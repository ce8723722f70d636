//! Ports that pipelines opened: requests to them leave the front end for a shard.

use std::collections::HashMap;
use std::sync::Mutex;

use engine::PortEvent;

use crate::dialects::benthos::OWNER;

/// Most ports kept; ports of pipelines that are gone make room for new ones.
pub const PORTS_MAX: usize = 100_000;

/// The names under which a port is found, given the one its pipeline chose.
pub type Naming = Box<dyn Fn(&PortEvent) -> Vec<String> + Send + Sync>;

/// Kind of ports that are paths of the REST front end.
const HTTP: &str = "http";

/// A path, and the same under a root that begins with a slash or is empty.
fn twice(root: &str, path: String) -> Vec<String> {
    match root.trim_end_matches('/') {
        "" => vec![path],
        root => vec![format!("{root}{path}"), path],
    }
}

/// Paths stand for themselves, and a second time under `root`: how a single pipeline shows them.
#[must_use]
pub fn plain(root: &str) -> Naming {
    let root = root.to_owned();
    Box::new(move |port| match &*port.kind {
        HTTP => twice(&root, port.name.clone()),
        _ => vec![port.name.clone()],
    })
}

/// Streams mode below the usual root: see [`by_stream_below`].
#[must_use]
pub fn by_stream(prefixed: bool) -> Naming {
    by_stream_below(prefixed, "/benthos")
}

/// Streams mode: paths of streams begin with the stream's id unless `prefixed` says otherwise, and
/// are found a second time under `root`; everything else stands for itself
/// (spec/benthos-streams-api.md §8).
#[must_use]
pub fn by_stream_below(prefixed: bool, root: &str) -> Naming {
    let root = root.to_owned();
    Box::new(move |port| match &*port.kind {
        HTTP if &*port.key.owner == OWNER => match (prefixed, &*port.key.id) {
            (true, id) if !id.is_empty() => twice(&root, format!("/{id}{}", port.name)),
            _ => twice(&root, port.name.clone()),
        },
        _ => vec![port.name.clone()],
    })
}

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
    naming: Naming,
}

impl Ports {
    /// The ports, and where the engine tells of new ones.
    #[must_use]
    pub fn new(naming: Naming) -> (Self, flume::Sender<PortEvent>) {
        let (sender, news) = flume::unbounded();
        (Ports { news, known: Mutex::default(), naming }, sender)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for port in self.news.try_iter() {
            if known.ports.len() >= PORTS_MAX {
                known.ports.retain(|_, port| !port.sender.is_disconnected());
            }
            for name in (self.naming)(&port) {
                known.ports.insert((port.kind.clone(), name), port.clone());
            }
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

#[cfg(test)]
mod tests {
    use engine::Key;
    use plan::Json;

    use super::*;

    fn names(naming: &Naming, kind: &str, owner: &str) -> Vec<String> {
        let (sender, _) = flume::bounded(1);
        naming(&PortEvent {
            kind: kind.to_owned(),
            name: "/in".to_owned(),
            options: Json::Null,
            sender,
            key: Key::new(owner, "a"),
        })
    }

    #[test]
    fn paths_are_named_after_their_stream_and_a_second_time_under_the_root() {
        let naming = by_stream(true);
        assert_eq!(names(&naming, "http", "streams"), ["/benthos/a/in", "/a/in"]);
        assert_eq!(names(&naming, "http", "others"), ["/in"]);
        assert_eq!(names(&naming, "ipc", "streams"), ["/in"]);
        assert_eq!(names(&by_stream_below(true, "/"), "http", "streams"), ["/a/in"]);
        assert_eq!(names(&by_stream(false), "http", "streams"), ["/benthos/in", "/in"]);
        assert_eq!(names(&plain("/benthos"), "http", "streams"), ["/benthos/in", "/in"]);
        assert_eq!(names(&plain(""), "http", "streams"), ["/in"]);
        assert_eq!(names(&plain("/benthos"), "ipc", "streams"), ["/in"]);
    }
}
