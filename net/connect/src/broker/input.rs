//! Source `broker`: several sources side by side.

use std::rc::Rc;

use futures_util::future::join_all;
use plan::env::read_config;
use plan::fields::Input;
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError, SourceSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::{CATEGORY, CHILDREN_MAX};
use crate::nested::{Nested, replays};
use crate::policy::Config as Policy;

/// Reads several inputs side by side. It ends when all of them have ended.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// How many times each input is made.
    #[serde(default = "one")]
    #[schemars(extend("advanced" = true))]
    pub copies: usize,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// Gathers messages into batches.
    #[serde(default)]
    pub batching: Policy,
}

fn one() -> usize {
    1
}

/// A running `broker` source.
pub struct Broker {
    children: Vec<Nested>,
    replays: bool,
}

impl Source for Broker {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let runs = self.children.iter_mut().map(|child| child.run(&context));
            join_all(runs).await.into_iter().collect()
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    let count = config.inputs.len().saturating_mul(config.copies);
    if count == 0 || count > CHILDREN_MAX {
        return Err(BuildError::new(if count == 0 {
            "attempting to create broker input type with no inputs".to_owned()
        } else {
            format!("a broker may have {CHILDREN_MAX} inputs at most")
        }));
    }
    let mut sources = Vec::new();
    for _ in 0..config.copies {
        for input in &config.inputs {
            sources.push(env.source(input)?);
        }
    }
    let replays = replays(&sources);
    let children = sources.into_iter().map(|source| Nested::new(source, replays)).collect();
    let broker = Box::new(Broker { children, replays });
    crate::batched::wrap(broker, &config.batching, env)
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "broker",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Reads several inputs side by side.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "two directories",
        config: r#"{"inputs":[{"name":"file","config":{"paths":["a/*"]}},{"name":"stdin"}]}"#,
        input: &[],
        output: &[],
    }],
    build,
};
