//! Services of the process itself, for tools and tests that run no engine: lints, `blobl`, the
//! conformance adapter.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use formats::k::K;
use plan::env::Request;
use plan::{BuildError, Json, Log, Services};

use crate::exec::Setup;

/// Clock, environment and files of the process; logs and consoles go nowhere.
#[derive(Default)]
pub struct Local {
    random: Cell<u64>,
    /// Variables that go before those of the process; of a name that comes twice the last counts.
    variables: Vec<(String, String)>,
}

thread_local! {
    /// Counts outlive the services of one mapping: they belong to the process, which for tools is
    /// one thread.
    static COUNTS: RefCell<HashMap<String, u64>> = RefCell::default();
}

impl Local {
    /// A setup with these services, for mappings that belong to no file.
    #[must_use]
    pub fn setup() -> Setup {
        Local::setup_in(Path::new(""), Vec::new())
    }

    /// A setup for the mapping of a file in `dir`, with variables besides those of the process.
    #[must_use]
    pub fn setup_in(dir: &Path, variables: Vec<(String, String)>) -> Setup {
        // Threads that start at once must not draw the same.
        let random = Cell::new(RandomState::new().hash_one(0_u64));
        let dir = match dir.as_os_str().is_empty() {
            true => working_dir(),
            false => Path::new(&*working_dir()).join(dir).to_string_lossy().into(),
        };
        Setup { services: Rc::new(Local { random, variables }), dir }
    }
}

/// The working directory of the process, which relative imports start from.
pub(crate) fn working_dir() -> Rc<str> {
    let dir = std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned());
    Rc::from(dir.unwrap_or_default())
}

impl Services for Local {
    fn now_ns(&self) -> u64 {
        self.wall_ns() as u64
    }

    fn wall_ns(&self) -> i128 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128)
    }

    fn sleep(&self, ns: u64) -> plan::LocalBoxFuture<'static, ()> {
        // Nothing here runs beside the caller, so the thread itself waits.
        std::thread::sleep(std::time::Duration::from_nanos(ns));
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> u64 {
        // A step of splitmix64.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn env_var(&self, name: &str) -> Option<String> {
        let own = self.variables.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|e| e.to_string())
    }

    fn hostname(&self) -> String {
        let read = |path| std::fs::read_to_string(path).ok();
        let name = read("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    }

    fn log(&self, _: Log, _: &str, _: &[(&str, &str)]) {}

    fn count(&self, name: &str) -> u64 {
        COUNTS.with_borrow_mut(|counts| {
            let count = counts.entry(name.to_owned()).or_insert(0);
            *count += 1;
            *count
        })
    }

    fn open_port(
        &self,
        kind: &str,
        _: &str,
        _: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        Err(BuildError::new(format!("there are no {kind} ports here")))
    }

    fn publish(&self, _: &str, _: K) {}

    fn console(&self, _: &str) {}
}
