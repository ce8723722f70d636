//! Source `exchange`: batches of a part of the pipeline in another process.

use std::rc::Rc;

use plan::env::read_config;
use plan::stored::decode;
use plan::{
    Batch, BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError,
    SourceSpec, schema_of,
};

use super::reader::{Delivery, UNACKED_MAX, WAITING_MAX, read};
use super::{Config, island};
use crate::wait::{Ended, until_stopping};

/// A running `exchange` source.
pub struct Exchange {
    config: Config,
}

impl Exchange {
    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let (deliveries, arriving) = flume::bounded(WAITING_MAX);
        let (acks, acked) = flume::bounded(UNACKED_MAX);
        let config = self.config.clone();
        island::run(move || read(config, deliveries, acked)).map_err(SourceError::Retry)?;
        loop {
            let delivery = match until_stopping(context, arriving.recv_async()).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(Err(_)) => {
                    return Err(SourceError::Retry("the client of NATS has ended".to_owned()));
                }
                Ended::Done(Ok(delivery)) => delivery,
            };
            match delivery {
                Delivery::End => return Ok(()),
                Delivery::Up(Ok(())) => context.connected(true),
                Delivery::Up(Err(text)) => {
                    context.error(&text);
                    context.connected(false);
                }
                Delivery::Batch(bytes, numbers) => {
                    let data = decode(&bytes).map_err(|e| SourceError::Fatal(e.to_string()))?;
                    let emitted = context.emit(Batch::new(data)).await?;
                    let acks = acks.clone();
                    rt::spawn(async move {
                        if emitted.outcome().await.is_ok() {
                            let _ = acks.send_async(numbers).await;
                        }
                    });
                }
            }
        }
    }
}

impl Source for Exchange {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.serve(&context).await })
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    Ok(Box::new(Exchange { config: read_config::<Config>(config)?.checked()? }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "exchange",
    since: "0.1.0",
    category: "services",
    summary: "Takes batches of a part of the pipeline in another process, by way of NATS.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "an edge",
        config: r#"{"edge":"nes_1_3_0","url":"nats://127.0.0.1:4000"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
