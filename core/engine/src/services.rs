//! What a shard offers to the components of one pipeline.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, RwLock};

use bytes::Bytes;
use formats::k::K;
use plan::env::Request;
use plan::{Bell, BuildError, Documents, Json, Log, Scratch, Services, Split, StateBudget};

use crate::api::{CONSOLE_LINES_MAX, Key, PortEvent};
use crate::crew::CrewPorts;
use crate::journals;
use crate::scratch::{SCRATCH_BYTES_MAX, ScratchFile, StateRoom};

/// Requests that wait at a port before its senders are refused.
pub(crate) const PORT_QUEUE_MAX: usize = 1024;
/// Longest file that belongs to a configuration or is read by a mapping, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Longest name of a host, in bytes; Linux has 64.
const HOSTNAME_BYTES_MAX: u64 = 4096;
/// Most variables a pipeline may publish.
const VARIABLES_MAX: usize = 1024;
/// Most names that may be counted in a process.
const COUNT_NAMES_MAX: usize = 65_536;

/// Counts by name, for the whole process (spec/benthos-components.md §A.10). The lock is taken
/// once per name and instance; counting itself is atomic.
static COUNTS: LazyLock<Counts> = LazyLock::new(Counts::default);

/// Who is told of the ports that the pipelines of a shard open.
#[derive(Default)]
pub(crate) struct Openings {
    /// The number of the shard.
    pub(crate) shard: usize,
    pub(crate) listeners: Vec<flume::Sender<PortEvent>>,
}

/// The services of one pipeline on one shard.
pub(crate) struct InstanceServices {
    key: Key,
    ports: Rc<Openings>,
    /// What keeps the opened ports open.
    open: RefCell<Vec<flume::Sender<Request>>>,
    counts: RefCell<HashMap<String, Arc<AtomicU64>>>,
    console: RefCell<VecDeque<String>>,
    variables: RefCell<HashMap<String, K>>,
    /// Errors that no batch has told of.
    errors: Cell<u64>,
    /// Variables of the environment that go before those of the process; of a name that comes
    /// twice the last counts.
    environment: Vec<(String, String)>,
    documents: RefCell<Arc<Documents>>,
    state: RefCell<Option<StateRoom>>,
    journals: RefCell<Option<Arc<PathBuf>>>,
    /// By the names that the plan and its language give them.
    bells: RefCell<HashMap<String, Bell>>,
    /// The document that was asked for and is not there.
    wanted: RefCell<Option<String>>,
    /// Ports that are shared with other instances.
    crew: RefCell<CrewPorts>,
}

impl InstanceServices {
    pub(crate) fn new(key: Key, ports: Rc<Openings>) -> Rc<Self> {
        InstanceServices::within(key, ports, Vec::new())
    }

    /// The services of a pipeline that sees other variables than the process.
    pub(crate) fn within(
        key: Key,
        ports: Rc<Openings>,
        environment: Vec<(String, String)>,
    ) -> Rc<Self> {
        Rc::new(InstanceServices {
            key,
            ports,
            environment,
            open: RefCell::default(),
            counts: RefCell::default(),
            console: RefCell::default(),
            variables: RefCell::default(),
            errors: Cell::default(),
            documents: RefCell::default(),
            state: RefCell::default(),
            journals: RefCell::default(),
            bells: RefCell::default(),
            wanted: RefCell::default(),
            crew: RefCell::default(),
        })
    }

    /// Hands out these documents from here on.
    pub(crate) fn give_documents(&self, documents: &Arc<Documents>) {
        *self.documents.borrow_mut() = Arc::clone(documents);
    }

    /// What operators keep in memory is counted there, and the rest goes there.
    pub(crate) fn give_state(&self, room: StateRoom) {
        *self.state.borrow_mut() = Some(room);
    }

    /// What sources must not lose is kept below there.
    pub(crate) fn give_journals(&self, dir: Option<Arc<PathBuf>>) {
        *self.journals.borrow_mut() = dir;
    }

    /// Its place among the instances of its plan.
    pub(crate) fn give_crew(&self, crew: CrewPorts) {
        *self.crew.borrow_mut() = crew;
    }

    /// Looks at the ports that are shared.
    pub(crate) fn crew<T>(&self, look: impl FnOnce(&CrewPorts) -> T) -> T {
        look(&self.crew.borrow())
    }

    /// The document that was asked for and is not there, when one was.
    pub(crate) fn wanted(&self) -> Option<String> {
        self.wanted.take()
    }

