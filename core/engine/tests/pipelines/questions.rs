//! Questions to the language of a pipeline.

use engine::{Engine, EngineConfig, EngineHandle, Key, State};
use formats::k::K;
use plan::serde_json::json;
use plan::{
    Batch, BuildError, Class, Code, Component, Diagnostic, Env, Expr, Form, Json, Operator,
    OperatorSpec, Plan, Session, Spec, Step,
};

use crate::components::registry;
use crate::language::{Nothing, TestLanguage};
use crate::{end, plan_of, put, split, until_ended, wait};

/// A language that answers the prelude to a name, refuses numbers and breaks at a text.
struct Environment(String);

static ECHO: TestLanguage<Environment> = TestLanguage("echo", Environment);

impl Session for Environment {
    fn compile(&self, _: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        Ok(Box::new(Nothing))
    }

    fn ask(&self, question: &K) -> Option<Result<K, String>> {
        assert!(question.as_text().is_none(), "a text is too much");
        match question.as_sym() {
            Some(_) => Some(Ok(K::str(&self.0))),
            None => Some(Err("type".to_owned())),
        }
    }
}

/// Lets everything pass; belongs to the language.
struct Spoken;

impl Operator for Spoken {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }
}

fn spoken(_: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    env.expr(&Code { lang: "echo".to_owned(), ..Code::default() }, Form::Mapping)?;
    Ok(Box::new(Spoken))
}

static SPOKEN: OperatorSpec = Spec::undocumented("spoken", spoken);

/// A pipeline that waits, or one that ends at once, with a spoken operator.
fn plan(name: &str, waits: bool) -> Plan {
    let source = if waits {
        json!({"partitions": 1, "blocks": 1, "fatal": 9})
    } else {
        json!({"partitions": 1, "blocks": 1})
    };
    let spoken = Component::new("spoken", Json::Null);
    let mut plan = plan_of(name, source, &[split(), spoken], "collect");
    plan.shards_max = Some(1);
    plan
}

fn ask(handle: &EngineHandle, id: &str, question: K) -> Option<Result<K, String>> {
    wait(handle.inquire(Key::new("test", id), question)).expect("the engine answers")
}

#[test]
fn a_language_answers_for_its_pipeline_while_that_runs() {
    let config = EngineConfig { shards: 2, pin: false, ..EngineConfig::default() };
    let mut registry = registry();
    registry.operators.push(&SPOKEN);
    registry.languages.push(&ECHO);
    let engine = Engine::start(&config, &registry, &[]).expect("the engine starts");
    let handle = engine.handle();
    let prelude = |text: &str| Some(Code { lang: "echo".into(), text: text.into(), slot: None });
    for name in ["first", "second"] {
        let asked = Plan { prelude: prelude(name), ..plan(&format!("asked-{name}"), true) };
        put(&handle, name, asked).expect("it is put");
    }
    put(&handle, "silent", plan("asked-silent", true)).expect("it is put");
    let ended = Plan { prelude: prelude("ended"), ..plan("asked-ended", false) };
    put(&handle, "ended", ended).expect("it is put");
    assert_eq!(until_ended(&handle, "ended"), State::Finished);
    let name = || K::sym("a");
    assert_eq!(ask(&handle, "first", name()), Some(Ok(K::str("first"))));
    assert_eq!(ask(&handle, "second", name()), Some(Ok(K::str("second"))));
    assert_eq!(ask(&handle, "silent", name()), None, "its language has no prelude");
    assert_eq!(ask(&handle, "ended", name()), None, "nobody is there any more");
    assert_eq!(ask(&handle, "missing", name()), None);
    assert_eq!(ask(&handle, "first", K::long(1)), Some(Err("type".to_owned())));
    let broken = Some(Err("panicked: a text is too much".to_owned()));
    assert_eq!(ask(&handle, "first", K::str("a")), broken, "an error of the question");
    assert_eq!(ask(&handle, "first", name()), Some(Ok(K::str("first"))), "and of nothing else");
    end(engine);
}
