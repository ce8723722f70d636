//! A load that a test gives out, and a sink that takes as long as the test says.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use plan::{
    Batch, Fault, Json, LocalBoxFuture, Records, Sink, SinkError, Source, SourceContext,
    SourceError, Spec,
};
use serde_json::json;

/// Numbers of messages and of the bytes of each, from the test to the source.
type Batches = (flume::Sender<(usize, usize)>, flume::Receiver<(usize, usize)>);

/// What a test tells its load, and what it hears.
pub(crate) struct Load {
    /// Messages of a batch and the bytes of each.
    batches: Batches,
    /// Milliseconds that a write takes.
    write_ms: AtomicU64,
    /// Writes that have begun, and batches that are delivered.
    begun: AtomicU64,
    delivered: AtomicU64,
}

pub(crate) static LOAD: LazyLock<Load> = LazyLock::new(|| Load {
    batches: flume::unbounded(),
    write_ms: AtomicU64::new(0),
    begun: AtomicU64::new(0),
    delivered: AtomicU64::new(0),
});

/// Waits until a count is as high as it has to be.
fn until(count: &AtomicU64, wanted: u64) {
    while count.load(Ordering::SeqCst) < wanted {
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Load {
    /// Has so many messages of so many bytes read and written, which takes so long on the clock.
    pub(crate) fn batch(&self, clock: &rt::Clock, messages: usize, bytes: usize, write_ms: u64) {
        let number = self.delivered.load(Ordering::SeqCst) + 1;
        self.write_ms.store(write_ms, Ordering::SeqCst);
        self.batches.0.send((messages, bytes)).expect("the source is there");
        until(&self.begun, number);
        clock.advance(Duration::from_millis(write_ms));
        until(&self.delivered, number);
    }
}

/// Emits what the test says.
struct Given;

impl Source for Given {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            while let Ok((messages, bytes)) = LOAD.batches.1.recv_async().await {
                let bodies = (0..messages).map(|_| vec![b'x'; bytes]);
                let emitted = context.emit(Batch::records(Records::from_bodies(bodies))).await?;
                assert!(emitted.outcome().await.is_ok());
                LOAD.delivered.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    }
}

/// Takes its time on the clock.
struct Timed;

impl Sink for Timed {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, _: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async {
            // It counts from here, so that nobody moves the clock too early.
            let write = rt::sleep(Duration::from_millis(LOAD.write_ms.load(Ordering::SeqCst)));
            LOAD.begun.fetch_add(1, Ordering::SeqCst);
            write.await;
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

fn schema() -> Json {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

pub(crate) static SOURCE: plan::SourceSpec = Spec {
    name: "given",
    since: "0",
    category: "test",
    summary: "Test.",
    schema,
    examples: &[],
    build: |_, _| Ok(Box::new(Given)),
};

pub(crate) static SINK: plan::SinkSpec = Spec {
    name: "timed",
    since: "0",
    category: "test",
    summary: "Test.",
    schema,
    examples: &[],
    build: |_, _| Ok(Box::new(Timed)),
};
