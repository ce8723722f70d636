//! Ports that pipelines opened: requests to them leave the front end for a shard.

use std::collections::{BTreeSet, HashMap};
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
    /// The names with variables in them, such as `/orders/{id}`.
    patterns: BTreeSet<(String, String)>,
}

impl Known {
    /// The port of exactly this name, or else of a name whose variables stand for parts of it.
    fn find(&self, kind: &str, name: &str) -> Option<&PortEvent> {
        let key = (kind.to_owned(), name.to_owned());
        let fits = |(of, pattern): &&(String, String)| of == kind && fits(pattern, name);
        self.ports.get(&key).or_else(|| self.ports.get(self.patterns.iter().find(fits)?))
    }

    fn insert(&mut self, name: String, port: PortEvent) {
        let key = (port.kind.clone(), name);
        if key.1.contains('{') {
            self.patterns.insert(key.clone());
        }
        self.ports.insert(key, port);
    }
}

/// Whether a path fits a pattern part by part; a variable stands for one part that is not empty.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => {
                let variable = wanted.starts_with('{') && wanted.ends_with('}');
                let fits = if variable { !given.is_empty() } else { wanted == given };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
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
                known.ports.retain(|_, port| port.sender.upgrade().is_some());
                let Known { ports, patterns } = &mut *known;
                patterns.retain(|key| ports.contains_key(key));
            }
            for name in (self.naming)(&port) {
                known.insert(name, port.clone());
            }
        }
        look(&mut known)
    }

    /// Takes the news in. Called with every request, so that they cannot pile up where nobody
    /// asks for a port.
    pub fn refresh(&self) {
        self.with(|_| ());
    }

    /// The port of this kind and name; variables in a port's name stand for parts of the path.
    pub fn find(&self, kind: &str, name: &str) -> Option<PortEvent> {
        self.with(|known| known.find(kind, name).cloned())
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

    fn port(kind: &str, owner: &str, name: &str) -> PortEvent {
        let (sender, _) = flume::bounded(1);
        PortEvent {
            kind: kind.to_owned(),
            name: name.to_owned(),
            options: Json::Null,
            sender: sender.downgrade(),
            key: Key::new(owner, "a"),
        }
    }

    fn names(naming: &Naming, kind: &str, owner: &str) -> Vec<String> {
        naming(&port(kind, owner, "/in"))
    }

    #[test]
    fn variables_stand_for_parts_of_a_path() {
        let (ports, news) = Ports::new(by_stream(true));
        for name in ["/v1/{who}/things", "/v1/all/things"] {
            news.send(port("http", "streams", name)).unwrap();
        }
        let find = |path: &str| ports.find("http", path).map(|port| port.name);
        assert_eq!(find("/a/v1/bob/things").as_deref(), Some("/v1/{who}/things"));
        assert_eq!(find("/benthos/a/v1/b%20b/things").as_deref(), Some("/v1/{who}/things"));
        assert_eq!(find("/a/v1/all/things").as_deref(), Some("/v1/all/things"));
        for path in ["/a/v1/things", "/a/v1//things", "/a/v1/bob/things/", "/v1/bob/things"] {
            assert_eq!(find(path), None, "{path}");
        }
        assert!(ports.find("ipc", "/a/v1/bob/things").is_none());
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
