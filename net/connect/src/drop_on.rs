//! Sink `drop_on`: drops what another sink refuses, or what it takes too long for.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::env::read_config;
use plan::fields::{Duration, Output};
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Log, Services, Sink, SinkError,
    SinkSpec, schema_of,
};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::CATEGORY;
use crate::compose::child::Child;
use crate::compose::part::result;

/// Drops messages instead of refusing them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Drops what the output refuses.
    #[serde(default)]
    pub error: bool,
    /// Drops what the output refuses with an error that matches one of these patterns.
    #[serde(default)]
    pub error_patterns: Vec<String>,
    /// Drops what the output does not take within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_pressure: Option<String>,
    /// The output.
    pub output: Output,
}

/// A running `drop_on` sink.
pub struct DropOn {
    error: bool,
    patterns: Vec<Regex>,
    back_pressure: Option<Time>,
    child: Child,
    services: Rc<dyn Services>,
}

impl DropOn {
    fn drops(&self, fault: &Fault) -> bool {
        self.error || self.patterns.iter().any(|p| p.is_match(&fault.text))
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let written = match self.back_pressure {
            None => self.child.write(batch).await,
            Some(limit) => match rt::timeout(limit, self.child.write(batch)).await {
                Ok(written) => written,
                Err(_) => {
                    let text = "Message dropped due to back pressure.";
                    self.services.log(Log::Warn, text, &[]);
                    return Ok(());
                }
            },
        };
        let Err(failed) = written else { return Ok(()) };
        let (dropped, kept): (Vec<_>, Vec<_>) =
            failed.by_index(batch.len()).into_iter().partition(|(_, fault)| self.drops(fault));
        if let Some((_, fault)) = dropped.first() {
            self.services.log(Log::Warn, "Message dropped due to: ", &[("error", &fault.text)]);
        }
        result(kept, batch)
    }
}

impl Sink for DropOn {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            match self.back_pressure {
                None => self.child.open().await,
                // A peer that is away is only slow; the write connects.
                Some(_) => Ok(()),
            }
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.child.close())
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.error && !config.error_patterns.is_empty() {
        return Err(BuildError::new("cannot specify both error and error_patterns"));
    }
    let pattern = |text: &String| {
        Regex::new(text).map_err(|e| BuildError::new(format!("failed to compile pattern: {e}")))
    };
    let back_pressure = match config.back_pressure.as_deref().filter(|t| !t.is_empty()) {
        None => None,
        Some(text) => {
            let parsed = Duration::parse(text);
            let parsed = parsed.map_err(|e| {
                BuildError::new(format!("failed to parse back_pressure duration: {e}"))
            })?;
            Some(Time::from_nanos(parsed.wait_ns()))
        }
    };
    Ok(Box::new(DropOn {
        error: config.error,
        patterns: config.error_patterns.iter().map(pattern).collect::<Result<_, _>>()?,
        back_pressure,
        child: Child::build(&config.output, env)?,
        services: env.services(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "drop_on",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Drops what another output refuses or does not take in time.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a socket that may be away",
        config: r#"{"back_pressure":"1s",
                    "output":{"name":"socket",
                              "config":{"network":"tcp","address":"localhost:1"}}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
