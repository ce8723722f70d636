//! Pipelines that are made of documents of other servers.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use engine::{Engine, EngineConfig, PutError};
use plan::serde_json::json;
use plan::{
    Batch, BuildError, Class, Component, Env, Json, Operator, OperatorSpec, Services, Spec, Step,
};

use crate::components::{registry, shelf};
use crate::{end, plan_of, put, until_ended};

/// Documents that a pipeline may want, and bytes of them together.
const DOCUMENTS_MAX: usize = 64;
const DOCUMENTS_BYTES_MAX: usize = 64 << 20;

/// Passes everything on; it is made of documents.
struct Wants;

impl Operator for Wants {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }
}

fn wants(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let addresses = config.get("addresses").and_then(Json::as_array);
    for address in addresses.into_iter().flatten().filter_map(Json::as_str) {
        env.services().document(address).map_err(BuildError::new)?;
    }
    Ok(Box::new(Wants))
}

static WANTS: OperatorSpec = Spec::undocumented("wants", wants);

/// How often a document was asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// `gone` is not there, `lost` has no answer; of what is a number there are so many bytes.
fn fetch(address: &str, _: &dyn Services) -> flume::Receiver<Result<Bytes, String>> {
    if ["a", "b"].contains(&address) {
        ASKED.fetch_add(1, Ordering::Relaxed);
    }
    let (answer, answered) = flume::bounded(1);
    let document = match address {
        "lost" => return answered,
        "gone" => Err("it is gone".to_owned()),
        _ => Ok(vec![b'x'; address.parse().unwrap_or(1)].into()),
    };
    answer.send(document).expect("there is room");
    answered
}

fn start(fetch: Option<engine::Fetch>) -> Engine {
    let config = EngineConfig { shards: 2, pin: false, fetch, ..EngineConfig::default() };
    let mut registry = registry();
    registry.operators.push(&WANTS);
    Engine::start(&config, &registry, &[]).expect("the engine starts")
}

fn wanting(addresses: &[String]) -> Component {
    Component::new("wants", json!({ "addresses": addresses }))
}

fn refused(engine: &Engine, name: &str, addresses: &[String]) -> String {
    let plan = plan_of(name, json!({"partitions": 1}), &[wanting(addresses)], "collect");
    match put(&engine.handle(), name, plan) {
        Err(PutError::Build { text, .. }) => text,
        other => format!("{other:?}"),
    }
}

#[test]
fn documents_are_fetched_before_a_pipeline_starts() {
    let engine = start(Some(fetch));
    let addresses = ["a", "b", "a"].map(str::to_owned);
    let operators = [crate::split(), wanting(&addresses)];
    let source = json!({"partitions": 2, "blocks": 3, "lines": 5});
    put(&engine.handle(), "wants", plan_of("wants", source, &operators, "collect")).unwrap();
    until_ended(&engine.handle(), "wants");
    assert_eq!(shelf("wants").lines.lock().unwrap().len(), 30, "both instances have them");
    assert_eq!(ASKED.load(Ordering::Relaxed), 2, "each is asked for once");
    let gone = ["a", "gone"].map(str::to_owned);
    assert_eq!(refused(&engine, "gone", &gone), "it is gone");
    let lost = refused(&engine, "lost", &["lost".to_owned()]);
    assert_eq!(lost, "Get \"lost\": the request was lost");
    end(engine);
}

#[test]
fn documents_have_limits() {
    let engine = start(Some(fetch));
    let many: Vec<String> = (0..=DOCUMENTS_MAX).map(|number| format!("d{number}")).collect();
    let text = refused(&engine, "many", &many);
    assert_eq!(text, "Get \"d64\": a pipeline has 64 documents at most");
    let long = [DOCUMENTS_BYTES_MAX / 2, DOCUMENTS_BYTES_MAX / 2 + 1].map(|n| n.to_string());
    let text = refused(&engine, "long", &long);
    assert!(text.ends_with("the documents of a pipeline have 67108864 bytes at most"), "{text}");
    end(engine);
}

#[test]
fn without_the_web_there_are_no_documents() {
    let engine = start(None);
    let text = refused(&engine, "offline", &["a".to_owned()]);
    assert_eq!(text, "Get \"a\": documents are not fetched here");
    end(engine);
}
