//! Durable pipelines in a whole engine: what they go on from, and when that is forgotten.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use arrow_array::UInt64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use engine::{CheckpointError, Engine, EngineConfig, EngineHandle, Key, PipelineSpec, PutMode};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use plan::serde_json::json;
use plan::{
    Batch, Class, Columns, Component, Data, DataType, Env, Fault, Field, Json, LocalBoxFuture,
    Operator, OperatorError, Plan, Registry, Role, Schema, Sink, SinkError, Source, SourceContext,
    SourceError, Spec, Step,
};
use rt::testing::TempDir;

/// What a test tells a source, and what it hears.
struct Feed {
    numbers: (flume::Sender<u64>, flume::Receiver<u64>),
    acked: AtomicUsize,
    /// What arrived, by the name of the sink.
    arrived: Mutex<BTreeMap<String, Vec<u64>>>,
    /// Whether states are refused.
    refuses: AtomicBool,
}

static FEEDS: LazyLock<Mutex<BTreeMap<String, Arc<Feed>>>> = LazyLock::new(Mutex::default);

fn feed(name: &str) -> Arc<Feed> {
    let new = || Feed {
        numbers: flume::unbounded(),
        acked: AtomicUsize::new(0),
        arrived: Mutex::default(),
        refuses: AtomicBool::new(false),
    };
    FEEDS.lock().unwrap().entry(name.to_owned()).or_insert_with(|| Arc::new(new())).clone()
}

fn columns(number: u64) -> Columns {
    let schema = Schema { fields: vec![Field { name: "n".into(), ty: DataType::U64 }] };
    Columns::new(Arc::new(schema), vec![Arc::new(UInt64Array::from(vec![number]))])
}

fn numbers(batch: &Batch) -> Vec<u64> {
    let Data::Columns(columns) = &batch.data else { panic!("columns") };
    columns.arrays[0].as_primitive::<UInt64Type>().values().to_vec()
}

/// Emits the numbers that it is told.
struct Fed(Arc<Feed>);

impl Source for Fed {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            loop {
                let next = self.0.numbers.1.recv_async();
                let Either::Right((Ok(number), _)) = select(context.stopping(), next).await else {
                    return Err(SourceError::Stopped);
                };
                let emitted = context.emit(Batch::new(Data::Columns(columns(number)))).await?;
                let feed = Arc::clone(&self.0);
                rt::spawn(async move {
                    if emitted.outcome().await.is_ok() {
                        feed.acked.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        })
    }
}

/// Adds up what it sees.
struct Total(Arc<Feed>, u64);

impl Operator for Total {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.1 += numbers(&batch).iter().sum::<u64>();
        out.push(batch.with_data(Data::Columns(columns(self.1))));
        Step::Done(Ok(()))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(Some(self.1.to_le_bytes().to_vec()))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        if self.0.refuses.load(Ordering::Relaxed) {
            return Err(OperatorError::new("it is of another version"));
        }
        self.1 = u64::from_le_bytes(state.try_into().unwrap());
        Ok(())
    }
}

struct Collect(Arc<Feed>, String);

