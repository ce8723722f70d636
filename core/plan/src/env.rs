//! What an instance gets from the shard it is built on.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use formats::k::K;
use serde::de::DeserializeOwned;

use crate::Json;
use crate::component::{Component, OperatorSpec, SinkSpec, SourceSpec};
use crate::drafts::{Drafts, Reader, Workshop};
use crate::expr::{Code, Expr, Form, Language};
use crate::fields::Part;
use crate::operator::Operator;
use crate::shared::{Cache, CacheSpec, RateLimit, RateLimitSpec};
use crate::sink::Sink;
use crate::source::Source;
use crate::state::{Scratch, StateBudget};

/// Why an instance could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct BuildError {
    /// What is wrong.
    pub text: String,
    /// Path of the component; empty when it is the one being built.
    pub path: String,
    /// Its label.
    pub label: String,
}

impl BuildError {
    /// An error of the component being built.
    pub fn new(text: impl Into<String>) -> Self {
        BuildError { text: text.into(), path: String::new(), label: String::new() }
    }
}

/// Everything that can be named in a plan.
#[derive(Default, Clone)]
pub struct Registry {
    /// Sources.
    pub sources: Vec<&'static SourceSpec>,
    /// Operators.
    pub operators: Vec<&'static OperatorSpec>,
    /// Sinks.
    pub sinks: Vec<&'static SinkSpec>,
    /// Languages of expressions.
    pub languages: Vec<&'static dyn Language>,
    /// Caches.
    pub caches: Vec<&'static CacheSpec>,
    /// Rate limits.
    pub rate_limits: Vec<&'static RateLimitSpec>,
    /// Scanners, buffers and what else is configured by name inside of or beside the above.
    pub parts: Vec<&'static Part>,
    /// Languages of components that are written while a pipeline runs.
    pub readers: Vec<&'static dyn Reader>,
}

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// Something failed.
    Error,
    /// Something looks wrong.
    Warn,
    /// Something worth knowing happened.
    Info,
    /// Detail for whoever looks for a fault.
    Debug,
    /// Every step.
    Trace,
}

/// A counter of one shard. Reading sums the cells of all shards.
#[derive(Clone, Debug, Default)]
pub struct Counter(pub Rc<Cell<u64>>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0.set(self.0.get().wrapping_add(n));
    }
}

/// A value of one shard that goes up and down. Reading takes the one that was set last on any
/// shard that has set it.
#[derive(Clone, Debug, Default)]
pub struct Gauge(pub Rc<Cell<f64>>);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }
}

/// Durations of one shard.
#[derive(Clone)]
pub struct Timing(pub Rc<dyn Fn(u64, u64)>);

impl Timing {
    /// Adds one of so many nanoseconds, so many times.
    pub fn record(&self, ns: u64, count: u64) {
        (self.0)(ns, count);
    }
}

/// Where a component, or a part of one, finds its series: all have its labels besides their own.
/// A series that is asked for again is the same one.
pub trait Meters {
    /// A counter.
    fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Counter;
    /// A value that goes up and down.
    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Gauge;
    /// Durations.
    fn timing(&self, name: &str, labels: &[(&str, &str)]) -> Timing;
}

/// Series that nobody looks at.
pub struct Unseen;

impl Meters for Unseen {
    fn counter(&self, _: &str, _: &[(&str, &str)]) -> Counter {
        Counter::default()
    }

    fn gauge(&self, _: &str, _: &[(&str, &str)]) -> Gauge {
        Gauge::default()
    }

    fn timing(&self, _: &str, _: &[(&str, &str)]) -> Timing {
        Timing(Rc::new(|_, _| ()))
    }
}

