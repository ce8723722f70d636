//! Services of a process in which nothing happens: time stands still, nothing is random, there are
//! no files. What a mapping gives depends on its input alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bloblang::Setup;
use formats::k::K;
use plan::env::Request;
use plan::{BuildError, Json, Log, Services};

/// The point in time at which everything happens, in nanoseconds.
const NOW_NS: u64 = 1_700_000_000_123_456_789;

/// The services.
#[derive(Default)]
pub struct Still {
    counts: RefCell<HashMap<String, u64>>,
}

/// A setup with these services.
#[must_use]
pub fn setup() -> Setup {
    // What parses mappings for pipelines takes the working directory, too.
    let dir = std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned());
    Setup { services: Rc::new(Still::default()), dir: Rc::from(dir.unwrap_or_default()) }
}

impl Services for Still {
    fn now_ns(&self) -> u64 {
        NOW_NS
    }

    fn wall_ns(&self) -> i128 {
        i128::from(NOW_NS)
    }

    fn sleep(&self, _: u64) -> futures_util::future::LocalBoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> u64 {
        0x9e37_79b9_7f4a_7c15
    }

    fn env_var(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home".to_owned())
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("open {path}: no such file or directory"))
    }

    fn hostname(&self) -> String {
        "host".to_owned()
    }

    fn log(&self, _: Log, _: &str, _: &[(&str, &str)]) {}

    fn count(&self, name: &str) -> u64 {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        *count
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
