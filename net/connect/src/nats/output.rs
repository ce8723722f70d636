//! Sink `exchange`: batches go to a part of the pipeline in another process.

use std::cell::RefCell;
use std::sync::Arc;

use plan::env::read_config;
use plan::stored::encode;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};

use super::writer::{WRITES_MAX, Write, write};
use super::{Config, edge, island};

/// A running `exchange` sink.
pub struct Exchange {
    config: Config,
    writes: RefCell<Option<flume::Sender<Write>>>,
}

impl Exchange {
    async fn begin(&self) -> Result<(), Arc<Fault>> {
        let (writes, waiting) = flume::bounded(WRITES_MAX);
        let (begun, answer) = flume::bounded(1);
        let config = self.config.clone();
        let task = move || write(config, waiting, begun);
        let fault = |text: String| Arc::new(Fault::new(text));
        island::run(task).map_err(fault)?;
        let gone = || Err("the client of NATS has ended".to_owned());
        answer.recv_async().await.unwrap_or_else(|_| gone()).map_err(fault)?;
        self.writes.replace(Some(writes));
        Ok(())
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let gone = || SinkError::not_connected("the edge is not open");
        let writes = self.writes.borrow().clone().ok_or_else(gone)?;
        let mut bytes = Vec::new();
        encode(&batch.data, &mut bytes).map_err(|error| SinkError::all(error.to_string()))?;
        if bytes.len() > edge::BATCH_BYTES_MAX {
            let text = format!("a batch has {} bytes at most", edge::BATCH_BYTES_MAX);
            return Err(SinkError::all(text));
        }
        let (stored, done) = flume::bounded(1);
        let write = Write { pieces: edge::pieces(&bytes), stored };
        writes.send_async(write).await.map_err(|_| gone())?;
        done.recv_async().await.map_err(|_| gone())
    }
}

impl Sink for Exchange {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.begin())
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        self.writes.replace(None);
        Box::pin(std::future::ready(Ok(())))
    }

    fn max_in_flight(&self) -> usize {
        WRITES_MAX
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config = read_config::<Config>(config)?.checked()?;
    Ok(Box::new(Exchange { config, writes: RefCell::default() }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "exchange",
    since: "0.1.0",
    category: "services",
    summary: "Sends batches to a part of the pipeline in another process, by way of NATS.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "an edge",
        config: r#"{"edge":"nes_1_3_0","url":"nats://127.0.0.1:4000"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
