//! Source `sequence`: sources one after another, or their documents joined by an id.

mod join;

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::Input;
use plan::{
    Batch, BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError,
    SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::{CATEGORY, CHILDREN_MAX};
use crate::nested::{Nested, replays};
use join::{Collecting, Join};

/// Joins the documents of all inputs that have the same id.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ShardedJoin {
    /// `none`, `full-outer` (every document) or `outer` (documents of the first input).
    #[serde(rename = "type")]
    pub kind: String,
    /// Where the id of a document is, as a path with dots.
    pub id_path: String,
    /// How many times the inputs are read, each time for a part of the ids.
    pub iterations: u64,
    /// What becomes of values under the same key: `array`, `replace` or `keep`.
    pub merge_strategy: String,
}

impl Default for ShardedJoin {
    fn default() -> Self {
        ShardedJoin {
            kind: "none".to_owned(),
            id_path: String::new(),
            iterations: 1,
            merge_strategy: "array".to_owned(),
        }
    }
}

/// Reads inputs one after another.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Joins the documents of all inputs that have the same id.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub sharded_join: ShardedJoin,
    /// The inputs.
    pub inputs: Vec<Input>,
}

/// A running `sequence` source.
pub struct Sequence {
    children: Vec<Nested>,
    replays: bool,
    join: Option<Join>,
    next: usize,
}

impl Sequence {
    async fn one_after_another(
        &mut self,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        while let Some(child) = self.children.get_mut(self.next) {
            child.run(context).await?;
            self.next += 1;
        }
        Ok(())
    }

    async fn read(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let Some(join) = self.join.take() else { return self.one_after_another(context).await };
        let collecting = Rc::new(Collecting::new(Rc::clone(context), join));
        while let Some(child) = self.children.get_mut(self.next) {
            collecting.begin(self.next);
            let inner: Rc<dyn SourceContext> = collecting.clone();
            child.run(&inner).await?;
            self.next += 1;
        }
        for records in collecting.finish() {
            drop(context.emit(Batch::records(records)).await?);
        }
        Ok(())
    }
}

impl Source for Sequence {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.read(&context).await })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.inputs.is_empty() || config.inputs.len() > CHILDREN_MAX {
        let text = "requires at least one child input";
        let many = format!("a sequence may have {CHILDREN_MAX} inputs at most");
        let none = config.inputs.is_empty();
        return Err(BuildError::new(if none { text.to_owned() } else { many }));
    }
    let join = Join::build(&config.sharded_join)?;
    let sources: Result<Vec<_>, _> = config.inputs.iter().map(|i| env.source(i)).collect();
    let sources = sources?;
    let replays = replays(&sources);
    let children = sources.into_iter().map(|source| Nested::new(source, replays)).collect();
    Ok(Box::new(Sequence { children, replays, join, next: 0 }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "sequence",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Reads inputs one after another, or joins their documents.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a head before the lines",
        config: r#"{"inputs":[{"name":"file","config":{"paths":["./head"]}},{"name":"stdin"}]}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
