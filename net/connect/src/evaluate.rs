//! Source `evaluate`: what an expression gives, each time that it is read.

use std::rc::Rc;

use formats::k::K;
use plan::env::read_config;
use plan::fields::Mapping;
use plan::{
    Batch, BuildError, Data, Env, Example, Expr, Form, Json, LocalBoxFuture, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Evaluates an expression once and emits what it gives.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The expression, or a function that is called with nothing.
    pub code: Mapping,
}

/// A running `evaluate` source.
pub struct Evaluate {
    expr: Box<dyn Expr>,
}

impl Source for Evaluate {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            context.connected(true);
            let mut out = Vec::new();
            let nothing = Batch::new(Data::Value(K::Null));
            self.expr.map(nothing, &mut out).map_err(|e| SourceError::Fatal(e.0))?;
            for batch in out {
                drop(context.emit(batch).await?);
            }
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Evaluate { expr: env.expr(&config.code.0, Form::Mapping)? }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "evaluate",
    since: "0.1.0",
    category: "utility",
    summary: "Evaluates an expression once and emits what it gives.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a table",
        config: r#"{"code":"([] a:1 2 3)"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
