//! Values that a source gives together pass the operators as those that it gives one by one.

use std::rc::Rc;
use std::sync::Arc;

use engine::{Engine, EngineConfig, Key, MetricValue, State};
use formats::k::K;
use plan::env::Env;
use plan::serde_json::json;
use plan::{
    Batch, BuildError, Class, Component, Data, Emitted, Fault, Json, LocalBoxFuture, Operator,
    OperatorError, Plan, Role, Sink, SinkError, Source, SourceContext, SourceError, Spec, Step,
};

use crate::components::{Shelf, registry, shelf};
use crate::{end, put, until_ended, view, wait};

/// Values of a group.
const GROUP: i64 = 100;
/// Groups that a source gives.
const GROUPS: i64 = 3;

fn name_of(config: &Json) -> &str {
    config["shelf"].as_str().unwrap_or_default()
}

fn told(shelf: &Shelf) -> Vec<String> {
    shelf.lines.lock().unwrap().clone()
}

fn tell(shelf: &Shelf, line: String) {
    shelf.lines.lock().unwrap().push(line);
}

/// Gives values, some of them lists, and tells when a group was taken, and how many have failed.
struct Values {
    shelf: Arc<Shelf>,
    together: bool,
}

impl Values {
    async fn give(&self, context: Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mut emitted = Vec::new();
        for group in 0..GROUPS {
            let value = |n| if n % 7 == 0 { K::longs(vec![n; 3]) } else { K::long(n) };
            let values: Vec<K> = (group * GROUP..(group + 1) * GROUP).map(value).collect();
            if self.together {
                emitted.push(context.emit_each(values).await?);
                rt::yield_now().await;
                tell(&self.shelf, format!("taken {group}"));
            } else {
                for value in values {
                    emitted.push(context.emit(Batch::new(Data::Value(value))).await?);
                }
            }
        }
        let failures = Emitted::together(emitted).outcome().await.failures.len();
        tell(&self.shelf, format!("taken, and {failures} failed"));
        Ok(())
    }
}

impl Source for Values {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.give(context))
    }

    fn replays(&self) -> bool {
        false
    }
}

/// Tells what it sees, is called once behind a value, and fails at another. Of so many values it
/// keeps those that 3 does not divide, and takes them at once where they follow each other.
struct Notes {
    shelf: Arc<Shelf>,
    class: Class,
    due_behind: i64,
    fails_at: i64,
    keeps: usize,
    due: bool,
}

impl Notes {
    fn is_kept(&self, number: i64) -> bool {
        self.keeps > 0 && number % 3 != 0
    }

    fn note(&mut self, value: &K) {
        let number = value.at(0).as_long().unwrap();
        tell(&self.shelf, format!("{number} {}", value.len()));
        self.due |= number == self.due_behind;
    }
}

impl Operator for Notes {
    fn class(&self) -> Class {
        self.class
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let Data::Value(value) = &batch.data else { panic!("a value") };
        let number = value.at(0).as_long().unwrap();
        if number == self.fails_at {
            return Step::Done(Err(OperatorError::new("enough")));
        }
        self.note(value);
        match self.is_kept(number) {
            true => batch.ok(),
            false => out.push(batch),
        }
        Step::Done(Ok(()))
    }

    fn on_values(&mut self, _: usize, values: &[K]) -> Result<usize, OperatorError> {
        let first = values.iter().take(self.keeps);
        let kept = first.take_while(|value| self.is_kept(value.at(0).as_long().unwrap()));
        let kept = kept.count();
        values.iter().take(kept).for_each(|value| self.note(value));
        if kept > 0 {
            self.shelf.lines.lock().unwrap().push("taken at once".to_owned());
        }
        Ok(kept)
    }

    fn due_ns(&self) -> Option<u64> {
        self.due.then_some(0)
    }

    fn on_time<'a>(&'a mut self, _: u64, _: &'a mut Vec<Batch>) -> Step<'a> {
        tell(&self.shelf, "time".to_owned());
        self.due = false;
        Step::Done(Ok(()))
    }
}

/// Refuses some values.
struct Picky;