impl Sink for Collect {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        let mut arrived = self.0.arrived.lock().unwrap();
        arrived.entry(self.1.clone()).or_default().extend(numbers(batch));
        Box::pin(async { Ok(()) })
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

fn named(config: &Json, key: &str) -> String {
    config[key].as_str().unwrap_or_default().to_owned()
}

static FED: plan::SourceSpec =
    Spec::undocumented("fed", |c: &Json, _: &dyn Env| Ok(Box::new(Fed(feed(&named(c, "feed"))))));
static TOTAL: plan::OperatorSpec = Spec::undocumented("total", |c: &Json, _: &dyn Env| {
    Ok(Box::new(Total(feed(&named(c, "feed")), 0)))
});
static COLLECT: plan::SinkSpec = Spec::undocumented("collect", |c: &Json, _: &dyn Env| {
    Ok(Box::new(Collect(feed(&named(c, "feed")), named(c, "name"))))
});

/// A source, an operator with a state, and a sink that is another one where the pipeline goes on.
fn plan_of(name: &str, durable: bool) -> Plan {
    let component =
        |what: &str, name_of: &str| Component::new(what, json!({"feed": name, "name": name_of}));
    let mut plan = Plan { durable, ..Plan::default() };
    let source = plan.add(Role::Source, component("fed", ""), vec![]);
    let total = plan.add(Role::Operator, component("total", ""), vec![source]);
    let sink = plan.add(Role::Sink, component("collect", "first"), vec![total]);
    plan.nodes[sink].again = Some(component("collect", "again"));
    plan
}

fn start(dir: Option<&Path>) -> (Engine, EngineHandle) {
    let registry = Registry {
        sources: vec![&FED],
        operators: vec![&TOTAL],
        sinks: vec![&COLLECT],
        ..Registry::default()
    };
    let named = std::env::var("MAINSTEM_TEST_IO").ok();
    let io = named.map_or(rt::IoMode::Auto, |name| name.parse().expect("a driver"));
    let state_dir = dir.map(Path::to_owned);
    let config = EngineConfig { shards: 1, pin: false, io, state_dir, ..EngineConfig::default() };
    let engine = Engine::start(&config, &registry, &[]).expect("the engine starts");
    let handle = engine.handle();
    (engine, handle)
}

fn end((engine, handle): (Engine, EngineHandle)) {
    let forced = wait(handle.shutdown(Duration::from_secs(20))).expect("shuts down");
    assert_eq!(forced, 0, "what was held was kept");
    engine.join().expect("no thread panicked");
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Some(value) = future.as_mut().now_or_never() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn put(handle: &EngineHandle, name: &str, durable: bool) {
    put_plan(handle, name, plan_of(name, durable));
}

fn put_plan(handle: &EngineHandle, name: &str, plan: Plan) {
    let (key, plan) = (Key::new("test", name), plan.into());
    let spec = PipelineSpec { key, name: name.to_owned(), document: Json::Null, plan };
    let patience = Some(Duration::from_secs(20));
    wait(handle.put(spec, PutMode::Upsert, patience)).expect("answers").expect("it is put");
}

/// Sends numbers, and waits until the last of them is acknowledged and `total` has arrived at the
/// sink of this name.
fn send(name: &str, all: &[u64], (sink, total): (&str, u64)) {
    let feed = feed(name);
    let acked = feed.acked.load(Ordering::Relaxed) + all.len();
    all.iter().for_each(|number| feed.numbers.0.send(*number).unwrap());
    for _ in 0..20_000 {
        let arrived = feed.arrived.lock().unwrap().get(sink).and_then(|all| all.last().copied());
        if arrived == Some(total) && feed.acked.load(Ordering::Relaxed) >= acked {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{sink} {total}: {:?}", feed.arrived.lock().unwrap());
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("checkpoints")).into_iter().flatten().count()
}

#[test]
fn a_durable_pipeline_goes_on_until_it_is_replaced_or_removed() {
    let dir = TempDir::new().unwrap();
    let name = "goes-on";
    let engine = start(Some(dir.path()));
    put(&engine.1, name, true);
    send(name, &[1, 2, 3], ("first", 6));
    end(engine);
    assert_eq!(files(dir.path()), 1);
    let engine = start(Some(dir.path()));
    send(name, &[4], ("again", 10));
    put(&engine.1, name, true);
    send(name, &[5], ("first", 5));
    end(engine);
    let engine = start(Some(dir.path()));
    send(name, &[6], ("again", 11));
    let removed = engine.1.remove(Key::new("test", name), Some(Duration::from_secs(20)), false);
    assert_eq!(wait(removed).unwrap(), Ok(()));
    assert_eq!(files(dir.path()), 0);
    end(engine);
}

#[test]
fn a_state_that_is_refused_lets_the_pipeline_begin_anew() {
    let dir = TempDir::new().unwrap();
    let name = "refused";
    let engine = start(Some(dir.path()));
    put(&engine.1, name, true);
    send(name, &[1, 2, 3], ("first", 6));
    end(engine);
    feed(name).refuses.store(true, Ordering::Relaxed);
    let engine = start(Some(dir.path()));
    send(name, &[7], ("first", 7));
    end(engine);
    feed(name).refuses.store(false, Ordering::Relaxed);
    let engine = start(Some(dir.path()));
    send(name, &[8], ("again", 15));
    end(engine);
}

#[test]
fn what_is_not_durable_leaves_nothing_and_without_a_directory_nothing_is() {
    let dir = TempDir::new().unwrap();
    let engine = start(Some(dir.path()));
    put(&engine.1, "plain", false);
    send("plain", &[1, 2], ("first", 3));
    end(engine);
    assert!(!dir.join("checkpoints").exists());
    let engine = start(Some(dir.path()));
    send("plain", &[3], ("first", 3));
    // What is left of one that the journal does not know goes at the next start.
    put(&engine.1, "plain", true);
    send("plain", &[4], ("first", 4));
    end(engine);
    std::fs::write(dir.join("checkpoints").join("unknown.1"), b"x").unwrap();
    assert_eq!(files(dir.path()), 2);
    let engine = start(Some(dir.path()));
    send("plain", &[5], ("again", 9));
    assert_eq!(files(dir.path()), 1);
    end(engine);

    let engine = start(None);
    put(&engine.1, "nowhere", true);
    send("nowhere", &[1, 2], ("first", 3));
    end(engine);
}

/// Asks for a checkpoint of a pipeline.
fn checkpoint(handle: &EngineHandle, name: &str) -> Result<(), CheckpointError> {
    wait(handle.checkpoint(Key::new("test", name))).expect("answers")
}

#[test]
fn a_state_is_kept_when_somebody_asks_for_it() {
    let dir = TempDir::new().unwrap();
    let engine = start(Some(dir.path()));
    // By itself nothing would be kept for an hour.
    let rare = Plan { checkpoint_ms: Some(3_600_000), ..plan_of("asked", true) };
    put_plan(&engine.1, "asked", rare);
    put(&engine.1, "not-durable", false);
    let feed = feed("asked");
    for (round, numbers) in [[1, 2], [3, 4]].iter().enumerate() {
        numbers.iter().for_each(|number| feed.numbers.0.send(*number).unwrap());
        let total = numbers[1] * (numbers[1] + 1) / 2;
        let arrived = || feed.arrived.lock().unwrap().get("first").and_then(|a| a.last().copied());
        while arrived() != Some(total) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(feed.acked.load(Ordering::Relaxed), 2 * round, "nothing is kept yet");
        assert_eq!(checkpoint(&engine.1, "asked"), Ok(()));
        assert_eq!(files(dir.path()), 1);
        while feed.acked.load(Ordering::Relaxed) < 2 * (round + 1) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(checkpoint(&engine.1, "not-durable"), Err(CheckpointError::Stateless));
    assert_eq!(checkpoint(&engine.1, "nobody"), Err(CheckpointError::Missing));
    let key = Key::new("test", "asked");
    let stopped = wait(engine.1.remove(key, Some(Duration::from_secs(20)), true)).unwrap();
    assert_eq!(stopped, Ok(()));
    assert_eq!(checkpoint(&engine.1, "asked"), Err(CheckpointError::Missing), "it has ended");
    end(engine);

    let engine = start(None);
    put(&engine.1, "asked-nowhere", true);
    assert_eq!(checkpoint(&engine.1, "asked-nowhere"), Err(CheckpointError::NoDirectory));
    end(engine);
}
