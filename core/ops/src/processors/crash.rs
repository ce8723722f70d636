//! `crash`: ends the process.

use plan::env::read_config;
use plan::fields::Interpolated;
use plan::{
    Batch, Class, Example, Expr, Form, Log, Operator, OperatorSpec, Services, Step, schema_of,
};
use std::rc::Rc;

struct Crash {
    message: Box<dyn Expr>,
    services: Rc<dyn Services>,
}

impl Operator for Crash {
    fn class(&self) -> Class {
        self.message.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        if batch.is_empty() {
            out.push(batch);
            return Step::Done(Ok(()));
        }
        let mut text = Vec::new();
        if let Err(fault) = self.message.text(&batch, 0, &mut text) {
            text = fault.text.into_bytes();
        }
        self.services.log(Log::Error, &String::from_utf8_lossy(&text), &[]);
        std::process::exit(1)
    }
}

/// The processor `crash`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "crash",
    since: "0.1.0",
    category: "utility",
    summary: "Ends the whole process with a message: for what must never happen.",
    schema: schema_of::<Interpolated>,
    examples: &[Example {
        title: "nothing happens without a message",
        config: r#""this must not be""#,
        input: &[],
        output: &[],
    }],
    build: |config, env| {
        let Interpolated(code) = read_config(config)?;
        let message = env.expr(&code, Form::Text)?;
        Ok(Box::new(Crash { message, services: env.services() }))
    },
};
