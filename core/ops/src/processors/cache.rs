//! `cache`: reads and writes values of a cache (spec/benthos-components.md §C).

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::{CacheLabel, Interpolated};
use plan::shared::{Cache, CacheError, CacheOp, CacheResult, text_of, ttl_of};
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Form, Json, Operator, OperatorError,
    OperatorSpec, Record, Step, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batches::{Faults, drive, with_bytes};

/// Configuration of `cache`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The cache.
    resource: CacheLabel,
    /// What is done.
    operator: What,
    /// The key.
    key: Interpolated,
    /// What is written, by `set` and `add`.
    #[serde(default)]
    value: Interpolated,
    /// How long it is kept, such as `60s`; what the cache says when it is left out.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    ttl: Interpolated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Writes a value over what is there.
    Set,
    /// Writes a value; it is an error if there is one.
    Add,
    /// The value becomes the content of the message; it is an error if there is none.
    Get,
    /// Removes a value.
    Delete,
    /// The content becomes whether there is a value: `true` or `false`.
    Exists,
}

struct CacheAccess {
    cache: Rc<dyn Cache>,
    what: What,
    key: Box<dyn Expr>,
    value: Box<dyn Expr>,
    ttl: Option<Box<dyn Expr>>,
    faults: Faults,
}

impl CacheAccess {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let config: Config = read_config(config)?;
        let ttl = match config.ttl.is_empty() {
            true => None,
            false => Some(env.expr(&config.ttl.0, Form::Text)?),
        };
        Ok(Box::new(CacheAccess {
            cache: env.cache(&config.resource.0)?,
            what: config.operator,
            key: env.expr(&config.key.0, Form::Text)?,
            value: env.expr(&config.value.0, Form::Text)?,
            ttl,
            faults: Faults::of(env.component()),
        }))
    }

    /// What is to be done for a message.
    fn op(&mut self, batch: &Batch, index: usize) -> Result<CacheOp, String> {
        let key = text_of(&mut *self.key, "key", batch, index)?;
        Ok(match self.what {
            What::Get | What::Exists => CacheOp::Get { key },
            What::Delete => CacheOp::Delete { key },
            What::Set | What::Add => {
                let value = text_of(&mut *self.value, "value", batch, index)?;
                let ttl_ns = ttl_of(&mut self.ttl, batch, index)?;
                match self.what {
                    What::Set => CacheOp::Set { key, value, ttl_ns },
                    _ => CacheOp::Add { key, value, ttl_ns },
                }
            }
        })
    }

    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (mut ops, mut keys) = (Vec::new(), Vec::with_capacity(batch.len()));
        for index in 0..batch.len() {
            keys.push(self.op(&batch, index).map(|op| {
                let key = key_of(&op).to_vec();
                ops.push(op);
                key
            }));
        }
        let mut results = self.cache.run(ops).await.into_iter();
        let Some(records) = batch.as_records_mut() else {
            return Err(OperatorError::new("a cache works on messages only"));
        };
        for (rec, key) in records.recs.iter_mut().zip(keys) {
            let changed = match key {
                Ok(key) => {
                    results.next().ok_or("the cache did not answer".to_owned()).and_then(|result| {
                        changed(self.what, rec, result).map_err(|error| said(&key, &error))
                    })
                }
                Err(text) => Err(text),
            };
            match changed {
                Ok(Some(new)) => *rec = new,
                Ok(None) => {}
                Err(text) => rec.fault = Some(self.faults.fault(text)),
            }
        }
        out.push(batch);
        Ok(())
    }
}

fn key_of(op: &CacheOp) -> &[u8] {
    match op {
        CacheOp::Get { key } | CacheOp::Delete { key } => key,
        CacheOp::Set { key, .. } | CacheOp::Add { key, .. } => key,
    }
}

/// What becomes of a message; `None` when it stays as it is.
fn changed(what: What, rec: &Record, result: CacheResult) -> Result<Option<Record>, CacheError> {
    match (what, result) {
        (What::Exists, Err(CacheError::NotFound)) => Ok(Some(with_bytes(rec, b"false".to_vec()))),
        (What::Exists, Ok(_)) => Ok(Some(with_bytes(rec, b"true".to_vec()))),
        (What::Get, Ok(value)) => Ok(Some(with_bytes(rec, value.unwrap_or_default()))),
        (_, result) => result.map(|_| None),
    }
}

/// The words that users know.
fn said(key: &[u8], error: &CacheError) -> String {
    let key = String::from_utf8_lossy(key);
    match error {
        CacheError::Exists => format!("{error}: {key}"),
        _ => format!("operator failed for key '{key}': {error}"),
    }
}

impl Operator for CacheAccess {
    fn class(&self) -> Class {
        // What one message writes, the next one reads.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `cache`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "cache",
    since: "0.1.0",
    category: "integration",
    summary: "Reads or writes a value of a cache for each message.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a value by its key",
        config: r#"{"resource":"words","operator":"get","key":"${! content() }"}"#,
        input: &["greeting"],
        output: &["hello"],
    }],
    build: CacheAccess::build,
};
