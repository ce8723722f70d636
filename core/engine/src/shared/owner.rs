//! What a shard offers to what it owns: what it offers to everybody, and lines to the caches of all
//! shards.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use formats::k::K;
use plan::env::Request;
use plan::{BuildError, Cache, Component, Json, LocalBoxFuture, Log, Services};

use super::{InnerLine, SharedParts};

/// The services of an owner.
pub(super) struct Owner {
    pub(super) services: Rc<dyn Services>,
    pub(super) parts: Weak<SharedParts>,
}

impl Services for Owner {
    fn now_ns(&self) -> u64 {
        self.services.now_ns()
    }

    fn wall_ns(&self) -> i128 {
        self.services.wall_ns()
    }

    fn sleep(&self, ns: u64) -> LocalBoxFuture<'static, ()> {
        self.services.sleep(ns)
    }

    fn random(&self) -> u64 {
        self.services.random()
    }

    fn env_var(&self, name: &str) -> Option<String> {
        self.services.env_var(name)
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.services.read_file(path)
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        self.services.files_below(folder)
    }

    fn hostname(&self) -> String {
        self.services.hostname()
    }

    fn log(&self, level: Log, text: &str, fields: &[(&str, &str)]) {
        self.services.log(level, text, fields);
    }

    fn count(&self, name: &str) -> u64 {
        self.services.count(name)
    }

    fn open_port(
        &self,
        kind: &str,
        name: &str,
        options: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        self.services.open_port(kind, name, options)
    }

    fn publish(&self, name: &str, value: K) {
        self.services.publish(name, value);
    }

    fn console(&self, lines: &str) {
        self.services.console(lines);
    }

    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        let (parts, to) = (Weak::clone(&self.parts), Arc::new(cache.clone()));
        Ok(Rc::new(InnerLine { parts, to }))
    }
}
