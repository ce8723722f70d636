//! Buffer `disk`: messages are kept on disk between an input and the pipeline. Whoever sent them
//! hears that they were delivered as soon as they are on the device; after the end of the process,
//! however it came about, what was not delivered is handed on again
//! ([ADR 6](../../../docs/adr/0006-disk-buffers.md)).

mod log;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration as Time;

use futures_util::future::{Either, select};
use futures_util::try_join;
use plan::env::{Gauge, read_config};
use plan::fields::{Duration, Input, Part};
use plan::{
    Batch, BuildError, Emitted, Env, Example, Json, LocalBoxFuture, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use rt::storage::StorageError;
use rt::storage::spool::{Options, SEGMENT_BYTES, Spool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::buffered::{BURST_MAX, BatchPolicy, Kept};
use crate::compose::leave_to;
use crate::nested::Nested;
use log::Log;

/// Bytes of messages that are held in memory, too, so that they need not be read.
const MEMORY_MAX: usize = 16 << 20;
/// Bytes of a segment, which is removed when all of it is delivered.
const SEGMENT_MAX: u64 = 64 << 20;
/// No segment is smaller, however small the limit.
const SEGMENT_MIN: u64 = 64 << 10;
/// A segment is no larger than this part of the limit.
const SEGMENTS: u64 = 16;

/// Keeps messages on disk, in order, until they are delivered. They survive the end of the process
/// and, unless `sync_period` is set, of the machine.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Directory in which messages are kept, one for each buffer. It is made when it is missing,
    /// and stays when the stream is removed: a stream that has it again goes on where the other
    /// one ended.
    pub path: String,
    /// Bytes that the messages may take on disk; an input waits when there are more. A batch that
    /// is larger than the limit is refused.
    #[serde(default = "gibibyte")]
    pub limit: i64,
    /// How long messages may wait until they are flushed to the device. Without it, messages count
    /// as delivered when they are flushed. With one, such as `100ms`, they count as delivered
    /// before, survive the end of the process, and may be lost when the machine fails.
    #[serde(default)]
    pub sync_period: Duration,
    /// How messages are gathered into batches on their way out. What is left when the input ends
    /// is a batch, too, and so is what there is when the limit is reached.
    #[serde(default)]
    pub batch_policy: BatchPolicy,
}

fn gibibyte() -> i64 {
    1 << 30
}

impl Config {
    fn options(&self) -> Result<Options, BuildError> {
        if self.path.is_empty() {
            return Err(BuildError::new("field 'path' must name a directory"));
        }
        let limit = u64::try_from(self.limit).unwrap_or(0);
        if limit <= SEGMENT_BYTES as u64 {
            return Err(BuildError::new("field 'limit' must be a number of bytes"));
        }
        Ok(Options {
            limit,
            segment_bytes: (limit / SEGMENTS).clamp(SEGMENT_MIN, SEGMENT_MAX),
            sync_period: Time::from_nanos(self.sync_period.wait_ns()),
        })
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
    log: Rc<Log>,
    burst: Cell<u32>,
}

impl Filling {
    async fn keep(&self, batch: Batch) -> Result<Emitted, SourceError> {
        let emitted = self.log.keep(batch, &self.outer).await?;
        // An input that never waits must not keep others from their turn.
        self.burst.set((self.burst.get() + 1) % BURST_MAX);
        if self.burst.get() == 0 {
            rt::yield_now().await;
        }
        Ok(emitted)
    }
}

impl SourceContext for Filling {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.keep(batch))
    }

    leave_to!(outer);
}

/// A running buffer with its input.
pub struct DiskBuffer {
    input: Nested,
    /// Whether the input's messages are tried again here when they cannot be kept.
    retries: bool,
    path: String,
    options: Options,
    kept: Rc<Kept>,
    /// Bytes on disk.
    size: Gauge,
}

impl DiskBuffer {
    async fn open(&self) -> Result<Log, SourceError> {
        let mode = rt::reactor::current().map_or(rt::IoMode::Epoll, rt::Driver::mode);
        let opened = Spool::open(Path::new(&self.path), self.options, mode).await;
        let (spool, stored) = opened.map_err(|error| match error {
            StorageError::Io { .. } => SourceError::Retry(error.to_string()),
            other => SourceError::Fatal(other.to_string()),
        })?;
        self.kept.reset();
        let (kept, size) = (Rc::clone(&self.kept), self.size.clone());
        Ok(Log::new(spool, stored, self.options.limit, self.retries, kept, size))
    }

    async fn work(&mut self, context: Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let log = Rc::new(self.open().await?);
        let (kept, outer) = (Rc::clone(&self.kept), Rc::clone(&context));
        let filling: Rc<dyn SourceContext> =
            Rc::new(Filling { outer, log: Rc::clone(&log), burst: Cell::new(0) });
        let filled = RefCell::new(Ok(()));
        let fill = async {
            let ended = self.input.run(&filling).await;
            *filled.borrow_mut() = ended;
            log.input_ended();
            Ok(())
        };
        let drain = async {
            let drained = kept.drain(&context).await;
            log.drained();
            drained
        };
        let all =
            async { try_join!(fill, log.land(&context), log.feed(), drain, log.settle(&context)) };
        let halt = async {
            context.stopping().await;
            // What is on the way arrives; the rest stays where it is.
            kept.halted.set(true);
            kept.changed.wake();
            std::future::pending::<()>().await;
        };
        let done = match select(std::pin::pin!(all), std::pin::pin!(halt)).await {
            Either::Left((done, _)) => done.map(|_| ()),
            Either::Right(((), _)) => Ok(()),
        };
        if let Err(error) = log.close().await {
            context.error(&error.to_string());
        }
        done?;
        filled.replace(Ok(()))
    }
}

impl Source for DiskBuffer {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.work(context))
    }

    fn replays(&self) -> bool {
        // What is refused goes back into the buffer.
        false
    }
}

fn made(config: &Json, env: &dyn Env) -> Result<DiskBuffer, BuildError> {
    let Filled { input, config } = read_config(config)?;
    let options = config.options()?;
    let input = env.source(&input)?;
    let kept = Kept::build(MEMORY_MAX, &config.batch_policy, true, env)?;
    let size = env.meters("").gauge("buffer_bytes", &[]);
    let retries = input.replays();
    let input = Nested::new(input, true);
    Ok(DiskBuffer { input, retries, path: config.path, options, kept, size })
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    made(config, env).map(|buffer| Box::new(buffer) as Box<dyn Source>)
}

/// How it is called in configurations.
pub static PART: Part = Part {
    kind: "buffer",
    name: "disk",
    summary: "Keeps messages on disk between input and pipeline until they are delivered.",
    schema: schema_of::<Config>,
};

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "disk_buffer",
    since: "0.1.0",
    category: plan::component::BUFFER,
    summary: "An input behind a buffer on disk.",
    schema: schema_of::<Filled>,
    examples: &[Example {
        title: "ten gigabytes at most, in batches of a hundred or of what came in a second",
        config: r#"{"input":{"name":"stdin"},"path":"/var/lib/mainstem/orders",
            "limit":10000000000,"batch_policy":{"enabled":true,"count":100,"period":"1s"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};