/// A request that arrived at a port of the process and waits for an answer.
#[derive(Debug)]
pub struct Request {
    /// Verb of an HTTP request; empty elsewhere.
    pub method: String,
    /// Path as requested, or the name that was called.
    pub path: String,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Header names in canonical case and their values.
    pub headers: Vec<(String, String)>,
    /// Address of the peer.
    pub remote: String,
    /// What it carries.
    pub payload: Payload,
    /// What the peer sends after a request that asks for another protocol than HTTP, until it sends
    /// no more. It comes once the answer has agreed with the status 101.
    pub incoming: Option<flume::Receiver<Bytes>>,
    /// How the connection is encrypted, where it is.
    pub encryption: Option<Arc<Encryption>>,
    /// Where the answer goes. Dropped without an answer, the peer is told that the service is
    /// unavailable.
    pub reply: flume::Sender<Response>,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The protocol, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Bytes of a body.
    Bytes(Bytes),
    /// A decoded value.
    Value(K),
}

/// The answer to a request.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// HTTP status; 200 when it went well.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body, or the text of an error.
    pub body: Vec<u8>,
    /// What follows the body, piece by piece, until its sender is dropped. Where the peer is gone
    /// nobody receives any more.
    pub rest: Option<flume::Receiver<Bytes>>,
}

/// Tells what comes to a port apart, where several instances of a plan share it.
pub trait Split {
    /// The pieces of what a request carries, each with the instance that it is for: at least one,
    /// at most one for each of the `instances`. What belongs to one partition stays in order and
    /// goes to one instance, which changes only with their number.
    fn split(&self, payload: Payload, instances: usize) -> Vec<(usize, Payload)>;
}

/// What a shard offers to everything that runs on it: time, randomness, surroundings, logs and
/// ports. All of it goes through here so that tests and the simulator control it.
pub trait Services {
    /// Monotonic nanoseconds.
    fn now_ns(&self) -> u64;
    /// Nanoseconds since the Unix epoch.
    fn wall_ns(&self) -> i128;
    /// Waits this many nanoseconds.
    fn sleep(&self, ns: u64) -> futures_util::future::LocalBoxFuture<'static, ()>;
    /// A random number.
    fn random(&self) -> u64;
    /// An environment variable of the process.
    fn env_var(&self, name: &str) -> Option<String>;
    /// A whole small file; for configuration, never for data.
    ///
    /// # Errors
    /// What the system says.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String>;
    /// Paths of the files in a folder and in those below it, without its own path in front, in
    /// order; for configuration, never for data. Links to folders are not followed.
    ///
    /// # Errors
    /// What the system says.
    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        Err(format!("open {folder}: folders cannot be read here"))
    }
    /// A document of another server, by its address; for configuration, never for data. While a
    /// pipeline is built, one that is not here is fetched, and the pipeline is built once more.
    ///
    /// # Errors
    /// It is not here, or could not be fetched.
    fn document(&self, address: &str) -> Result<Bytes, String> {
        Err(format!("Get \"{address}\": documents are fetched only while a pipeline is built"))
    }
    /// Name of the host.
    fn hostname(&self) -> String;
    /// Writes a log line with the component's fields. Never per message.
    fn log(&self, level: Log, text: &str, fields: &[(&str, &str)]);
    /// A count that is shared by everything in the process under one name and starts at 1
    /// (`count("name")`).
    fn count(&self, name: &str) -> u64;
    /// Opens a named port of the process (`http`, `/orders/post`): requests to it arrive at the
    /// receiver until it is dropped.
    ///
    /// # Errors
    /// There is no such kind of port here, or the name is taken.
    fn open_port(
        &self,
        kind: &str,
        name: &str,
        options: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError>;
    /// The same of a port that the instances of the plan share, where there may be several: each
    /// gets its share of every request. A request is done with when the sender of its reply is
    /// dropped: whoever takes it holds on to that until what became of it is delivered.
    ///
    /// # Errors
    /// As of [`Services::open_port`].
    fn open_shared_port(
        &self,
        kind: &str,
        name: &str,
        options: &Json,
        split: Rc<dyn Split>,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        let _ = split;
        self.open_port(kind, name, options)
    }
    /// Which instance of its plan this is, from 0 on, and of how many. Their number may change
    /// whenever nothing is on the way.
    fn worker(&self) -> (usize, usize) {
        (0, 1)
    }
    /// A variable of the pipeline that somebody may read from outside (`toVariable`).
    fn publish(&self, name: &str, value: K);
    /// Counts an error that no batch tells of: of what an operator held back, or of a batch that is
    /// done all the same and must not come again.
    fn failed(&self) {}
    /// Appends lines to the pipeline's console (kept: the last 1,000).
    fn console(&self, lines: &str);
    /// A line to a cache, for something that is shared and asks others, as [`Env::cache`].
    ///
    /// # Errors
    /// There is no such cache.
    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        Err(BuildError::new(format!("cache resource '{}' was not found", cache.label)))
    }
    /// A directory for what a source of the pipeline keeps until it is delivered. It is there as
    /// long as the pipeline is; `None` where nothing is kept.
    fn journal_dir(&self) -> Option<PathBuf> {
        None
    }
    /// How much state all operators may keep in memory.
    fn state_budget(&self) -> StateBudget {
        StateBudget::new(usize::MAX)
    }
    /// Room on disk for the state of one operator; none where everything stays in memory.
    fn scratch(&self) -> Option<Rc<dyn Scratch>> {
        None
    }
}

