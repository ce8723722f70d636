//! Pipelines of components made for the purpose, in both io modes.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

mod components;
mod documents;
mod lanes;
mod language;
mod partitions;
mod questions;
mod refusals;
mod several;
mod turns;

use std::time::Duration;

use components::registry;
use engine::{
    Engine, EngineConfig, EngineHandle, Key, PipelineSpec, PipelineView, PutError, PutMode, State,
};
use futures_util::FutureExt;
use plan::serde_json::{Value, json};
use plan::{Component, Json, Plan, Role};

/// The driver under test: the suite runs once for each, by `MAINSTEM_TEST_IO`.
fn start(shards: usize) -> (Engine, EngineHandle) {
    let named = std::env::var("MAINSTEM_TEST_IO").ok();
    let io = named.map_or(rt::IoMode::Auto, |name| name.parse().expect("a driver"));
    let config = EngineConfig { shards, pin: false, io, ..EngineConfig::default() };
    let engine = Engine::start(&config, &registry(), &[]).expect("the engine starts");
    let handle = engine.handle();
    (engine, handle)
}

fn end(engine: Engine) {
    wait(engine.handle().shutdown(Duration::from_secs(5))).expect("shuts down");
    engine.join().expect("no thread panicked");
}

/// A source with these settings that tells the shelf `name`.
fn source_of(name: &str, mut settings: Value) -> Component {
    settings["shelf"] = json!(name);
    Component { path: "root.input".to_owned(), ..Component::new("parted", settings) }
}

/// A plan over the shelf `name`: the source with these settings, operators, a sink.
fn plan_of(name: &str, source: Value, operators: &[Component], sink: &str) -> Plan {
    let mut plan = Plan::default();
    let mut last = plan.add(Role::Source, source_of(name, source), vec![]);
    for operator in operators {
        last = plan.add(Role::Operator, operator.clone(), vec![last]);
    }
    plan.add(Role::Sink, Component::new(sink, json!({ "shelf": name })), vec![last]);
    plan
}

fn split() -> Component {
    Component::new("split", Json::Null)
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
    let key = Key::new("test", id);
    let (name, plan) = (id.into(), plan.into());
    let spec = PipelineSpec { key, name, document: Json::Null, plan };
    wait(handle.put(spec, PutMode::Create, None)).expect("the engine answers")
}

fn view(handle: &EngineHandle, id: &str) -> PipelineView {
    wait(handle.get(Key::new("test", id), true)).expect("answers").expect("it is in the table")
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if seen() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never: {what}");
}

fn until_ended(handle: &EngineHandle, id: &str) -> State {
    let running = |s: &State| matches!(s, State::Starting | State::Running | State::Stopping);
    until("the end", || !running(&view(handle, id).state));
    view(handle, id).state
}
