//! The latency of a durable pipeline, asserted exactly on a driven clock. Alone in its process,
//! because the clock is the process's.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use engine::{Engine, EngineConfig, Key, PipelineSpec, PutMode};
use futures_util::FutureExt;
use plan::{
    Batch, Class, Component, Fault, Json, LocalBoxFuture, Operator, OperatorError, Plan, Records,
    Registry, Role, Sink, SinkError, Source, SourceContext, SourceError, Spec, Step,
};
use rt::testing::TempDir;

const SECOND_NS: u64 = 1_000_000_000;

/// Whether what the source has emitted is acknowledged.
static ACKED: AtomicBool = AtomicBool::new(false);
/// Writes that the sink has begun.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Emits one message and stays.
struct One;

impl Source for One {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let emitted = context.emit(message()).await?;
            ACKED.store(emitted.outcome().await.is_ok(), Ordering::Relaxed);
            context.stopping().await;
            Ok(())
        })
    }
}

fn message() -> Batch {
    Batch::records(Records::from_bodies([vec![b'x'; 100]]))
}

/// Hands a message on, and another one when a second has gone by.
#[derive(Default)]
struct Twice(Option<u64>);

impl Operator for Twice {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.0 = Some(rt::now().0 + SECOND_NS);
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn due_ns(&self) -> Option<u64> {
        self.0
    }

    fn on_time<'a>(&'a mut self, _: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.0 = None;
        out.push(message());
        Step::Done(Ok(()))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(Some(Vec::new()))
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), OperatorError> {
        Ok(())
    }
}

/// Takes two milliseconds for the first write, and four for the second.
struct Slow;

impl Sink for Slow {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async {
            let slept = rt::sleep(Duration::from_millis(2 + 2 * WRITES.load(Ordering::Relaxed)));
            WRITES.fetch_add(1, Ordering::Relaxed);
            slept.await;
            Ok(())
        })
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

static ONE: plan::SourceSpec = Spec::undocumented("one", |_, _| Ok(Box::new(One)));
static TWICE: plan::OperatorSpec =
    Spec::undocumented("twice", |_, _| Ok(Box::new(Twice::default())));
static SLOW: plan::SinkSpec = Spec::undocumented("slow", |_, _| Ok(Box::new(Slow)));

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Some(value) = future.as_mut().now_or_never() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn until(so: impl Fn() -> bool) {
    while !so() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_latency_of_a_durable_pipeline_is_that_of_its_results() {
    let clock = rt::Clock::driven(1_700_000_000_000_000_000);
    clock.install_for_process();
    let dir = TempDir::new().unwrap();
    let registry = Registry {
        sources: vec![&ONE],
        operators: vec![&TWICE],
        sinks: vec![&SLOW],
        ..Registry::default()
    };
    let state_dir = Some(dir.path().to_owned());
    let config = EngineConfig { shards: 1, pin: false, state_dir, ..EngineConfig::default() };
    let engine = Engine::start(&config, &registry, &[]).expect("starts");
    let handle = engine.handle();
    let mut plan = Plan { durable: true, ..Plan::default() };
    let component = |name: &str| Component::new(name, Json::Null);
    let source = plan.add(Role::Source, component("one"), vec![]);
    let operator = plan.add(Role::Operator, component("twice"), vec![source]);
    plan.add(Role::Sink, component("slow"), vec![operator]);
    let key = Key::new("test", "a");
    let plan = plan.into();
    let spec = PipelineSpec { key: key.clone(), name: "a".into(), document: Json::Null, plan };
    assert_eq!(wait(handle.put(spec, PutMode::Create, None)).unwrap(), Ok(()));
    let latency = || {
        let view = wait(handle.get(key.clone(), true)).unwrap().expect("there");
        view.rates.latency_ms
    };
    let writes = |count: u64| {
        until(|| WRITES.load(Ordering::Relaxed) == count);
        // The sink sleeps by then.
        std::thread::sleep(Duration::from_millis(20));
    };
    writes(1);
    clock.advance(Duration::from_millis(2));
    until(|| latency() > 0.0);
    assert_eq!(latency(), 2.0);
    // What the clock has made begins then, and not with the process.
    clock.advance(Duration::from_millis(998));
    writes(2);
    clock.advance(Duration::from_millis(4));
    until(|| latency() != 2.0);
    assert_eq!(latency(), 3.0);
    // How long a source waits for a checkpoint does not matter.
    until(|| {
        clock.advance(Duration::from_millis(10));
        ACKED.load(Ordering::Relaxed)
    });
    assert_eq!(latency(), 3.0);
    std::mem::forget(engine); // stopping would need the clock to go on
}
