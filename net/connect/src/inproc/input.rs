//! Source `inproc`: what other pipelines of the process send under a name.

use std::rc::Rc;

use plan::env::read_config;
use plan::{
    Batch, BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError,
    SourceSpec, schema_of,
};

use super::receive;
use crate::wait::{Ended, until_stopping};

/// The name.
pub type Config = String;

/// A running `inproc` source.
pub struct Inproc {
    name: String,
}

impl Inproc {
    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let handovers = receive(&self.name).map_err(SourceError::Fatal)?;
        context.connected(true);
        loop {
            let handover = match until_stopping(context, handovers.recv_async()).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                // Somebody else receives under this name now.
                Ended::Done(Err(_)) => return Ok(()),
                Ended::Done(Ok(handover)) => handover,
            };
            let emitted = context.emit(Batch::new(handover.data)).await?;
            rt::spawn(async move {
                let outcome = emitted.outcome().await;
                // The sender may have been stopped.
                let _ = handover.reply.try_send(outcome.failures);
            });
        }
    }
}

impl Source for Inproc {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.serve(&context).await })
    }

    fn replays(&self) -> bool {
        // The pipeline that sent a message does.
        false
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    Ok(Box::new(Inproc { name: read_config(config)? }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "inproc",
    since: "0.1.0",
    category: "utility",
    summary: "Takes what other pipelines of the process send under a name.",
    schema: schema_of::<Config>,
    examples: &[Example { title: "orders", config: r#""orders""#, input: &[], output: &[] }],
    build,
};

#[cfg(test)]
mod tests {
    use plan::{Fault, Outcome, SinkError};
    use serde_json::json;
    use std::sync::Arc;

    use super::*;
    use crate::inproc::output::SPEC as OUTPUT;
    use crate::testing::{Fake, TestEnv, batch, both_modes};

    #[test]
    fn messages_pass_and_outcomes_come_back() {
        both_modes(|| async {
            let name = format!("test-{}", rt::rng::next_u64());
            let sink = (OUTPUT.build)(&json!(name), &TestEnv::new()).unwrap();
            let some = batch(&["a", "b"]);
            let limit = std::time::Duration::from_millis(30);
            // Nobody receives yet.
            assert!(rt::timeout(limit, sink.write(&some)).await.is_err());
            let fake = Fake::judging(|seen| {
                let no = |i| (Some(i), Arc::new(Fault::new("no")));
                let failures = (0..2).filter(|i| seen.texts[*i as usize] == "b").map(no);
                Outcome { failures: failures.collect(), ..Outcome::default() }
            });
            let mut source = (SPEC.build)(&json!(name), &TestEnv::new()).unwrap();
            let running = {
                let fake = fake.clone();
                rt::spawn(async move { source.run(fake).await })
            };
            match sink.write(&some).await {
                Err(SinkError::Some(failed)) => {
                    assert_eq!((failed[0].0, failed[0].1.text.as_str()), (1, "no"));
                    assert_eq!(failed.len(), 1);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(fake.texts(), ["a", "b"]);
            fake.stop();
            assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
        });
    }
}