    /// Closes the ports. Requests that wait there are dropped, which tells their senders.
    pub(crate) fn close_ports(&self) {
        self.open.borrow_mut().clear();
    }

    pub(crate) fn console_lines(&self) -> VecDeque<String> {
        self.console.borrow().clone()
    }

    /// Errors that operators have counted themselves.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.get()
    }

    pub(crate) fn variable(&self, name: &str) -> Option<K> {
        self.variables.borrow().get(name).cloned()
    }
}

#[derive(Default)]
struct Counts(RwLock<HashMap<String, Arc<AtomicU64>>>);

impl Counts {
    /// The count of this name; none when there are too many.
    fn cell(&self, name: &str) -> Option<Arc<AtomicU64>> {
        let read = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(cell) = read.get(name) {
            return Some(Arc::clone(cell));
        }
        drop(read);
        let mut write = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if write.len() >= COUNT_NAMES_MAX && !write.contains_key(name) {
            return None;
        }
        Some(Arc::clone(write.entry(name.to_owned()).or_default()))
    }
}

impl Services for InstanceServices {
    fn now_ns(&self) -> u64 {
        rt::now().0
    }

    fn wall_ns(&self) -> i128 {
        i128::from(rt::wall())
    }

    fn random(&self) -> u64 {
        rt::rng::next_u64()
    }