/// What a component gets while it is built.
pub trait Env {
    /// Builds an operator that belongs to this component.
    ///
    /// # Errors
    /// Those of the operator, with its path.
    fn operator(&self, component: &Component) -> Result<Box<dyn Operator>, BuildError>;
    /// Builds a source that belongs to this component.
    ///
    /// # Errors
    /// Those of the source, with its path.
    fn source(&self, component: &Component) -> Result<Box<dyn Source>, BuildError>;
    /// Builds a sink that belongs to this component.
    ///
    /// # Errors
    /// Those of the sink, with its path.
    fn sink(&self, component: &Component) -> Result<Box<dyn Sink>, BuildError>;
    /// Compiles an expression in the pipeline's environment of its language.
    ///
    /// # Errors
    /// What is wrong with the text.
    fn expr(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, BuildError>;
    /// The component being built.
    fn component(&self) -> &Component;
    /// What the shard offers.
    fn services(&self) -> Rc<dyn Services>;
    /// A line to a cache; the component is its definition, and its label names it.
    ///
    /// # Errors
    /// There is no such cache.
    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        Err(BuildError::new(format!("cache resource '{}' was not found", cache.label)))
    }
    /// A line to a rate limit; the component is its definition, and its label names it.
    ///
    /// # Errors
    /// There is no such rate limit.
    fn rate_limit(&self, limit: &Component) -> Result<Rc<dyn RateLimit>, BuildError> {
        Err(BuildError::new(format!("rate limit resource '{}' was not found", limit.label)))
    }
    /// What makes children of what users write while the component runs.
    ///
    /// # Errors
    /// Nothing can be made here.
    fn workshop(&self, drafts: &Drafts) -> Result<Rc<dyn Workshop>, BuildError> {
        let _ = drafts;
        Err(BuildError::new("components cannot be made here while others run"))
    }
    /// Where the component finds its series, or those of a part of it, such as `batching`, when
    /// one is named. Nobody looks at them unless the surroundings say otherwise.
    fn meters(&self, part: &str) -> Rc<dyn Meters> {
        let _ = part;
        Rc::new(Unseen)
    }
}

/// Reads a component's configuration into its type.
///
/// # Errors
/// What does not fit, by field.
pub fn read_config<T: DeserializeOwned>(config: &Json) -> Result<T, BuildError> {
    // An absent section means that every field has its default.
    let empty = Json::Object(serde_json::Map::new());
    let config = if config.is_null() { &empty } else { config };
    T::deserialize(config).map_err(|e| BuildError::new(e.to_string()))
}

/// A fault of the component being built.
#[must_use]
pub fn fault_of(component: &Component, text: impl Into<String>) -> Arc<crate::batch::Fault> {
    Arc::new(crate::batch::Fault {
        text: text.into(),
        name: component.name.clone(),
        label: component.label.clone(),
        path: component.path.clone(),
    })
}
