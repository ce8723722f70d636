//! Helpers of tests: processors built from configurations as users write them, on a shard that is
//! not there, with a clock that only moves by waiting.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use config::{Catalog, Kind, Resources};
use futures_util::FutureExt;
use plan::env::{Request, Services};
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{
    Batch, BuildError, Cache, Code, Component, Env, Expr, Form, Json, Language, Log, Operator,
    OperatorSpec, RateLimit, Records, Registry, Session, Sink, Source, serde_json,
};

/// The files that there are.
const FILES: &[(&str, &str)] = &[
    ("schemas/.hidden.proto", "this is no definition"),
    ("schemas/readme.txt", "nor is this"),
    ("schemas/pets/pet.proto", include_str!("protobuf/pet.proto")),
    ("broken/pet.proto", "syntax = \"proto3\"; message"),
];

/// A folder of ten thousand empty definitions, and one more.
const CROWDED: &str = "crowded";

/// What processors see of the process.
#[derive(Default)]
pub(crate) struct Shard {
    pub(crate) now_ns: Cell<u64>,
    pub(crate) logged: RefCell<Vec<String>>,
    counts: RefCell<std::collections::HashMap<String, u64>>,
    caches: RefCell<std::collections::HashMap<String, Rc<dyn Cache>>>,
}

impl Services for Shard {
    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }
    fn wall_ns(&self) -> i128 {
        i128::from(self.now_ns.get())
    }
    fn sleep(&self, ns: u64) -> plan::LocalBoxFuture<'static, ()> {
        self.now_ns.set(self.now_ns.get() + ns);
        Box::pin(std::future::ready(()))
    }
    fn random(&self) -> u64 {
        4
    }
    fn env_var(&self, _: &str) -> Option<String> {
        None
    }
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.starts_with(CROWDED) {
            return Ok(Vec::new());
        }
        let found = FILES.iter().find(|(known, _)| *known == path);
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| "no files".into())
    }
    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        if folder == CROWDED {
            return Ok((0..=10_000).map(|at| format!("{at}.proto")).collect());
        }
        let within = |path: &str| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        Ok(FILES.iter().filter_map(|(path, _)| within(path)).collect())
    }
    fn hostname(&self) -> String {
        "host".into()
    }
    fn log(&self, level: Log, text: &str, fields: &[(&str, &str)]) {
        self.logged.borrow_mut().push(format!("{level:?} {text} {fields:?}"));
    }
    fn count(&self, name: &str) -> u64 {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    }
    fn open_port(
        &self,
        _: &str,
        _: &str,
        _: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        Err(BuildError::new("no ports"))
    }
    fn publish(&self, _: &str, _: formats::k::K) {}
    fn console(&self, _: &str) {}
    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        if cache.name == "full" {
            return Ok(Rc::new(Full));
        }
        let found = crate::shared::CACHES.iter().find(|spec| spec.name == cache.name);
        let missing = || format!("cache resource '{}' was not found", cache.label);
        let spec = found.ok_or_else(|| BuildError::new(missing()))?;
        if let Some(known) = self.caches.borrow().get(&cache.label) {
            return Ok(Rc::clone(known));
        }
        let built = (spec.build)(&cache.config, Rc::new(Shard::default()))?;
        self.caches.borrow_mut().insert(cache.label.clone(), Rc::clone(&built));
        Ok(built)
    }
}

/// A cache in which nothing has room.
struct Full;

impl Cache for Full {
    fn run(&self, ops: Vec<CacheOp>) -> plan::LocalBoxFuture<'_, Vec<CacheResult>> {
        let one = |op| match op {
            CacheOp::Get { .. } => Err(CacheError::NotFound),
            _ => Err(CacheError::Other("no room".into())),
        };
        Box::pin(std::future::ready(ops.into_iter().map(one).collect()))
    }
}

/// Where processors of a test are built.
pub(crate) struct Setup {
    pub(crate) shard: Rc<Shard>,
    session: Rc<dyn Session>,
}

impl Default for Setup {
    fn default() -> Self {
        let shard = Rc::new(Shard::default());
        let session = bloblang::LANGUAGE.open(None, shard.clone()).ok().unwrap();
        Setup { shard, session: Rc::from(session) }
    }
}

struct ShardEnv {
    shard: Rc<Shard>,
    session: Rc<dyn Session>,
    component: Component,
}

