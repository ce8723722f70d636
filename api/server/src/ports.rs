//! Ports that pipelines opened: requests to them leave the front end for a shard.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use engine::PortEvent;
use plan::Json;

use crate::dialects::benthos::OWNER;

/// Most ports of a kind that are kept; those of pipelines that are gone make room for new ones.
pub const PORTS_MAX: usize = 100_000;
/// Most open ports of one name that are kept; one more takes the place of the oldest.
pub const SAME_NAME_MAX: usize = 1000;
/// Different options of ports that are kept once.
const OPTIONS_MAX: usize = 16;

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

/// Whether the pipeline that opened a port is still there.
fn is_open(port: &Arc<PortEvent>) -> bool {
    port.sender.upgrade().is_some()
}

/// The ports that were opened under one name, oldest first.
#[derive(Default)]
struct Stack(Vec<Arc<PortEvent>>);

impl Stack {
    /// The port that requests go to: the newest that is open, so that the one before is there
    /// again when the newest is gone; without any, the last that was.
    fn current(&self) -> Option<&Arc<PortEvent>> {
        self.0.iter().rev().find(|port| is_open(port)).or(self.0.last())
    }

    /// Adds a port; gives the open one of another pipeline whose requests it takes over.
    fn push(&mut self, port: &Arc<PortEvent>) -> Option<Arc<PortEvent>> {
        self.0.retain(is_open);
        if self.0.len() >= SAME_NAME_MAX {
            let oldest = self.0.remove(0);
            let (kind, name, pipeline) = (&*port.kind, &*port.name, &*oldest.key.id);
            tracing::warn!(kind, name, pipeline, "A pipeline of too many with one name is cut off");
        }
        // A pipeline that is replaced has its name twice for a moment.
        let other = self.0.iter().rev().find(|other| other.key != port.key).cloned();
        self.0.push(Arc::clone(port));
        other
    }
}

/// The ports of one kind, by name. A port stays known when its pipeline is gone, because Benthos
/// answers 503 there and never 404 again (spec/benthos-streams-api.md §8).
#[derive(Default)]
struct Known {
    ports: HashMap<String, Stack>,
    /// The names with variables in them, such as `/orders/{id}`.
    patterns: BTreeSet<String>,
}

impl Known {
    /// The port of exactly this name, or else of a name whose variables stand for parts of it.
    fn find(&self, name: &str) -> Option<&Arc<PortEvent>> {
        let pattern = || self.patterns.iter().find(|pattern| fits(pattern, name));
        self.ports.get(name).or_else(|| self.ports.get(pattern()?))?.current()
    }

    /// Adds a port; gives the one of another pipeline that had the name, see [`Stack::push`].
    fn insert(&mut self, name: String, port: &Arc<PortEvent>) -> Option<Arc<PortEvent>> {
        if self.ports.len() >= PORTS_MAX {
            self.ports.retain(|_, stack| stack.0.iter().any(is_open));
            self.patterns.retain(|name| self.ports.contains_key(name));
        }
        if name.contains('{') {
            self.patterns.insert(name.clone());
        }
        self.ports.entry(name).or_default().push(port)
    }
}

/// Ports by their kind, of which there are few.
#[derive(Default)]
struct Kinds {
    kinds: HashMap<String, Known>,
    /// What ports say of themselves: the same for many.
    options: Vec<Arc<Json>>,
}

impl Kinds {
    fn insert(&mut self, mut port: PortEvent, naming: &Naming) {
        match self.options.iter().find(|known| **known == port.options) {
            Some(known) => port.options = Arc::clone(known),
            None if self.options.len() < OPTIONS_MAX => {
                self.options.push(Arc::clone(&port.options));
            }
            None => {}
        }
        let (names, port) = (naming(&port), Arc::new(port));
        let known = self.kinds.entry(port.kind.clone()).or_default();
        let mut other = None;
        for name in names {
            other = known.insert(name, &port).or(other);
        }
        if let Some(other) = other {
            let (kind, name, pipeline) = (&*port.kind, &*port.name, &*port.key.id);
            let before = &*other.key.id;
            tracing::warn!(
                kind,
                name,
                pipeline,
                before,
                "Two pipelines have the same name open: requests go to the newer one"
            );
        }
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
    kinds: Mutex<Kinds>,
    naming: Naming,
}

impl Ports {
    /// The ports, and where the engine tells of new ones.
    #[must_use]
    pub fn new(naming: Naming) -> (Self, flume::Sender<PortEvent>) {
        let (sender, news) = flume::unbounded();
        (Ports { news, kinds: Mutex::default(), naming }, sender)
    }

    fn with<T>(&self, look: impl FnOnce(&Kinds) -> T) -> T {
        let mut kinds = self.kinds.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for port in self.news.try_iter() {
            kinds.insert(port, &self.naming);
        }
        look(&kinds)
    }

    /// Takes the news in. Called with every request, so that they cannot pile up where nobody
    /// asks for a port.
    pub fn refresh(&self) {
        self.with(|_| ());
    }

    /// The port of this kind and name; variables in a port's name stand for parts of the path.
    pub fn find(&self, kind: &str, name: &str) -> Option<Arc<PortEvent>> {
        self.with(|all| all.kinds.get(kind)?.find(name).cloned())
    }

