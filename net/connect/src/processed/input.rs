//! Source `processed`: the messages of another source, run through operators.

use std::rc::Rc;
use std::sync::Arc;

use plan::env::read_config;
use plan::fields::{Input, Processor};
use plan::{
    Batch, BuildError, Emitted, End, Env, Example, Fault, Json, LocalBoxFuture, Outcome, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::chain::Chain;
use crate::compose::{CATEGORY, leave_to};
use crate::nested::Nested;

/// An input and processors of what it reads.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The input.
    pub input: Input,
    /// Processors of its messages.
    #[serde(default)]
    pub processors: Vec<Processor>,
}

/// The context of the child: what it emits is processed first.
struct Processing {
    outer: Rc<dyn SourceContext>,
    chain: Rc<Chain>,
}

impl Processing {
    async fn process(&self, batch: Batch) -> Result<Emitted, SourceError> {
        let batches = self.chain.run(batch).await.map_err(|e| SourceError::Fatal(e.0))?;
        let mut emitted = Vec::new();
        for batch in batches.into_iter().filter(|b| !b.is_empty()) {
            emitted.push(self.outer.emit(batch).await?);
        }
        Ok(Emitted(Box::pin(async move {
            let mut whole = Outcome::default();
            for one in emitted {
                let outcome = one.outcome().await;
                // Which message of the child became which here is not known.
                let failures = outcome.failures.into_iter();
                whole.failures.extend(failures.map(|(_, fault): (_, Arc<Fault>)| (None, fault)));
                whole.replies.extend(outcome.replies);
            }
            whole
        })))
    }
}

impl SourceContext for Processing {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.process(batch))
    }

    leave_to!(outer);
}

/// A running `processed` source.
pub struct Processed {
    child: Nested,
    replays: bool,
    chain: Rc<Chain>,
}

impl Source for Processed {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let chain = Rc::clone(&self.chain);
            let inner: Rc<dyn SourceContext> =
                Rc::new(Processing { outer: Rc::clone(&context), chain });
            let ended = self.child.run(&inner).await;
            let end = if ended.is_ok() { End::Drained } else { End::Stopped };
            let held = self.chain.end(end).await.map_err(|e| SourceError::Fatal(e.0))?;
            for batch in held.into_iter().filter(|b| !b.is_empty()) {
                drop(context.emit(batch).await?);
            }
            ended
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    let source = env.source(&config.input)?;
    let replays = source.replays();
    let chain = Rc::new(Chain::build(&config.processors, env)?);
    Ok(Box::new(Processed { child: Nested::new(source, replays), replays, chain }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "processed",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Runs the messages of another input through processors.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "lines without their case",
        config: r#"{"input":{"name":"stdin"},"processors":[{"name":"noop"}]}"#,
        input: &[],
        output: &[],
    }],
    build,
};
