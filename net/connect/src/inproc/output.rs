//! Sink `inproc`: messages for another pipeline of the process.

use std::sync::Arc;
use std::time::Duration as Time;

use plan::env::read_config;
use plan::{
    Batch, BuildError, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError, SinkSpec,
    schema_of,
};

use super::{Handover, receiver};

/// Pause before it is looked again whether somebody receives.
const LOOK_PAUSE: Time = Time::from_millis(20);

/// The name.
pub type Config = String;

/// A running `inproc` sink.
pub struct Inproc {
    name: String,
}

impl Inproc {
    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        loop {
            let Some(to) = receiver(&self.name) else {
                rt::sleep(LOOK_PAUSE).await;
                continue;
            };
            let (reply, answer) = flume::bounded(1);
            if to.send_async(Handover { data: batch.data.clone(), reply }).await.is_err() {
                continue; // it stopped receiving
            }
            let Ok(refused) = answer.recv_async().await else {
                return Err(SinkError::all("the receiving pipeline was stopped"));
            };
            if let Some((_, fault)) = refused.iter().find(|(tag, _)| tag.is_none()) {
                return Err(SinkError::All(Arc::clone(fault)));
            }
            let failed: Vec<_> = refused
                .into_iter()
                .filter_map(|(tag, fault)| Some((usize::try_from(tag?).ok()?, fault)))
                .collect();
            return if failed.is_empty() { Ok(()) } else { Err(SinkError::Some(failed)) };
        }
    }
}

impl Sink for Inproc {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    Ok(Box::new(Inproc { name: read_config(config)? }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "inproc",
    since: "0.1.0",
    category: "utility",
    summary: "Sends messages to another pipeline of the process.",
    schema: schema_of::<Config>,
    examples: &[Example { title: "orders", config: r#""orders""#, input: &[], output: &[] }],
    build,
};
