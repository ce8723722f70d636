//! What a sink refuses for good, and what it only cannot take just now; a source that fails.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{Engine, EngineConfig, State};
use formats::k::K;
use plan::serde_json::json;
use plan::{
    Batch, BuildError, Class, Code, Component, Data, Diagnostic, Env, Expr, Fault, Form, Json,
    LocalBoxFuture, Operator, OperatorError, Plan, Role, Session, Sink, SinkError, Source,
    SourceContext, SourceError, Spec, Step,
};
use rt::testing::TempDir;

use crate::components::{Shelf, registry, shelf};
use crate::language::{Nothing, TestLanguage};
use crate::{end, plan_of, put, source_of, split, start, until, until_ended, view};

/// Values that the source gives.
const VALUES: i64 = 20;

fn shelf_of(config: &Json) -> Arc<Shelf> {
    shelf(config["shelf"].as_str().unwrap_or_default())
}

fn tell(shelf: &Shelf, line: String) {
    shelf.lines.lock().unwrap().push(line);
}

fn number(data: &Data) -> i64 {
    match data {
        Data::Value(value) => value.as_long().expect("a number"),
        _ => panic!("a value"),
    }
}

/// Gives numbers, and hears that all are delivered.
struct Numbers(Arc<Shelf>);

impl Source for Numbers {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for n in 0..VALUES {
                outcomes.push(context.emit(Batch::new(Data::Value(K::long(n)))).await?);
            }
            for outcome in outcomes {
                assert!(outcome.outcome().await.is_ok());
                self.0.acked.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    }
}

/// Remembers how often it has seen each number.
struct Seen(Arc<Shelf>);

impl Operator for Seen {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        tell(&self.0, format!("seen {}", number(&batch.data)));
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(Some(Vec::new()))
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), OperatorError> {
        Ok(())
    }
}

/// Of ten numbers refuses the one with a 3 for good, that with a 5 once, and loses its connection
/// once at that with a 7.
struct Picky(Arc<Shelf>);

impl Picky {
    fn take(&self, n: i64) -> Result<(), SinkError> {
        let first = self.0.refused.lock().unwrap().insert(n.to_string());
        let fault = Arc::new(Fault::new(format!("not {n}")));
        match n % 10 {
            3 => return Err(SinkError::Refused(fault)),
            5 if first => return Err(SinkError::All(fault)),
            7 if first => return Err(SinkError::NotConnected(fault)),
            _ => tell(&self.0, format!("taken {n}")),
        }
        Ok(())
    }
}

impl Sink for Picky {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async { self.take(number(&batch.data)) })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

/// A language whose prelude is the name of a shelf, where it tells of what was refused. With one
/// that is called `strict` it cannot bear that.
struct Environment(String);

static TOLD: TestLanguage<Environment> = TestLanguage("told", Environment);

impl Session for Environment {
    fn compile(&self, _: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        Ok(Box::new(Nothing))
    }

    fn refused(&self, sink: &Component, data: &Data, fault: &Fault) -> Result<(), OperatorError> {
        let line = format!("refused {} {} {}", sink.label, number(data), fault.text);
        tell(&shelf(&self.0), line);
        match self.0.as_str() {
            "strict" => Err(OperatorError::new("that is too much")),
            _ => Ok(()),
        }
    }
}

fn seen(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    env.expr(&Code { lang: "told".to_owned(), ..Code::default() }, Form::Mapping)?;
    Ok(Box::new(Seen(shelf_of(config))))
}

static NUMBERS: plan::SourceSpec = Spec::undocumented("numbers", |config: &Json, _: &dyn Env| {
    Ok(Box::new(Numbers(shelf_of(config))))
});
static SEEN: plan::OperatorSpec = Spec::undocumented("seen", seen);
static PICKY: plan::SinkSpec =
    Spec::undocumented("picky", |config: &Json, _: &dyn Env| Ok(Box::new(Picky(shelf_of(config)))));

/// Runs numbers through an operator that remembers into a sink; how it ended, with its errors.
fn run(name: &str, state_dir: Option<PathBuf>) -> (State, u64) {
    let durable = state_dir.is_some();
    let config = EngineConfig { shards: 1, pin: false, state_dir, ..EngineConfig::default() };
    let mut registry = registry();
    registry.sources.push(&NUMBERS);
    registry.operators.push(&SEEN);
    registry.sinks.push(&PICKY);
    registry.languages.push(&TOLD);
    let engine = Engine::start(&config, &registry, &[]).expect("the engine starts");
    let handle = engine.handle();
    let code = Code { lang: "told".to_owned(), text: name.to_owned(), slot: None };
    let mut plan = Plan { prelude: Some(code), durable, ..Plan::default() };
    let component = |name: &str, shelf: &str| {
        let label = format!("the {name}");
        Component { label, ..Component::new(name, json!({ "shelf": shelf })) }
    };
    let source = plan.add(Role::Source, component("numbers", name), vec![]);
    let seen = plan.add(Role::Operator, component("seen", name), vec![source]);
    plan.add(Role::Sink, component("picky", name), vec![seen]);
    put(&handle, "a", plan).expect("it is put");
    let ended = (until_ended(&handle, "a"), view(&handle, "a").errors);
    end(engine);
    ended
}

