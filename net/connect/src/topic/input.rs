//! Source `topic`: what other pipelines of the process send under a name.

use std::rc::Rc;

use plan::env::read_config;
use plan::{
    Batch, BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError,
    SourceSpec, schema_of,
};

use super::{Config, listen};
use crate::wait::{Ended, until_stopping};

/// A running `topic` source.
pub struct Topic {
    name: String,
}

impl Topic {
    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let items = listen(&self.name).map_err(SourceError::Fatal)?;
        context.connected(true);
        loop {
            let item = match until_stopping(context, items.recv_async()).await {
                // What waits was never taken: who sent it looks for others.
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(Err(_)) => return Ok(()),
                Ended::Done(Ok(item)) => item,
            };
            let emitted = context.emit(Batch::new(item.data)).await?;
            rt::spawn(async move {
                // What is not delivered is sent again by this pipeline, until it is.
                if emitted.outcome().await.is_ok() {
                    // The sender may have been stopped.
                    let _ = item.delivered.try_send(());
                }
            });
        }
    }
}

impl Source for Topic {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.serve(&context).await })
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let Config { name } = read_config(config)?;
    Ok(Box::new(Topic { name }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "topic",
    since: "0.1.0",
    category: "utility",
    summary: "Takes what other pipelines of the process send to all who listen under a name.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "trades",
        config: r#"{"name":"trades"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
