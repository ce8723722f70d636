//! `rate_limit`: lets messages pass as fast as a rate limit allows.

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::RateLimitLabel;
use plan::{
    Batch, Class, Example, Log, Operator, OperatorError, OperatorSpec, RateLimit, Services, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::drive;

/// Nanoseconds after which a rate limit that failed is asked again.
const RETRY_NS: u64 = 1_000_000_000;

/// Configuration of `rate_limit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The rate limit.
    resource: RateLimitLabel,
}

struct Limited {
    limit: Rc<dyn RateLimit>,
    services: Rc<dyn Services>,
}

impl Limited {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        for _ in 0..batch.len() {
            loop {
                match self.limit.access().await {
                    Ok(0) => break,
                    Ok(wait_ns) => self.services.sleep(wait_ns).await,
                    Err(text) => {
                        let text = format!("Failed to access rate limit: {text}");
                        self.services.log(Log::Error, &text, &[]);
                        self.services.sleep(RETRY_NS).await;
                    }
                }
            }
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Limited {
    fn class(&self) -> Class {
        // Messages stay in order while they wait.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `rate_limit`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "rate_limit",
    since: "0.1.0",
    category: "utility",
    summary: "Holds messages back until a rate limit grants each of them.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "not too fast",
        config: r#"{"resource":"slow"}"#,
        input: &["a", "b", "c"],
        output: &["a", "b", "c"],
    }],
    build: |config, env| {
        let Config { resource } = read_config(config)?;
        let limit = env.rate_limit(&resource.0)?;
        Ok(Box::new(Limited { limit, services: env.services() }))
    },
};
