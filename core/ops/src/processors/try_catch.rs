//! `try_catch`: processors, and others for messages on which one of them failed.

use std::sync::Arc;

use formats::value::{Object, Text, Value};
use plan::env::read_config;
use plan::fields::Processor;
use plan::{
    Batch, Class, Example, Fault, Operator, OperatorError, OperatorSpec, Record, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Frame, drive};
use crate::stages::run_stages;

/// Configuration of `try_catch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What is tried; a message leaves it at the first failure.
    processors: Vec<Processor>,
    /// What is done with a message that failed.
    #[serde(default)]
    catch: Vec<Processor>,
    /// Metadata key under which those find the error: `what`, `name`, `label` and `path`.
    #[serde(default = "error_key")]
    error_metadata: String,
}

fn error_key() -> String {
    "error".to_owned()
}

struct TryCatch {
    tried: Chain,
    caught: Chain,
    key: Arc<str>,
}

impl TryCatch {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let clean = |rec: &Record| rec.fault.is_none();
        let tried = run_stages(&mut self.tried, &frame, records, clean).await?;
        let mut parts = Vec::with_capacity(tried.len());
        for mut part in tried {
            let mut failed = false;
            part.retain(|rec| {
                if let Some(fault) = rec.fault.clone() {
                    rec.meta_mut().set(Arc::clone(&self.key), described(&fault));
                    failed = true;
                }
                true
            });
            if failed {
                parts.extend(self.catch(part).await?);
            } else {
                parts.push(part);
            }
        }
        frame.join(parts, out);
        Ok(())
    }

    /// Runs the processors for failures and clears the flag afterwards.
    async fn catch(&mut self, part: Batch) -> Result<Vec<Batch>, OperatorError> {
        let mut batches = self.caught.run(part).await?;
        for batch in &mut batches {
            batch.retain(|rec| {
                rec.fault = None;
                true
            });
        }
        Ok(batches)
    }
}

/// The error as processors see it.
fn described(fault: &Fault) -> Value {
    let path = fault.path.strip_prefix("root.").unwrap_or(&fault.path);
    let members = [
        ("what", fault.text.as_str()),
        ("name", fault.name.as_str()),
        ("label", fault.label.as_str()),
        ("path", path),
    ];
    let members = members.into_iter().map(|(key, text)| (Text::from(key), Value::text(text)));
    Value::object(members.collect::<Object>())
}

impl Operator for TryCatch {
    fn class(&self) -> Class {
        self.tried.class().max(self.caught.class())
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `try_catch`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "try_catch",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors, and others on messages on which one of them failed.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "say what failed",
        config: r#"{"processors":[{"mapping":"root = this.a.number()"}],
            "catch":[{"mapping":"root = @error.name"}]}"#,
        input: &[r#"{"a":"5"}"#, r#"{"a":"x"}"#],
        output: &["5", "mapping"],
    }],
    build: |config, env| {
        let Config { processors, catch, error_metadata } = read_config(config)?;
        Ok(Box::new(TryCatch {
            tried: Chain::build(env, &processors)?,
            caught: Chain::build(env, &catch)?,
            key: error_metadata.into(),
        }))
    },
};
