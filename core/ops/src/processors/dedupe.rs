//! `dedupe`: drops messages whose key was seen before (spec/benthos-components.md §C).

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::{CacheLabel, Interpolated};
use plan::shared::{Cache, CacheError, CacheOp};
use plan::{
    Batch, Class, Example, Expr, Form, Log, Operator, OperatorError, OperatorSpec, Services, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, drive};

/// Configuration of `dedupe`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The cache that knows the keys that were seen.
    cache: CacheLabel,
    /// The key.
    key: Interpolated,
    /// Whether a message is dropped when the cache fails; otherwise it goes on, flagged.
    #[serde(default = "yes")]
    drop_on_err: bool,
}

fn yes() -> bool {
    true
}

struct Dedupe {
    cache: Rc<dyn Cache>,
    key: Box<dyn Expr>,
    drop_on_err: bool,
    services: Rc<dyn Services>,
    faults: Faults,
}

impl Dedupe {
    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (mut ops, mut keyed) = (Vec::new(), Vec::with_capacity(batch.len()));
        for index in 0..batch.len() {
            let mut key = Vec::new();
            let made = self.key.text(&batch, index, &mut key);
            keyed.push(made.is_ok());
            match made {
                Ok(()) => ops.push(CacheOp::Add { key, value: b"t".to_vec(), ttl_ns: None }),
                Err(fault) => {
                    let text = format!("Key interpolation error: {}", fault.text);
                    self.services.log(Log::Error, &text, &[]);
                }
            }
        }
        let (mut results, mut keyed) = (self.cache.run(ops).await.into_iter(), keyed.into_iter());
        let (faults, services) = (&self.faults, &self.services);
        batch.retain(|rec| {
            // A message whose key cannot be made is dropped, whatever is configured.
            if !keyed.next().unwrap_or(false) {
                return false;
            }
            match results.next() {
                Some(Ok(_)) => true,
                Some(Err(CacheError::Exists)) | None => false,
                Some(Err(error)) => {
                    let text = format!("Cache error: {error}");
                    services.log(Log::Error, &text, &[]);
                    rec.fault = Some(faults.fault(error.to_string()));
                    !self.drop_on_err
                }
            }
        });
        match batch.is_empty() {
            true => batch.ok(),
            false => out.push(batch),
        }
        Ok(())
    }
}

impl Operator for Dedupe {
    fn class(&self) -> Class {
        // Of equal messages the first one stays.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `dedupe`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "dedupe",
    since: "0.1.0",
    category: "utility",
    summary: "Drops messages whose key is in a cache, and adds the keys of the others to it.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "each content once",
        config: r#"{"cache":"words","key":"${! content() }"}"#,
        input: &["a", "b", "a"],
        output: &["a", "b"],
    }],
    build: |config, env| {
        let config: Config = read_config(config)?;
        Ok(Box::new(Dedupe {
            cache: env.cache(&config.cache.0)?,
            key: env.expr(&config.key.0, Form::Text)?,
            drop_on_err: config.drop_on_err,
            services: env.services(),
            faults: Faults::of(env.component()),
        }))
    },
};
