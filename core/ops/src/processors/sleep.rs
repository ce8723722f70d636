//! `sleep`: waits.

use plan::env::read_config;
use plan::fields::{Duration, Interpolated};
use plan::{
    Batch, Class, Example, Expr, Form, Operator, OperatorError, OperatorSpec, Services, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::rc::Rc;

use crate::batches::{Faults, drive};

/// Configuration of `sleep`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How long, such as `250ms`; made from the first message of each batch.
    duration: Interpolated,
}

struct Sleep {
    duration: Box<dyn Expr>,
    services: Rc<dyn Services>,
    faults: Faults,
}

impl Sleep {
    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut text = Vec::new();
        let read = self.duration.text(&batch, 0, &mut text).map_err(|fault| fault.text);
        let text = String::from_utf8_lossy(&text);
        match read.and_then(|()| Duration::parse(&text).map_err(|e| e.to_string())) {
            Ok(duration) => self.services.sleep(duration.wait_ns()).await,
            Err(text) => {
                let fault = self.faults.fault(format!("failed to parse duration: {text}"));
                batch.retain(|rec| {
                    rec.fault = Some(fault.clone());
                    true
                });
            }
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Sleep {
    fn class(&self) -> Class {
        self.duration.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `sleep`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "sleep",
    since: "0.1.0",
    category: "utility",
    summary: "Waits before each batch goes on.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a moment",
        config: r#"{"duration":"1us"}"#,
        input: &["a"],
        output: &["a"],
    }],
    build: |config, env| {
        let Config { duration } = read_config(config)?;
        let duration = env.expr(&duration.0, Form::Text)?;
        let faults = Faults::of(env.component());
        Ok(Box::new(Sleep { duration, services: env.services(), faults }))
    },
};
