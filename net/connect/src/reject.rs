//! Sink `reject`: refuses every message with a text.

use std::cell::RefCell;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::fields::Interpolated;
use plan::{
    Batch, BuildError, Component, Env, Example, Expr, Fault, Form, Json, LocalBoxFuture, Sink,
    SinkError, SinkSpec, schema_of,
};

/// The text that messages are refused with; may depend on the message.
pub type Config = Interpolated;

/// A running `reject` sink.
pub struct Reject {
    component: Component,
    text: RefCell<Box<dyn Expr>>,
}

impl Reject {
    fn refuse(&self, batch: &Batch) -> SinkError {
        let mut text = self.text.borrow_mut();
        let mut of = |index: usize| {
            let mut out = Vec::new();
            let text = match text.text(batch, index, &mut out) {
                Ok(()) => String::from_utf8_lossy(&out).into_owned(),
                Err(fault) => format!("reject message interpolation error: {}", fault.text),
            };
            fault_of(&self.component, text)
        };
        match batch.as_records() {
            Some(_) => SinkError::Some((0..batch.len()).map(|i| (i, of(i))).collect()),
            None => SinkError::All(of(0)),
        }
    }
}

impl Sink for Reject {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(std::future::ready(Err(self.refuse(batch))))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn refuses(&self) -> bool {
        true
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    let text = RefCell::new(env.expr(&config.0, Form::Text)?);
    Ok(Box::new(Reject { component: env.component().clone(), text }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "reject",
    since: "0.1.0",
    category: "utility",
    summary: "Refuses every message with a text.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "with the error of processing",
        config: r#""processing failed: ${! error() }""#,
        input: &[],
        output: &[],
    }],
    build,
};