impl Sink for Picky {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        let Data::Value(value) = &batch.data else { panic!("a value") };
        let refused = value.at(0).as_long().unwrap() % 10 == 1;
        let written = if refused { Err(SinkError::all("no")) } else { Ok(()) };
        Box::pin(async move { written })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

fn notes(config: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let number = |name: &str| config[name].as_i64().unwrap_or(-1);
    let class = match config["spreads"].as_bool() {
        Some(true) => Class::Stateless,
        _ => Class::Bound,
    };
    Ok(Box::new(Notes {
        shelf: shelf(name_of(config)),
        class,
        due_behind: number("due_behind"),
        fails_at: number("fails_at"),
        keeps: usize::try_from(number("keeps")).unwrap_or_default(),
        due: false,
    }))
}

static VALUES: plan::SourceSpec = Spec::undocumented("values", |config: &Json, _: &dyn Env| {
    let together = config["together"].as_bool().unwrap_or_default();
    Ok(Box::new(Values { shelf: shelf(name_of(config)), together }))
});
static NOTES: plan::OperatorSpec = Spec::undocumented("notes", notes);
static PICKY: plan::SinkSpec = Spec::undocumented("picky", |_, _| Ok(Box::new(Picky)));

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
struct Left {
    state: State,
    seen: Vec<String>,
    /// Events, bytes and errors.
    counts: (u64, u64, u64),
    received: u64,
    timed: u64,
}

/// Runs a plan; also gives what was told of the source.
fn run(name: &str, shards: usize, together: bool, mut settings: Json) -> (Left, Vec<String>) {
    let config = EngineConfig { shards, pin: false, ..EngineConfig::default() };
    let mut registry = registry();
    registry.sources.push(&VALUES);
    registry.operators.push(&NOTES);
    registry.sinks.push(&PICKY);
    let engine = Engine::start(&config, &registry, &[]).expect("the engine starts");
    let handle = engine.handle();
    let name = format!("several-{name}-{shards}-{together}");
    settings["shelf"] = json!(name);
    let mut plan = Plan::default();
    let source = Component::new("values", json!({ "shelf": name, "together": together }));
    let source = Component { path: "root.input".to_owned(), ..source };
    let source = plan.add(Role::Source, source, vec![]);
    let notes = plan.add(Role::Operator, Component::new("notes", settings), vec![source]);
    plan.add(Role::Sink, Component::new("picky", Json::Null), vec![notes]);
    put(&handle, "a", plan).expect("it is put");
    let state = until_ended(&handle, "a");
    let series = wait(handle.metrics(Key::new("test", "a"))).unwrap().unwrap_or_default();
    let count = |name: &str| match series.iter().find(|m| m.name == name).map(|m| &m.value) {
        Some(MetricValue::Counter(count)) => *count,
        Some(MetricValue::Timing(histogram)) => histogram.len(),
        _ => 0,
    };
    let view = view(&handle, "a");
    let counts = (view.events, view.bytes, view.errors);
    let (received, timed) = (count("input_received"), count("input_latency_ns"));
    end(engine);
    let (taken, seen): (Vec<_>, Vec<_>) =
        told(&shelf(&name)).into_iter().partition(|line| line.starts_with("taken"));
    let taken = taken.into_iter().filter(|line| line != "taken at once").collect();
    (Left { state, seen, counts, received, timed }, taken)
}

#[test]
fn together_or_one_by_one_gives_the_same() {
    for (name, shards, settings) in [
        ("bound", 1, json!({ "due_behind": 40 })),
        ("head", 1, json!({ "spreads": true })),
        ("spread", 2, json!({ "spreads": true })),
    ] {
        let (one_by_one, _) = run(name, shards, false, settings.clone());
        let (together, taken) = run(name, shards, true, settings);
        assert_eq!(together, one_by_one, "{name}");
        assert_eq!(taken, ["taken 0", "taken 1", "taken 2", "taken, and 30 failed"], "{name}");
        assert_eq!(together.state, State::Finished);
        let (events, _, errors) = together.counts;
        assert_eq!((events, errors), (together.received, 30), "{name}");
        assert!(events > (GROUP * GROUPS) as u64 && together.timed == events, "{together:?}");
    }
}

#[test]
fn what_an_operator_takes_at_once_is_as_what_it_takes_one_by_one() {
    // One pair is in two groups.
    for (keeps, times) in [(1, 200), (2, 101)] {
        let settings = json!({ "due_behind": 42, "keeps": keeps });
        let name = format!("keeps-{keeps}");
        let (one_by_one, _) = run(&name, 1, false, settings.clone());
        let (together, taken) = run(&name, 1, true, settings);
        assert_eq!(together, one_by_one);
        assert_eq!(taken.last().map(String::as_str), Some("taken, and 10 failed"));
        let at_once = told(&shelf(&format!("several-{name}-1-true")));
        let at_once = at_once.iter().filter(|line| *line == "taken at once").count();
        assert_eq!(at_once, times);
    }
}

#[test]
fn an_operator_is_called_in_time_between_values_that_came_together() {
    let (left, _) = run("due", 1, true, json!({ "due_behind": 40 }));
    let at = left.seen.iter().position(|line| line == "time");
    assert_eq!(at, Some(41), "right behind the value");
}

#[test]
fn an_operator_that_fails_sees_nothing_of_those_behind() {
    for together in [false, true] {
        let (left, _) = run("fails", 1, together, json!({ "fails_at": 42 }));
        assert!(matches!(left.state, State::Failed { .. }), "{:?}", left.state);
        assert_eq!(left.seen.len(), 42);
    }
}

#[test]
fn others_get_their_turn_among_values_that_came_together() {
    let (left, _) = run("turns", 1, true, json!({}));
    assert_eq!(left.seen.len(), (GROUP * GROUPS) as usize);
    let all = told(&shelf("several-turns-1-true"));
    let place = |line: &str| all.iter().position(|other| other == line).unwrap();
    assert!(place("taken 0") < place(&format!("{} 1", GROUP - 1)), "before the last of the group");
}
