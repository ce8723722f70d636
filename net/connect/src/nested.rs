//! A source inside another one: it is started again after a pause when it asks for that, and its
//! messages are sent again when it wants that and nobody above does it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::fields::Duration;
use plan::{
    Batch, Data, Emitted, Fault, LocalBoxFuture, Outcome, Source, SourceContext, SourceError,
};

use crate::compose::backoff::{self, Backoff};
use crate::compose::leave_to;
use crate::wait::{Ended, until_stopping};

/// Pause before messages that were refused are sent again.
pub(crate) const REPLAY_PAUSE: Time = Time::from_millis(1);

/// Whether a source that holds these leaves it to the engine to send messages again: only when
/// all of them do.
#[must_use]
pub fn replays(sources: &[Box<dyn Source>]) -> bool {
    sources.iter().all(|source| source.replays())
}

/// A nested source.
pub struct Nested {
    source: Box<dyn Source>,
    /// Whether its messages are sent again here.
    replays_here: bool,
}

impl Nested {
    /// Takes a source; `replayed` says whether the engine sends messages again.
    #[must_use]
    pub fn new(source: Box<dyn Source>, replayed: bool) -> Self {
        let replays_here = source.replays() && !replayed;
        Nested { source, replays_here }
    }

    /// Reads to the end. What can be tried again is tried again.
    ///
    /// # Errors
    /// When the source must stop, or can never go on.
    pub async fn run(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let inner: Rc<dyn SourceContext> = match self.replays_here {
            true => Rc::new(Replaying(Rc::clone(context))),
            false => Rc::clone(context),
        };
        let config = backoff::Config { max_interval: Duration::from_secs(1), ..Default::default() };
        let mut backoff = Backoff::new(config);
        loop {
            match self.source.run(Rc::clone(&inner)).await {
                Err(SourceError::Retry(text)) => {
                    context.error(&text);
                    if until_stopping(context, backoff.pause()).await == Ended::Stopping {
                        return Err(SourceError::Stopped);
                    }
                }
                ended => return ended,
            }
        }
    }
}

/// Sends what was refused again until it is delivered.
struct Replaying(Rc<dyn SourceContext>);

impl SourceContext for Replaying {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(async move {
            let data = batch.data.clone();
            let first = self.0.emit(batch).await?;
            let context = Rc::clone(&self.0);
            // On a task of its own, which goes on when the source does not look at the outcome.
            let task = rt::spawn(replay(context, data, first));
            let outcome = async move { task.await.unwrap_or_else(|_| gone()) };
            Ok(Emitted(Box::pin(outcome)))
        })
    }

    leave_to!(0);
}

fn gone() -> Outcome {
    Outcome {
        failures: vec![(None, Arc::new(Fault::new("the pipeline stopped")))],
        replies: vec![],
    }
}

async fn replay(context: Rc<dyn SourceContext>, mut data: Data, first: Emitted) -> Outcome {
    let mut outcome = first.outcome().await;
    while !outcome.is_ok() {
        data = refused(data, &outcome);
        rt::sleep(REPLAY_PAUSE).await;
        match context.emit(Batch::new(data.clone())).await {
            Ok(emitted) => outcome = emitted.outcome().await,
            Err(_) => return outcome,
        }
    }
    outcome
}

/// The messages of some data that were refused.
pub(crate) fn refused(data: Data, outcome: &Outcome) -> Data {
    let all = outcome.failures.iter().any(|(tag, _)| tag.is_none());
    match data {
        Data::Records(mut records) if !all => {
            let mut tag = 0u32;
            records.recs.retain(|_| {
                let keep = outcome.failures.iter().any(|(failed, _)| *failed == Some(tag));
                tag += 1;
                keep
            });
            Data::Records(records)
        }
        // Lines of a block are told apart by whoever splits it; all of it is sent again.
        data => data,
    }
}
