//! Buffer `memory`: messages are kept in memory between an input and the pipeline
//! (spec/benthos-components.md §E). Whoever sent them hears at once that they were delivered, so
//! what is kept is lost with the process. A graceful stop waits until everything kept is delivered.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, join, select};
use plan::env::read_config;
use plan::fields::{Input, Part};
use plan::{
    Batch, BuildError, Emitted, Env, Example, Fault, Json, LocalBoxFuture, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::buffered::{BURST_MAX, BatchPolicy, Claims, Kept, Waiting, settled, weight};
use crate::compose::leave_to;
use crate::nested::Nested;

#[cfg(test)]
mod limits;

/// Keeps messages in memory.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Bytes that messages may take; an input waits when there are more. Each counts for its
    /// content and 128 bytes; one that is larger than the limit is refused.
    pub limit: i64,
    /// How messages are gathered into batches on their way out. What is left when the input ends
    /// is a batch, too.
    pub batch_policy: BatchPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Config { limit: 524_288_000, batch_policy: BatchPolicy::default() }
    }
}

/// The configuration with the input that fills the buffer, as a lowering makes it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Filled {
    /// The input.
    pub input: Input,
    #[serde(flatten)]
    config: Config,
}

/// The context of the input: what it emits is kept.
struct Filling {
    outer: Rc<dyn SourceContext>,
    kept: Rc<Kept>,
    burst: Cell<u32>,
}

impl Filling {
    async fn keep(&self, batch: Batch) -> Result<Emitted, SourceError> {
        let kept = &self.kept;
        let bytes = weight(&batch);
        if bytes > kept.limit {
            let text = format!("a batch of {bytes} bytes exceeds the limit of the buffer");
            return Ok(settled(vec![(None, Arc::new(Fault::new(text)))]));
        }
        let room = std::pin::pin!(
            kept.changed.until(|| (kept.bytes.get() + bytes <= kept.limit).then_some(()))
        );
        if let Either::Left(_) = select(self.outer.stopping(), room).await {
            return Err(SourceError::Stopped);
        }
        kept.bytes.set(kept.bytes.get() + bytes);
        kept.received.add(batch.len() as u64);
        kept.batch_received.add(batch.batches() as u64);
        let (data, since) = (batch.data, rt::now());
        let waiting = Waiting { data, bytes, since, claims: Claims::default() };
        kept.batches.borrow_mut().push_back(waiting);
        kept.changed.wake();
        // An input that never waits must not keep others from their turn.
        self.burst.set((self.burst.get() + 1) % BURST_MAX);
        if self.burst.get() == 0 {
            rt::yield_now().await;
        }
        Ok(settled(Vec::new()))
    }
}

impl SourceContext for Filling {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.keep(batch))
    }

    leave_to!(outer);
}

/// A running buffer with its input.
pub struct MemoryBuffer {
    input: Nested,
    kept: Rc<Kept>,
}

impl Source for MemoryBuffer {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let kept = Rc::clone(&self.kept);
            kept.ended.set(false);
            let (outer, burst) = (Rc::clone(&context), Cell::new(0));
            let filling: Rc<dyn SourceContext> =
                Rc::new(Filling { outer, kept: Rc::clone(&kept), burst });
            let fill = async {
                let ended = self.input.run(&filling).await;
                kept.ended.set(true);
                kept.changed.wake();
                ended
            };
            let (filled, drained) = join(fill, kept.drain(&context)).await;
            drained?;
            match filled {
                // What was kept is delivered: there is nothing to give up.
                Err(SourceError::Stopped) => Ok(()),
                filled => filled,
            }
        })
    }

    fn replays(&self) -> bool {
        // What is refused goes back into the buffer.
        false
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let Filled { input, config } = read_config(config)?;
    let input = env.source(&input)?;
    let limit = usize::try_from(config.limit).unwrap_or(0);
    let kept = Kept::build(limit, &config.batch_policy, false, env)?;
    let buffer = MemoryBuffer { input: Nested::new(input, false), kept };
    Ok(Box::new(buffer))
}

/// How it is called in configurations.
pub static PART: Part = Part {
    kind: "buffer",
    name: "memory",
    summary: "Keeps messages in memory between input and pipeline.",
    schema: schema_of::<Config>,
};

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "memory_buffer",
    since: "0.1.0",
    category: plan::component::BUFFER,
    summary: "An input behind a buffer in memory.",
    schema: schema_of::<Filled>,
    examples: &[Example {
        title: "a megabyte, in batches of ten or of what came in a second",
        config: r#"{"input":{"name":"stdin"},"limit":1048576,
            "batch_policy":{"enabled":true,"count":10,"period":"1s"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
