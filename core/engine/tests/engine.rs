//! The engine with small components made for the purpose, in both io modes.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{Engine, EngineConfig, EngineHandle, Key, PipelineSpec, PutError, PutMode, State};
use futures_util::FutureExt;
use plan::{
    Batch, Class, Component, Data, Env, Fault, Json, LocalBoxFuture, Operator, Plan, RawBlock,
    Record, Records, Registry, Role, Sink, SinkError, Source, SourceContext, SourceError, Spec,
    Step,
};

/// Emits `blocks` raw blocks of `lines` numbered lines.
struct Numbers {
    blocks: u64,
    lines: u64,
}

impl Source for Numbers {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            context.connected(true);
            for block in 0..self.blocks {
                let text: String =
                    (0..self.lines).map(|l| format!("{}\n", block * self.lines + l)).collect();
                let raw = RawBlock { bytes: text.into(), meta: None, offset: 0, only: None };
                drop(context.emit(Batch::new(Data::Raw(raw))).await?);
            }
            Ok(())
        })
    }
}

/// Splits raw blocks into lines.
struct Split;

impl Operator for Split {
    fn class(&self) -> Class {
        Class::Stateless
    }
    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        if let Data::Raw(raw) = &batch.data {
            let mut records = Records::default();
            for (tag, line) in raw.bytes.split(|b| *b == b'\n').enumerate() {
                let wanted = raw.only.as_ref().is_none_or(|o| o.contains(&(tag as u32)));
                if !line.is_empty() && wanted {
                    let mut record = Record::own(line.to_vec());
                    record.origin.tag = tag as u32;
                    records.recs.push(record);
                }
            }
            out.push(batch.with_data(Data::Records(records)));
        }
        Step::Done(Ok(()))
    }
}

/// Numbers messages as they pass.
struct Counting(Cell<u64>);

impl Operator for Counting {
    fn class(&self) -> Class {
        Class::Bound
    }
    fn on_batch<'a>(&'a mut self, mut batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        batch.retain(|record| {
            self.0.set(self.0.get() + 1);
            *record =
                Record { origin: record.origin, ..Record::own(self.0.get().to_string().into()) };
            true
        });
        out.push(batch);
        Step::Done(Ok(()))
    }
}

struct Panics;

impl Operator for Panics {
    fn class(&self) -> Class {
        Class::Stateless
    }
    fn on_batch<'a>(&'a mut self, _: Batch, _: &'a mut Vec<Batch>) -> Step<'a> {
        panic!("this operator is broken")
    }
}

#[derive(Default)]
struct Shelf {
    lines: Mutex<Vec<u64>>,
    refuse_once: AtomicBool,
    refused: AtomicUsize,
}

static SHELVES: Mutex<Vec<(String, Arc<Shelf>)>> = Mutex::new(Vec::new());

fn shelf(name: &str) -> Arc<Shelf> {
    let mut shelves = SHELVES.lock().unwrap();
    if let Some((_, shelf)) = shelves.iter().find(|(n, _)| n == name) {
        return shelf.clone();
    }
    shelves.push((name.to_owned(), Arc::default()));
    shelves.last().unwrap().1.clone()
}

/// Collects numbers; may refuse every odd one once.
struct Collect(Arc<Shelf>);

impl Sink for Collect {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let records = batch.as_records().ok_or(SinkError::all("not records"))?;
            let mut failed = Vec::new();
            let mut scratch = Vec::new();
            for i in 0..records.recs.len() {
                let text = String::from_utf8_lossy(records.bytes(i, &mut scratch)).into_owned();
                let number: u64 = text.parse().map_err(|_| SinkError::all("not a number"))?;
                if number % 2 == 1 && self.0.refuse_once.load(Ordering::Relaxed) {
                    failed.push((i, Arc::new(Fault::new("odd"))));
                } else {
                    self.0.lines.lock().unwrap().push(number);
                }
            }
            if failed.is_empty() {
                return Ok(());
            }
            self.0.refuse_once.store(false, Ordering::Relaxed);
            self.0.refused.fetch_add(failed.len(), Ordering::Relaxed);
            Err(SinkError::Some(failed))
        })
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

/// Never finishes a write.
struct Stuck;

