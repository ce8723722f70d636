//! Sink `cache`: writes messages into a cache.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::fields::{CacheLabel, Interpolated};
use plan::shared::{Cache, CacheOp, text_of, ttl_of};
use plan::{
    Batch, BuildError, Component, Env, Example, Expr, Fault, Form, Json, LocalBoxFuture, Sink,
    SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of `cache`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The cache.
    pub target: CacheLabel,
    /// The key of a message.
    #[serde(default = "default_key")]
    pub key: Interpolated,
    /// How long it is kept, such as `60s`; what the cache says when it is left out.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub ttl: Interpolated,
    /// Batches that may be on their way at once.
    #[serde(default = "in_flight")]
    pub max_in_flight: usize,
}

fn default_key() -> Interpolated {
    r#"${!count("items")}-${!timestamp_unix_nano()}"#.into()
}

fn in_flight() -> usize {
    64
}

/// A running `cache` sink.
pub struct CacheSink {
    cache: Rc<dyn Cache>,
    exprs: RefCell<Exprs>,
    max_in_flight: usize,
    component: Component,
}

struct Exprs {
    key: Box<dyn Expr>,
    ttl: Option<Box<dyn Expr>>,
}

impl Exprs {
    fn op(&mut self, batch: &Batch, at: usize) -> Result<CacheOp, String> {
        let Some(records) = batch.as_records() else {
            return Err("a cache takes messages only".to_owned());
        };
        let key = text_of(&mut *self.key, "key", batch, at)?;
        let ttl_ns = ttl_of(&mut self.ttl, batch, at)?;
        let value = records.bytes(at, &mut Vec::new()).to_vec();
        Ok(CacheOp::Set { key, value, ttl_ns })
    }
}

impl CacheSink {
    async fn store(&self, batch: &Batch) -> Result<(), SinkError> {
        let (mut ops, mut failed) = (Vec::new(), Vec::new());
        let mut places = Vec::new();
        for at in 0..batch.len() {
            match self.exprs.borrow_mut().op(batch, at) {
                Ok(op) => {
                    ops.push(op);
                    places.push(at);
                }
                Err(text) => failed.push((at, fault_of(&self.component, text))),
            }
        }
        for (at, result) in places.into_iter().zip(self.cache.run(ops).await) {
            if let Err(error) = result {
                failed.push((at, fault_of(&self.component, error.to_string())));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(SinkError::Some(failed)) }
    }
}

impl Sink for CacheSink {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.store(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.max_in_flight == 0 {
        return Err(BuildError::new("max_in_flight must be greater than or equal to 1"));
    }
    let ttl = match config.ttl.is_empty() {
        true => None,
        false => Some(env.expr(&config.ttl.0, Form::Text)?),
    };
    Ok(Box::new(CacheSink {
        cache: env.cache(&config.target.0)?,
        exprs: RefCell::new(Exprs { key: env.expr(&config.key.0, Form::Text)?, ttl }),
        max_in_flight: config.max_in_flight,
        component: env.component().clone(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "cache",
    since: "0.1.0",
    category: "integration",
    summary: "Writes each message into a cache.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "by their ids",
        config: r#"{"target":"orders","key":"${! json(\"id\") }","ttl":"1h"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
