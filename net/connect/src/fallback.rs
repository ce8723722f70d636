//! Sink `fallback`: messages that one sink refuses go to the next.

use std::sync::Arc;

use formats::value::Value;
use plan::env::read_config;
use plan::fields::Output;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};

use crate::compose::child::{Child, close_all, open_all};
use crate::compose::part::{Part, result};
use crate::compose::{CATEGORY, CHILDREN_MAX};

/// Metadata that tells the next output why the last one refused the message.
const ERROR_KEY: &str = "fallback_error";

/// Outputs in the order in which they are tried.
pub type Config = Vec<Output>;

/// A running `fallback` sink.
pub struct Fallback {
    children: Vec<Child>,
}

impl Fallback {
    async fn try_in_turn(&self, batch: &Batch) -> Result<(), SinkError> {
        let mut positions: Vec<usize> = (0..batch.len().max(1)).collect();
        let mut part: Option<Part> = None;
        for (nth, child) in self.children.iter().enumerate() {
            let current: &Batch = part.as_deref().unwrap_or(batch);
            let Err(failed) = child.write(current).await else { return Ok(()) };
            let failed = failed.by_index(current.len());
            let whole = failed.iter();
            let whole: Vec<(usize, Arc<Fault>)> = whole
                .filter_map(|(at, fault)| Some((*positions.get(*at)?, Arc::clone(fault))))
                .collect();
            if nth + 1 == self.children.len() {
                return result(whole, batch);
            }
            if let Some(records) = current.as_records() {
                let recs = failed.iter().filter_map(|(at, fault)| {
                    let mut record = records.recs.get(*at)?.clone();
                    record.meta_mut().set(ERROR_KEY, Value::text(fault.text.as_str()));
                    Some(record)
                });
                part = Some(Part::with(current, recs.collect()));
                positions = whole.into_iter().map(|(at, _)| at).collect();
            }
        }
        Ok(())
    }
}

impl Sink for Fallback {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(open_all(&self.children))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.try_in_turn(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(close_all(&self.children))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.is_empty() || config.len() > CHILDREN_MAX {
        let text = format!("fallback needs between 1 and {CHILDREN_MAX} outputs");
        return Err(BuildError::new(text));
    }
    let children: Result<_, _> = config.iter().map(|output| Child::build(output, env)).collect();
    Ok(Box::new(Fallback { children: children? }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "fallback",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Gives messages that one output refuses to the next.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a file for what the socket refuses",
        config: r#"[{"name":"socket","config":{"network":"tcp","address":"localhost:6000"}},
                    {"name":"file","config":{"path":"./refused.txt"}}]"#,
        input: &[],
        output: &[],
    }],
    build,
};
