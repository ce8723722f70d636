//! Rates and latency, asserted exactly on a driven clock. Alone in its process, because the clock
//! is the process's.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, EngineConfig, Key, PipelineSpec, PutMode, Rates};
use futures_util::FutureExt;
use plan::{
    Batch, Component, Fault, Json, LocalBoxFuture, Plan, Records, Registry, Role, Sink, SinkError,
    Source, SourceContext, SourceError, Spec,
};

/// Emits ten messages of a hundred bytes and stays.
struct Ten;

impl Source for Ten {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let records = Records::from_bodies((0..10).map(|_| vec![b'x'; 100]));
            drop(context.emit(Batch::records(records)).await?);
            context.stopping().await;
            Ok(())
        })
    }
}

/// Takes two milliseconds for a write.
struct Slow;

impl Sink for Slow {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async {
            rt::sleep(Duration::from_millis(2)).await;
            Ok(())
        })
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

static TEN: plan::SourceSpec = Spec::undocumented("ten", |_, _| Ok(Box::new(Ten)));
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

#[test]
fn rates_are_the_mean_of_the_last_ten_seconds() {
    let clock = rt::Clock::driven(1_700_000_000_000_000_000);
    clock.install_for_process();
    let registry = Registry { sources: vec![&TEN], sinks: vec![&SLOW], ..Registry::default() };
    let config = EngineConfig { shards: 1, pin: false, ..EngineConfig::default() };
    let engine = Engine::start(&config, &registry, &[]).expect("starts");
    let handle = engine.handle();
    let mut plan = Plan::default();
    let source = plan.add(Role::Source, Component::new("ten", Json::Null), vec![]);
    plan.add(Role::Sink, Component::new("slow", Json::Null), vec![source]);
    let key = Key::new("test", "a");
    let plan = plan.into();
    let spec = PipelineSpec { key: key.clone(), name: "a".into(), document: Json::Null, plan };
    assert_eq!(wait(handle.put(spec, PutMode::Create, None)).unwrap(), Ok(()));
    let view = || wait(handle.get(key.clone(), true)).unwrap().expect("there");
    // The sink sleeps once the batch has reached it.
    while view().events == 0 || clock.next_deadline().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(20));
    clock.advance(Duration::from_millis(2));
    while view().rates.latency_ms == 0.0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    clock.advance(Duration::from_millis(3998));
    let after_4_s = Rates { events_per_s: 2.5, bytes_per_s: 250.0, latency_ms: 2.0 };
    assert_eq!(view().rates, after_4_s);
    clock.advance(Duration::from_millis(5900));
    let rates = view().rates;
    assert!((rates.events_per_s - 10.0 / 9.9).abs() < 1e-9, "{rates:?}");
    clock.advance(Duration::from_secs(1));
    assert_eq!(view().rates, Rates::default(), "ten seconds later nothing is left");
    std::mem::forget(engine); // stopping would need the clock to go on
}
