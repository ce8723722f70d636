//! Buffer `memory`: messages are kept in memory between an input and the pipeline
//! (spec/benthos-components.md §E). Whoever sent them hears at once that they were delivered, so
//! what is kept is lost with the process. A graceful stop waits until everything kept is delivered.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use futures_util::stream::FuturesUnordered;
use plan::env::{Counter, Timing, read_config};
use plan::fields::{Input, Part};
use plan::{
    Batch, BuildError, Data, Emitted, Env, Example, Fault, Json, LocalBoxFuture, Outcome, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::leave_to;
use crate::nested::Nested;
use crate::policy;
use crate::signal::Signal;

#[cfg(test)]
mod limits;

/// Batches that are on their way through the pipeline at once.
const IN_FLIGHT_MAX: usize = 1024;
/// Batches that an input may emit before others get their turn.
const BURST_MAX: u32 = 32;
/// Bytes that a message counts for besides its content.
const MESSAGE_BYTES: usize = 128;

/// Keeps messages in memory.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Bytes that messages may take; an input waits when there are more. Each counts for its
    /// content and 128 bytes; one that is larger than the limit is refused.
    pub limit: i64,
    /// How messages are gathered into batches on their way out; not supported so far.
    pub batch_policy: BatchPolicy,
}

/// A policy that may be switched off.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BatchPolicy {
    /// Whether messages are gathered.
    pub enabled: bool,
    #[serde(flatten)]
    policy: policy::Config,
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

/// What is kept, and counts of it.
struct Kept {
    limit: usize,
    batches: RefCell<VecDeque<Waiting>>,
    /// Bytes of what waits and of what is on its way.
    bytes: Cell<usize>,
    /// Whether nothing more comes.
    ended: Cell<bool>,
    changed: Signal,
    received: Counter,
    batch_received: Counter,
    sent: Counter,
    batch_sent: Counter,
    latency: Timing,
}

/// A batch that waits.
struct Waiting {
    data: Data,
    count: usize,
    bytes: usize,
    since: rt::Nanos,
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
        kept.batch_received.add(1);
        let (count, since) = (batch.len(), rt::now());
        let waiting = Waiting { data: batch.data, count, bytes, since };
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

/// Bytes that a batch takes while it is kept, about.
fn weight(batch: &Batch) -> usize {
    batch.payload_bytes() + batch.len() * MESSAGE_BYTES
}

/// An outcome that is known.
fn settled(failures: Vec<(Option<u32>, Arc<Fault>)>) -> Emitted {
    let outcome = Outcome { failures, replies: Vec::new() };
    Emitted(Box::pin(std::future::ready(outcome)))
}

impl SourceContext for Filling {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.keep(batch))
    }

    leave_to!(outer);
}

impl Kept {
    /// Hands on what is kept until nothing is left and nothing more comes. What is refused takes
    /// the first place again.
    async fn drain(&self, outer: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mut on_the_way = FuturesUnordered::new();
        loop {
            let full = on_the_way.len() >= IN_FLIGHT_MAX;
            let next = std::pin::pin!(self.changed.until(|| match full {
                true => None,
                false => self.take(),
            }));
            let waiting = if on_the_way.is_empty() {
                next.await
            } else {
                match select(next, on_the_way.next()).await {
                    Either::Left((waiting, _)) => waiting,
                    Either::Right(_) => continue,
                }
            };
            match waiting {
                Some(waiting) => {
                    let emitted = outer.emit_kept(Batch::new(waiting.data.clone())).await?;
                    on_the_way.push(self.sent(emitted, waiting));
                }
                None if on_the_way.is_empty() => return Ok(()),
                None => drop(on_the_way.next().await),
            }
        }
    }

    /// What waits first; `Some(None)` when nothing is left and nothing more comes.
    fn take(&self) -> Option<Option<Waiting>> {
        match self.batches.borrow_mut().pop_front() {
            Some(waiting) => Some(Some(waiting)),
            None => self.ended.get().then_some(None),
        }
    }

    async fn sent(&self, emitted: Emitted, mut waiting: Waiting) {
        let outcome = emitted.outcome().await;
        let before = waiting.count;
        if outcome.is_ok() {
            self.bytes.set(self.bytes.get() - waiting.bytes);
        } else {
            waiting.data = crate::nested::refused(waiting.data, &outcome);
            let batch = Batch::new(waiting.data);
            let bytes = weight(&batch);
            self.bytes.set(self.bytes.get() - waiting.bytes + bytes);
            let count = batch.len();
            waiting = Waiting { data: batch.data, count, bytes, ..waiting };
        }
        let delivered = before.saturating_sub(if outcome.is_ok() { 0 } else { waiting.count });
        if delivered > 0 {
            self.sent.add(delivered as u64);
            self.batch_sent.add(1);
            self.latency.record(rt::now().since(waiting.since).as_nanos() as u64, delivered as u64);
        }
        if !outcome.is_ok() {
            rt::sleep(crate::nested::REPLAY_PAUSE).await;
            self.batches.borrow_mut().push_front(waiting);
        }
        self.changed.wake();
    }
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
    if config.batch_policy.enabled {
        let text = "a batch_policy of the memory buffer is not supported: gather messages by \
                    'batching' of the output, or by an input 'batched'";
        return Err(BuildError::new(text));
    }
    let input = env.source(&input)?;
    let kept = Kept {
        limit: usize::try_from(config.limit).unwrap_or(0),
        batches: RefCell::default(),
        bytes: Cell::new(0),
        ended: Cell::new(false),
        changed: Signal::default(),
        received: env.counter("buffer_received", &[]),
        batch_received: env.counter("buffer_batch_received", &[]),
        sent: env.counter("buffer_sent", &[]),
        batch_sent: env.counter("buffer_batch_sent", &[]),
        latency: env.timing("buffer_latency_ns", &[]),
    };
    let buffer = MemoryBuffer { input: Nested::new(input, false), kept: Rc::new(kept) };
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
        title: "a megabyte",
        config: r#"{"input":{"name":"stdin"},"limit":1048576}"#,
        input: &[],
        output: &[],
    }],
    build,
};