impl Env for ShardEnv {
    fn operator(&self, component: &Component) -> Result<Box<dyn Operator>, BuildError> {
        let spec = crate::all().find(|spec| spec.name == component.name).unwrap();
        let (shard, session) = (self.shard.clone(), self.session.clone());
        let env = ShardEnv { shard, session, component: component.clone() };
        (spec.build)(&component.config, &env)
    }
    fn source(&self, _: &Component) -> Result<Box<dyn Source>, BuildError> {
        Err(BuildError::new("no sources"))
    }
    fn sink(&self, _: &Component) -> Result<Box<dyn Sink>, BuildError> {
        Err(BuildError::new("no sinks"))
    }
    fn expr(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, BuildError> {
        let schemas = bloblang::SCHEMAS.name();
        let compiled = match code.lang == schemas {
            true => {
                let session = bloblang::SCHEMAS.open(None, self.shard.clone());
                session.and_then(|session| session.compile(code, form))
            }
            false => self.session.compile(code, form),
        };
        compiled.map_err(|errors| BuildError::new(errors[0].message.clone()))
    }
    fn component(&self) -> &Component {
        &self.component
    }
    fn cache(&self, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        self.shard.cache(cache)
    }
    fn rate_limit(&self, limit: &Component) -> Result<Rc<dyn RateLimit>, BuildError> {
        let found = crate::shared::RATE_LIMITS.iter().find(|spec| spec.name == limit.name);
        let missing = || format!("rate limit resource '{}' was not found", limit.label);
        (found.ok_or_else(|| BuildError::new(missing()))?.build)(&limit.config, self.shard.clone())
    }
    fn services(&self) -> Rc<dyn Services> {
        self.shard.clone()
    }
}

/// What processors of a test may share.
fn shared() -> [(Kind, &'static str, Json); 2] {
    let words = serde_json::json!({"memory": {"init_values": {"greeting": "hello"}}});
    let slow = serde_json::json!({"local": {"count": 2, "interval": "1s"}});
    [(Kind::Cache, "words", words), (Kind::RateLimit, "slow", slow)]
}

thread_local! {
    static CATALOG: Catalog = Catalog::new(&Registry {
        operators: crate::all().collect(),
        caches: crate::shared::CACHES.to_vec(),
        rate_limits: crate::shared::RATE_LIMITS.to_vec(),
        languages: vec![&bloblang::LANGUAGE],
        ..Registry::default()
    });
}

impl Setup {
    /// Builds a processor from a configuration as users write it.
    pub(crate) fn try_build(
        &self,
        spec: &OperatorSpec,
        config: &str,
    ) -> Result<Box<dyn Operator>, BuildError> {
        let config: Json = serde_json::from_str(config).expect(config);
        let node = config::yaml::Node::from_json(&serde_json::json!({spec.name: config}));
        let component = CATALOG.with(|catalog| {
            let mut resources = Resources::new();
            for (kind, label, definition) in shared() {
                let node = config::yaml::Node::from_json(&definition);
                resources.set(kind, label, node.into()).unwrap();
            }
            let path = "root.pipeline.processors.0";
            config::lower_component(catalog, &resources, Kind::Processor, &node, path)
        });
        let component = component.map_err(|e| BuildError::new(e.to_string()))?;
        let (shard, session) = (self.shard.clone(), self.session.clone());
        let env = ShardEnv { shard, session, component: component.clone() };
        (spec.build)(&component.config, &env)
    }

    /// The same, for a configuration that is right.
    pub(crate) fn build(&self, spec: &OperatorSpec, config: &str) -> Box<dyn Operator> {
        self.try_build(spec, config).map_err(|e| format!("{config}: {e}")).unwrap()
    }

    /// Runs one batch of messages through a processor.
    pub(crate) fn run(&self, spec: &OperatorSpec, config: &str, input: &[&str]) -> Vec<Batch> {
        feed(&mut *self.build(spec, config), input)
    }
}

/// Runs one batch of messages through an operator, however often it yields.
pub(crate) fn feed(operator: &mut dyn Operator, input: &[&str]) -> Vec<Batch> {
    let bodies = input.iter().map(|text| text.as_bytes().to_vec());
    feed_batch(operator, Batch::records(Records::from_bodies(bodies)))
}

pub(crate) fn feed_batch(operator: &mut dyn Operator, batch: Batch) -> Vec<Batch> {
    const POLLS_MAX: usize = 10_000;
    let mut out = Vec::new();
    let mut step = operator.on_batch(batch, &mut out).finish().boxed_local();
    let result = (0..POLLS_MAX).find_map(|_| (&mut step).now_or_never());
    result.expect("the operator ends").unwrap();
    drop(step);
    out
}

/// The contents of messages.
pub(crate) fn texts(batches: &[Batch]) -> Vec<String> {
    let mut scratch = Vec::new();
    let mut texts = Vec::new();
    for records in batches.iter().filter_map(Batch::as_records) {
        for index in 0..records.recs.len() {
            let bytes = records.bytes(index, &mut scratch);
            texts.push(String::from_utf8_lossy(bytes).into_owned());
        }
    }
    texts
}

/// The texts of faults; empty where a message has none.
pub(crate) fn faults(batches: &[Batch]) -> Vec<String> {
    let records = batches.iter().filter_map(Batch::as_records).flat_map(|all| &all.recs);
    records.map(|rec| rec.fault.as_ref().map_or(String::new(), |f| f.text.clone())).collect()
}

/// How many messages each batch has.
pub(crate) fn sizes(batches: &[Batch]) -> Vec<usize> {
    batches.iter().map(Batch::len).collect()
}

/// What differs from the examples of a processor.
pub(crate) fn examples(spec: &OperatorSpec) -> Vec<String> {
    let mut wrong = Vec::new();
    if spec.examples.is_empty() {
        wrong.push(format!("{} has no example", spec.name));
    }
    for example in spec.examples {
        let got = texts(&Setup::default().run(spec, example.config, example.input));
        if got != example.output {
            let (name, title, want) = (spec.name, example.title, example.output);
            wrong.push(format!("{name}: {title}: expected {want:?}, got {got:?}"));
        }
    }
    wrong
}