    fn sleep(&self, ns: u64) -> plan::LocalBoxFuture<'static, ()> {
        Box::pin(rt::sleep(std::time::Duration::from_nanos(ns)))
    }

    fn env_var(&self, name: &str) -> Option<String> {
        let own = self.environment.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }

    fn journal_dir(&self) -> Option<PathBuf> {
        let dir = self.journals.borrow();
        dir.as_ref().map(|dir| journals::of(dir, &self.key))
    }

    fn bell(&self, name: &str) -> Bell {
        self.bells.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    fn state_budget(&self) -> StateBudget {
        let budget = self.state.borrow().as_ref().map(|room| room.budget.clone());
        budget.unwrap_or_else(|| StateBudget::new(usize::MAX))
    }

    fn scratch(&self) -> Option<Rc<dyn Scratch>> {
        let dir = Arc::clone(&self.state.borrow().as_ref()?.dir);
        Some(Rc::new(ScratchFile::new(dir, SCRATCH_BYTES_MAX)))
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        rt::file::load(path, FILE_BYTES_MAX).map_err(|e| e.to_string())
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        rt::file::below(folder).map_err(|error| format!("open {folder}: {error}"))
    }

    fn document(&self, address: &str) -> Result<Bytes, String> {
        match self.documents.borrow().get(address) {
            Some(document) => document.clone(),
            None => {
                *self.wanted.borrow_mut() = Some(address.to_owned());
                Err(format!(
                    "Get \"{address}\": documents are fetched only before a pipeline starts"
                ))
            }
        }
    }

    fn hostname(&self) -> String {
        let name = rt::file::load("/proc/sys/kernel/hostname", HOSTNAME_BYTES_MAX);
        String::from_utf8_lossy(&name.unwrap_or_default()).trim_end().to_owned()
    }

    fn log(&self, level: Log, text: &str, fields: &[(&str, &str)]) {
        let stream = Some(&*self.key.id).filter(|stream| !stream.is_empty());
        // As JSON, which whoever writes the log takes apart.
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let extra = Json::Object(pairs.collect()).to_string();
        match level {
            Log::Error => tracing::error!(stream, fields = extra, "{text}"),
            Log::Warn => tracing::warn!(stream, fields = extra, "{text}"),
            Log::Info => tracing::info!(stream, fields = extra, "{text}"),
            Log::Debug => tracing::debug!(stream, fields = extra, "{text}"),
            Log::Trace => tracing::trace!(stream, fields = extra, "{text}"),
        }
    }

    fn count(&self, name: &str) -> u64 {
        let mut counts = self.counts.borrow_mut();
        if let Some(cell) = counts.get(name) {
            return cell.fetch_add(1, Ordering::Relaxed) + 1;
        }
        match COUNTS.cell(name) {
            Some(cell) => {
                let value = cell.fetch_add(1, Ordering::Relaxed) + 1;
                counts.insert(name.to_owned(), cell);
                value
            }
            None => 0,
        }
    }

    fn open_port(
        &self,
        kind: &str,
        name: &str,
        options: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        let (sender, receiver) = flume::bounded(PORT_QUEUE_MAX);
        let options = Arc::new(options.clone());
        for listener in &self.ports.listeners {
            let event = PortEvent {
                kind: kind.to_owned(),
                name: name.to_owned(),
                options: Arc::clone(&options),
                sender: sender.downgrade(),
                key: self.key.clone(),
                shard: self.ports.shard,
            };
            // A front end that is gone serves no ports.
            let _ = listener.send(event);
        }
        let mut open = self.open.borrow_mut();
        // Those of components that are gone are needed no more.
        open.retain(|sender| !sender.is_disconnected());
        open.push(sender);
        Ok(receiver)
    }

    fn open_shared_port(
        &self,
        kind: &str,
        name: &str,
        options: &Json,
        split: Rc<dyn Split>,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        self.crew.borrow().open(split, || self.open_port(kind, name, options))
    }

    fn worker(&self) -> (usize, usize) {
        self.crew.borrow().worker()
    }

    fn publish(&self, name: &str, value: K) {
        let mut variables = self.variables.borrow_mut();
        if variables.len() < VARIABLES_MAX || variables.contains_key(name) {
            variables.insert(name.to_owned(), value);
        } else {
            self.log(Log::Error, "the pipeline publishes too many variables", &[("name", name)]);
        }
    }

    fn failed(&self) {
        self.errors.set(self.errors.get() + 1);
    }

    fn console(&self, lines: &str) {
        let mut console = self.console.borrow_mut();
        for line in lines.lines() {
            if console.len() == CONSOLE_LINES_MAX {
                console.pop_front();
            }
            console.push_back(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_counted_are_bounded() {
        let counts = Counts::default();
        for number in 0..COUNT_NAMES_MAX {
            assert!(counts.cell(&number.to_string()).is_some(), "{number}");
        }
        assert!(counts.cell("one more").is_none());
        assert!(counts.cell("7").is_some());
    }

    #[test]
    fn files_have_a_limit_and_folders_say_where_they_are() {
        let services = InstanceServices::new(Key::new("a", "b"), Rc::default());
        let path = std::env::temp_dir().join(format!("mainstem-services-{}", std::process::id()));
        let name = path.display().to_string();
        let file = std::fs::File::create(&path).unwrap();
        assert_eq!(services.read_file(&name).unwrap(), b"");
        // Of a length without content, so it takes no room.
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        let longer = services.read_file(&name).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(longer, format!("the file is longer than {FILE_BYTES_MAX} bytes"));
        assert!(services.read_file(&name).unwrap_err().starts_with("No such file"));
        let missing = services.files_below(&name).unwrap_err();
        assert!(missing.starts_with(&format!("open {name}: No such file")), "{missing}");
        assert!(!services.hostname().is_empty());
    }

    #[test]
    fn errors_that_no_batch_tells_of_are_counted() {
        let services = InstanceServices::new(Key::new("a", "b"), Rc::default());
        services.failed();
        services.failed();
        assert_eq!(services.errors(), 2);
    }

    #[test]
    fn variables_of_a_pipeline_are_bounded() {
        let services = InstanceServices::new(Key::new("a", "b"), Rc::default());
        for number in 0..=VARIABLES_MAX {
            services.publish(&number.to_string(), K::int(1));
        }
        services.publish("0", K::int(2));
        assert_eq!(services.variable("0"), Some(K::int(2)));
        assert!(services.variable(&(VARIABLES_MAX - 1).to_string()).is_some());
        assert!(services.variable(&VARIABLES_MAX.to_string()).is_none());
    }

    #[test]
    fn requests_that_wait_at_a_port_are_bounded() {
        let (told, opened) = flume::unbounded();
        let ports = Openings { shard: 3, listeners: vec![told] };
        let services = InstanceServices::new(Key::new("a", "b"), Rc::new(ports));
        let waiting = services.open_port("http", "/x", &Json::Null).unwrap();
        let opened = opened.recv().unwrap();
        assert_eq!(opened.shard, 3);
        let port = opened.sender.upgrade().unwrap();
        let request = || Request {
            method: String::new(),
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            remote: String::new(),
            payload: plan::env::Payload::Bytes(bytes::Bytes::new()),
            incoming: None,
            encryption: None,
            reply: flume::bounded(1).0,
        };
        for number in 0..PORT_QUEUE_MAX {
            assert!(port.try_send(request()).is_ok(), "{number}");
        }
        assert!(port.try_send(request()).is_err());
        drop(waiting.recv());
        assert!(port.try_send(request()).is_ok());
    }
}