impl Sink for Stuck {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(std::future::pending())
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

fn number(config: &Json, name: &str) -> u64 {
    config.get(name).and_then(Json::as_u64).unwrap_or(1)
}

static NUMBERS: plan::SourceSpec = Spec::undocumented("numbers", |c: &Json, _: &dyn Env| {
    Ok(Box::new(Numbers { blocks: number(c, "blocks"), lines: number(c, "lines") }))
});
static SPLIT: plan::OperatorSpec = Spec::undocumented("split", |_, _| Ok(Box::new(Split)));
static COUNTING: plan::OperatorSpec =
    Spec::undocumented("counting", |_, _| Ok(Box::new(Counting(Cell::new(0)))));
static PANICS: plan::OperatorSpec = Spec::undocumented("panics", |_, _| Ok(Box::new(Panics)));
static COLLECT: plan::SinkSpec = Spec::undocumented("collect", |c: &Json, _: &dyn Env| {
    let name = c.get("shelf").and_then(Json::as_str).unwrap_or_default();
    Ok(Box::new(Collect(shelf(name))))
});
static STUCK: plan::SinkSpec = Spec::undocumented("stuck", |_, _| Ok(Box::new(Stuck)));

fn registry() -> Registry {
    Registry {
        sources: vec![&NUMBERS],
        operators: vec![&SPLIT, &COUNTING, &PANICS],
        sinks: vec![&COLLECT, &STUCK],
        ..Registry::default()
    }
}

/// The driver under test: the suite runs once for each, by `MAINSTEM_TEST_IO`.
fn io() -> rt::IoMode {
    let named = std::env::var("MAINSTEM_TEST_IO").ok();
    named.map_or(rt::IoMode::Auto, |name| name.parse().expect("a driver"))
}

fn start(shards: usize) -> Engine {
    let config = EngineConfig { shards, pin: false, io: io(), ..EngineConfig::default() };
    Engine::start(&config, &registry(), &[]).expect("the engine starts")
}

fn plan_of(source: Json, operators: &[&str], sink: (&str, Json)) -> Plan {
    let mut plan = Plan::default();
    let mut last = plan.add(Role::Source, Component::new("numbers", source), vec![]);
    for name in operators {
        last = plan.add(Role::Operator, Component::new(*name, Json::Null), vec![last]);
    }
    plan.add(Role::Sink, Component::new(sink.0, sink.1), vec![last]);
    plan
}

fn spec_of(id: &str, plan: Plan) -> PipelineSpec {
    PipelineSpec {
        key: Key::new("test", id),
        name: id.into(),
        document: Json::Null,
        plan: plan.into(),
    }
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

fn put(handle: &EngineHandle, id: &str, plan: Plan) -> Result<(), PutError> {
    wait(handle.put(spec_of(id, plan), PutMode::Create, None)).expect("the engine answers")
}

fn state(handle: &EngineHandle, id: &str) -> Option<State> {
    wait(handle.get(Key::new("test", id), true)).expect("answers").map(|view| view.state)
}

fn until_ended(handle: &EngineHandle, id: &str) -> State {
    loop {
        match state(handle, id).expect("it is in the table") {
            State::Starting | State::Running | State::Stopping => {
                std::thread::sleep(Duration::from_millis(2));
            }
            ended => return ended,
        }
    }
}

fn end(engine: Engine) {
    wait(engine.handle().shutdown(Duration::from_secs(5))).expect("shuts down");
    engine.join().expect("no thread panicked");
}

fn numbers(blocks: u64, lines: u64) -> Json {
    plan::serde_json::json!({"blocks": blocks, "lines": lines})
}

fn collect(name: &str) -> (&'static str, Json) {
    ("collect", plan::serde_json::json!({ "shelf": name }))
}

#[test]
fn order_is_kept_on_any_number_of_shards() {
    for shards in [1, 2, 4] {
        let engine = start(shards);
        let handle = engine.handle();
        let name = format!("order{shards}");
        put(&handle, "a", plan_of(numbers(60, 10_000), &["split"], collect(&name))).unwrap();
        assert_eq!(until_ended(&handle, "a"), State::Finished);
        let lines = shelf(&name).lines.lock().unwrap().clone();
        assert!(lines.iter().copied().eq(0..600_000), "in order on {shards} shards");
        let view = wait(handle.get(Key::new("test", "a"), true)).unwrap().unwrap();
        assert_eq!(view.events, 600_000);
        end(engine);
    }
}

#[test]
fn a_bound_operator_sees_everything_once_and_in_order() {
    for shards in [1, 2, 4] {
        let engine = start(shards);
        let handle = engine.handle();
        let name = format!("bound{shards}");
        let plan = plan_of(numbers(40, 10_000), &["split", "counting"], collect(&name));
        put(&handle, "a", plan).unwrap();
        assert_eq!(until_ended(&handle, "a"), State::Finished);
        let lines = shelf(&name).lines.lock().unwrap().clone();
        assert!(lines.iter().copied().eq(1..=400_000), "counts 1..N on {shards} shards");
        end(engine);
    }
}

#[test]
fn what_the_sink_refuses_is_sent_again_and_only_that() {
    let engine = start(2);
    let handle = engine.handle();
    shelf("replay").refuse_once.store(true, Ordering::Relaxed);
    put(&handle, "a", plan_of(numbers(1, 10), &["split"], collect("replay"))).unwrap();
    assert_eq!(until_ended(&handle, "a"), State::Finished);
    assert_eq!(*shelf("replay").lines.lock().unwrap(), [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    assert_eq!(shelf("replay").refused.load(Ordering::Relaxed), 5);
    end(engine);
}

#[test]
fn a_panic_fails_its_pipeline_and_no_other() {
    let engine = start(2);
    let handle = engine.handle();
    let broken = plan_of(numbers(50, 10_000), &["split", "panics"], collect("none"));
    put(&handle, "broken", broken).unwrap();
    put(&handle, "well", plan_of(numbers(5, 100), &["split"], collect("well"))).unwrap();
    let failed = State::Failed("panicked: this operator is broken".to_owned());
    assert_eq!(until_ended(&handle, "broken"), failed);
    assert_eq!(until_ended(&handle, "well"), State::Finished);
    assert_eq!(shelf("well").lines.lock().unwrap().len(), 500);
    end(engine);
}

#[test]
fn a_stuck_sink_is_stopped_by_force_and_holds_nothing_up() {
    let engine = start(1);
    let handle = engine.handle();
    put(&handle, "stuck", plan_of(numbers(100_000, 10_000), &["split"], ("stuck", Json::Null)))
        .unwrap();
    put(&handle, "well", plan_of(numbers(5, 100), &["split"], collect("besides"))).unwrap();
    assert_eq!(until_ended(&handle, "well"), State::Finished);
    let key = Key::new("test", "stuck");
    let stop = handle.remove(key.clone(), Some(Duration::from_millis(200)), false);
    assert_eq!(wait(stop).unwrap(), Ok(()));
    assert!(wait(handle.get(key, false)).unwrap().is_none());
    end(engine);
}

#[test]
fn a_plan_that_cannot_be_built_changes_nothing() {
    let engine = start(1);
    let handle = engine.handle();
    put(&handle, "a", plan_of(numbers(1, 1), &[], collect("keep"))).unwrap();
    let again = put(&handle, "a", plan_of(numbers(1, 1), &[], collect("keep")));
    assert_eq!(again, Err(PutError::Exists));
    let wrong = plan_of(numbers(1, 1), &["no_such"], collect("keep"));
    let replace = wait(handle.put(spec_of("a", wrong), PutMode::Replace, None)).unwrap();
    assert!(matches!(replace, Err(PutError::Build { text, .. }) if text.contains("no_such")));
    let view = wait(handle.get(Key::new("test", "a"), false)).unwrap().unwrap();
    assert_eq!(view.spec.plan.nodes.len(), 2, "the old plan is still there");
    end(engine);
}

#[test]
fn pipelines_and_documents_are_back_after_the_engine_is_dropped() {
    let dir = std::env::temp_dir().join(format!("engine-journal-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let config = EngineConfig {
        shards: 1,
        pin: false,
        io: io(),
        state_dir: Some(dir.clone()),
        ..EngineConfig::default()
    };
    let start = || Engine::start(&config, &registry(), &[]).expect("the engine starts");
    let engine = start();
    let handle = engine.handle();
    put(&handle, "runs", plan_of(numbers(1, 1), &["split"], ("stuck", Json::Null))).unwrap();
    put(&handle, "ends", plan_of(numbers(1, 1), &["split"], collect("once"))).unwrap();
    put(&handle, "gone", plan_of(numbers(1, 1), &["split"], collect("once"))).unwrap();
    assert_eq!(until_ended(&handle, "ends"), State::Finished);
    let gone = handle.remove(Key::new("test", "gone"), None, false);
    assert_eq!(wait(gone).unwrap(), Ok(()));
    let document = handle.put_document(Key::new("test", "d"), Some(Json::Bool(true)));
    assert_eq!(wait(document).unwrap(), Ok(()));
    wait(handle.shutdown(Duration::from_millis(50))).expect("shuts down");
    engine.join().expect("no thread panicked");

    let engine = start();
    let handle = engine.handle();
    assert_eq!(state(&handle, "runs"), Some(State::Running));
    // Another plan may be kept of what runs, and of nothing else.
    let other = || plan_of(numbers(1, 1), &["split"], collect("again"));
    assert_eq!(wait(handle.keep(spec_of("runs", other()))).unwrap(), Ok(()));
    for name in ["ends", "gone"] {
        let kept = wait(handle.keep(spec_of(name, other()))).unwrap();
        assert_eq!(kept, Err(PutError::Missing), "{name}");
    }
    assert_eq!(state(&handle, "runs"), Some(State::Running), "it goes on as it was");
    assert_eq!(state(&handle, "ends"), Some(State::Finished), "it does not run again");
    assert_eq!(state(&handle, "gone"), None);
    assert_eq!(shelf("once").lines.lock().unwrap().len(), 2);
    let documents = wait(handle.documents("test")).unwrap();
    assert_eq!(documents, [(Key::new("test", "d"), Json::Bool(true))]);
    wait(handle.shutdown(Duration::from_millis(50))).expect("shuts down");
    engine.join().expect("no thread panicked");

    let engine = start();
    let handle = engine.handle();
    assert_eq!(until_ended(&handle, "runs"), State::Finished, "the other plan was started");
    assert_eq!(shelf("again").lines.lock().unwrap().len(), 1);
    wait(handle.shutdown(Duration::from_millis(50))).expect("shuts down");
    engine.join().expect("no thread panicked");
    let _ = std::fs::remove_dir_all(&dir);
}