    /// All ports of a kind, ordered by name.
    pub fn all(&self, kind: &str) -> Vec<Arc<PortEvent>> {
        let known = |all: &Kinds| {
            let stacks = all.kinds.get(kind)?.ports.values();
            Some(stacks.filter_map(|stack| stack.current().cloned()).collect())
        };
        let mut ports: Vec<_> = self.with(known).unwrap_or_default();
        ports.sort_by(|a: &Arc<PortEvent>, b| a.name.cmp(&b.name));
        ports
    }
}

#[cfg(test)]
mod tests {
    use engine::Key;

    use super::*;

    fn port(kind: &str, owner: &str, name: &str) -> PortEvent {
        let (sender, _) = flume::bounded(1);
        PortEvent {
            kind: kind.to_owned(),
            name: name.to_owned(),
            options: Arc::default(),
            sender: sender.downgrade(),
            key: Key::new(owner, "a"),
            shard: 0,
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
        let find = |path: &str| ports.find("http", path).map(|port| port.name.clone());
        assert_eq!(find("/a/v1/bob/things").as_deref(), Some("/v1/{who}/things"));
        assert_eq!(find("/benthos/a/v1/b%20b/things").as_deref(), Some("/v1/{who}/things"));
        assert_eq!(find("/a/v1/all/things").as_deref(), Some("/v1/all/things"));
        for path in ["/a/v1/things", "/a/v1//things", "/a/v1/bob/things/", "/v1/bob/things"] {
            assert_eq!(find(path), None, "{path}");
        }
        assert!(ports.find("ipc", "/a/v1/bob/things").is_none());
    }

    #[test]
    fn ports_of_pipelines_that_are_gone_make_room_when_there_are_many() {
        let (ports, news) = Ports::new(plain(""));
        let (sender, _requests) = flume::bounded(1);
        let open = PortEvent { sender: sender.downgrade(), ..port("http", "streams", "/open") };
        news.send(open).unwrap();
        for number in 1..PORTS_MAX {
            news.send(port("http", "streams", &format!("/{number}/{{x}}"))).unwrap();
        }
        assert_eq!(ports.all("http").len(), PORTS_MAX);
        news.send(port("http", "streams", "/last")).unwrap();
        let names: Vec<_> = ports.all("http").iter().map(|port| port.name.clone()).collect();
        assert_eq!(names, ["/last", "/open"]);
        assert!(ports.find("http", "/1/x").is_none());
    }

    /// A port of a pipeline, which is open for as long as the pipeline's end of it is held.
    fn open(id: &str) -> (PortEvent, flume::Sender<plan::env::Request>) {
        let (sender, _) = flume::bounded(1);
        let key = Key::new("pipelines", id);
        (PortEvent { sender: sender.downgrade(), key, ..port("ipc", "", "upd") }, sender)
    }

    #[test]
    fn after_the_newest_port_of_a_name_comes_the_one_before() {
        let (ports, news) = Ports::new(plain(""));
        let called = || ports.find("ipc", "upd").map(|port| port.key.id.to_string());
        let [(first, a), (second, b), (third, c)] = ["a", "b", "c"].map(open);
        for port in [first, second, third] {
            news.send(port).unwrap();
        }
        assert_eq!(called().as_deref(), Some("c"), "the newest");
        drop(b);
        assert_eq!(called().as_deref(), Some("c"));
        drop(c);
        assert_eq!(called().as_deref(), Some("a"), "the newest that is there");
        assert_eq!(ports.all("ipc").len(), 1, "it is one name");
        let (fourth, d) = open("d");
        news.send(fourth).unwrap();
        assert_eq!(called().as_deref(), Some("d"));
        drop((a, d));
        assert_eq!(called().as_deref(), Some("d"), "it stays known as the last");
        assert!(ports.find("ipc", "upd").is_some_and(|port| port.sender.upgrade().is_none()));
    }

    #[test]
    fn a_name_is_taken_from_another_pipeline_only_while_that_is_there() {
        let mut stack = Stack::default();
        let mut push = |port: PortEvent| {
            let taken = stack.push(&Arc::new(port));
            (taken.map(|port| port.key.id.to_string()), stack.0.len())
        };
        let [(a1, _a1), (a2, _a2), (b, keep_b), (c, _c)] = ["a", "a", "b", "c"].map(open);
        assert_eq!(push(a1), (None, 1));
        assert_eq!(push(a2), (None, 2), "a pipeline that is being replaced");
        assert_eq!(push(b), (Some("a".to_owned()), 3));
        drop(keep_b);
        assert_eq!(push(c), (Some("a".to_owned()), 3), "what is gone makes room");
    }

    #[test]
    fn ports_of_one_name_have_a_limit() {
        let (ports, news) = Ports::new(plain(""));
        let mut held: Vec<_> = (0..=SAME_NAME_MAX)
            .map(|number| {
                let (port, sender) = open(&number.to_string());
                news.send(port).unwrap();
                sender
            })
            .collect();
        let called = || ports.find("ipc", "upd").map(|port| port.key.id.to_string());
        assert_eq!(called(), Some(SAME_NAME_MAX.to_string()));
        held.truncate(2);
        assert_eq!(called().as_deref(), Some("1"));
        held.truncate(1);
        assert_eq!(called(), Some(SAME_NAME_MAX.to_string()), "the oldest was cut off");
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