#[test]
fn what_a_sink_refuses_for_good_is_counted_and_passes_operators_once() {
    let (state, errors) = run("refused", None);
    assert_eq!(state, State::Finished);
    assert_eq!(errors, 4, "two for good, and two that were taken later");
    // What is refused and may be taken later comes again; what waits for its connection does so
    // at the sink.
    check("refused", |n| if n % 10 == 5 { 2 } else { 1 });
}

/// All numbers were taken but those that are refused for good, each was acknowledged, and the
/// operator has seen them so often.
fn check(name: &str, wanted: impl Fn(i64) -> usize) {
    let shelf = shelf(name);
    let lines = shelf.lines.lock().unwrap().clone();
    let count = |line: &str| lines.iter().filter(|other| *other == line).count();
    for n in 0..VALUES {
        let taken = usize::from(n % 10 != 3);
        let counts = (count(&format!("seen {n}")), count(&format!("taken {n}")));
        assert_eq!(counts, (wanted(n), taken), "{n}");
        let told = count(&format!("refused the picky {n} not {n}"));
        assert_eq!(told, 1 - taken, "the language is told of {n}");
    }
    assert_eq!(shelf.acked.load(Ordering::SeqCst), VALUES as usize);
}

#[test]
fn what_is_refused_for_good_holds_up_no_checkpoint() {
    let dir = TempDir::new().expect("a directory");
    let (state, errors) = run("kept", Some(dir.path().to_owned()));
    assert_eq!(state, State::Finished);
    assert_eq!(errors, 2);
    check("kept", |_| 1);
}

#[test]
fn a_language_that_cannot_bear_a_refusal_fails_its_pipeline() {
    let (state, _) = run("strict", None);
    assert_eq!(state, State::Failed("that is too much".to_owned()));
}

/// Never opens; says that this will stay so, where it is told to.
struct Closed(bool);

impl Sink for Closed {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Err(Arc::new(Fault::new("it is closed"))) })
    }

    fn gives_up(&self) -> bool {
        self.0
    }

    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async { Ok(()) })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

static CLOSED: plan::SinkSpec =
    Spec::undocumented("closed", |_: &Json, _: &dyn Env| Ok(Box::new(Closed(false))));
static GONE: plan::SinkSpec =
    Spec::undocumented("gone", |_: &Json, _: &dyn Env| Ok(Box::new(Closed(true))));

#[test]
fn a_sink_that_gives_up_fails_its_pipeline_and_another_one_says_what_it_waits_for() {
    let config = EngineConfig { shards: 1, pin: false, ..EngineConfig::default() };
    let mut registry = registry();
    registry.sinks.extend([&CLOSED, &GONE]);
    let engine = Engine::start(&config, &registry, &[]).expect("the engine starts");
    let handle = engine.handle();
    let plan = |name: &str, blocks: u64, sink: &str| {
        plan_of(name, json!({"partitions": 1, "blocks": blocks}), &[split()], sink)
    };
    put(&handle, "waits", plan("waits", 1, "closed")).expect("it is put");
    // Also where there is nothing to write.
    for blocks in [0, 1] {
        let id = format!("gone{blocks}");
        put(&handle, &id, plan(&id, blocks, "gone")).expect("it is put");
        assert_eq!(until_ended(&handle, &id), State::Failed("it is closed".to_owned()));
    }
    let trouble = |id: &str| {
        handle.states("test", |all| {
            let mut all = all.filter(|pipeline| pipeline.id == id);
            all.next().map(|pipeline| pipeline.trouble.to_owned())
        })
    };
    until("its trouble", || trouble("waits").as_deref() == Some("it is closed"));
    assert_eq!(view(&handle, "waits").state, State::Running);
    assert_eq!(trouble("gone1").as_deref(), Some(""), "its state says it");
    end(engine);
}

#[test]
fn a_source_that_fails_ends_its_pipeline_with_the_sources_beside_it() {
    for fails in [0, 1] {
        let (engine, handle) = start(1);
        let (name, beside) = (format!("fails{fails}"), format!("beside{fails}"));
        let blocks = json!({"partitions": 1, "blocks": 20});
        put(&handle, "b", plan_of(&beside, blocks, &[split()], "collect")).expect("it is put");
        // One of them fails behind its block, the other one would wait for a stop for ever.
        let source = |number: u64| {
            let fatal = if number == fails { 0 } else { 1 };
            source_of(&name, json!({"partitions": 1, "blocks": 1, "fatal": fatal}))
        };
        let mut plan = Plan::default();
        let sources = [0, 1].map(|number| plan.add(Role::Source, source(number), vec![]));
        let split = plan.add(Role::Operator, split(), sources.to_vec());
        plan.add(Role::Sink, Component::new("collect", json!({ "shelf": name })), vec![split]);
        put(&handle, "a", plan).expect("it is put");
        assert_eq!(until_ended(&handle, "a"), State::Failed("it is broken".to_owned()));
        let shelf = shelf(&name);
        assert_eq!(shelf.acked.load(Ordering::SeqCst), 2, "what both have read is delivered");
        assert_eq!(shelf.lines.lock().unwrap().len(), 100);
        assert_eq!(until_ended(&handle, "b"), State::Finished, "it takes no other along");
        end(engine);
    }
}
