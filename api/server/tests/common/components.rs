//! Components that do one thing each.

use std::rc::Rc;
use std::sync::Arc;

use plan::{
    Batch, BuildError, Class, Data, Env, Fault, Json, LocalBoxFuture, Operator, Record, Records,
    Registry, Secret, Sink, SinkError, Source, SourceContext, SourceError, Spec, Step,
};
use serde_json::json;

fn empty() -> Json {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

fn ticks_schema() -> Json {
    json!({"type": "object", "additionalProperties": false,
           "properties": {"count": {"type": "integer", "default": 0}}})
}

fn tag_schema() -> Json {
    json!({"type": "object", "additionalProperties": false, "required": ["text"],
           "properties": {"text": {"type": "string"},
                          "key": {"type": "string", "x-kind": "secret"}}})
}

macro_rules! spec {
    ($name:literal, $schema:ident, $build:expr) => {
        Spec {
            name: $name,
            since: "0",
            category: "test",
            summary: "Test.",
            schema: $schema,
            examples: &[],
            build: $build,
        }
    };
}

type Ran<'a> = LocalBoxFuture<'a, Result<(), SourceError>>;

/// Emits so many messages and ends; with none, waits until it is stopped.
struct Ticks(u64);

impl Source for Ticks {
    fn run<'a>(&'a mut self, context: Rc<dyn SourceContext>) -> Ran<'a> {
        Box::pin(async move {
            context.connected(true);
            for i in 0..self.0 {
                let mut records = Records::default();
                records.recs.push(Record::own(i.to_string().into_bytes()));
                drop(context.emit(Batch::new(Data::Records(records))).await?);
            }
            if self.0 == 0 {
                context.stopping().await;
            }
            Ok(())
        })
    }
}

/// Has nothing to read from.
struct Offline;

impl Source for Offline {
    fn run<'a>(&'a mut self, context: Rc<dyn SourceContext>) -> Ran<'a> {
        Box::pin(async move {
            context.connected(false);
            context.stopping().await;
            Ok(())
        })
    }
}

/// Fails as an expression of q does.
struct Fails;

impl Source for Fails {
    fn run<'a>(&'a mut self, _: Rc<dyn SourceContext>) -> Ran<'a> {
        Box::pin(async { Err(SourceError::Fatal("expr-3c6ef5e2: 'type".to_owned())) })
    }
}

/// Lets everything through.
struct Pass;

impl Operator for Pass {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }
}

/// Takes everything, or never finishes.
struct Hole {
    stuck: bool,
}

impl Sink for Hole {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async {
            if self.stuck {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

fn broken(_: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    Err(BuildError::new("it is broken"))
}

/// Lets everything through, unless it has a key that is not the right one.
fn tag(config: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let key = config.get("key").map(|key| serde_json::from_value::<Secret<String>>(key.clone()));
    match key.transpose() {
        Ok(None) => Ok(Box::new(Pass)),
        Ok(Some(key)) if key.expose() == "hush" => Ok(Box::new(Pass)),
        _ => Err(BuildError::new("the key is wrong")),
    }
}

static TICKS: plan::SourceSpec = spec!("ticks", ticks_schema, |config: &Json, _: &dyn Env| {
    Ok(Box::new(Ticks(config.get("count").and_then(Json::as_u64).unwrap_or(0))))
});
static STDIN: plan::SourceSpec = spec!("stdin", empty, |_, _| Ok(Box::new(Offline)));
static OFFLINE: plan::SourceSpec = spec!("offline", empty, |_, _| Ok(Box::new(Offline)));
static FAILS: plan::SourceSpec = spec!("fails", empty, |_, _| Ok(Box::new(Fails)));
static TAG: plan::OperatorSpec = spec!("tag", tag_schema, tag);
static BROKEN: plan::OperatorSpec = spec!("broken", empty, broken);
static SPLIT: plan::OperatorSpec = spec!("split_lines", empty, |_, _| Ok(Box::new(Pass)));
static DROP: plan::SinkSpec = spec!("drop", empty, |_, _| Ok(Box::new(Hole { stuck: false })));
static STDOUT: plan::SinkSpec = spec!("stdout", empty, |_, _| Ok(Box::new(Hole { stuck: false })));
static STUCK: plan::SinkSpec = spec!("stuck", empty, |_, _| Ok(Box::new(Hole { stuck: true })));

/// All of them.
pub(crate) fn registry() -> Registry {
    Registry {
        sources: vec![&TICKS, &STDIN, &OFFLINE, &FAILS, &super::load::SOURCE],
        operators: vec![&TAG, &BROKEN, &SPLIT],
        sinks: vec![&DROP, &STDOUT, &STUCK, &super::load::SINK],
        ..Registry::default()
    }
}
