//! Sink `topic`: batches for all pipelines of the process that listen under a name.

use std::sync::Arc;
use std::time::Duration;

use flume::Receiver;
use plan::env::read_config;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};
use tokio::sync::Mutex;

use super::{Config, Item, WAITING_MAX, listeners};

/// Pause before it is looked again whether somebody listens.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// A running `topic` sink.
pub struct Topic {
    name: String,
    /// Who hands a batch on has this, so that all listeners get all batches in one order.
    turn: Mutex<()>,
}

impl Topic {
    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        loop {
            let answers = self.hand_on(batch).await;
            let mut delivered = false;
            while answers.recv_async().await.is_ok() {
                delivered = true;
            }
            if delivered {
                return Ok(());
            }
        }
    }

    /// Hands a batch to everybody; each answers, or goes away.
    async fn hand_on(&self, batch: &Batch) -> Receiver<()> {
        let _turn = self.turn.lock().await;
        let all = loop {
            let all = listeners(&self.name);
            if !all.is_empty() {
                break all;
            }
            rt::sleep(LOOK_PAUSE).await;
        };
        let (delivered, answers) = flume::bounded(all.len());
        for listener in all {
            let item = Item { data: batch.data.clone(), delivered: delivered.clone() };
            // One that is gone by now drops its share.
            let _ = listener.send_async(item).await;
        }
        answers
    }
}

impl Sink for Topic {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn max_in_flight(&self) -> usize {
        WAITING_MAX
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let Config { name } = read_config(config)?;
    Ok(Box::new(Topic { name, turn: Mutex::default() }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "topic",
    since: "0.1.0",
    category: "utility",
    summary: "Sends to all pipelines of the process that listen under a name.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "trades",
        config: r#"{"name":"trades"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
