//! Sources: where batches come from.

use std::rc::Rc;
use std::sync::Arc;

use formats::k::K;
use futures_util::future::LocalBoxFuture;

use crate::batch::{Batch, Data, Fault, Record};

/// Why a source stopped reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is worth trying again after a pause: a file that is not there, a peer that is away.
    #[error("{0}")]
    Retry(String),
    /// It will not get better.
    #[error("{0}")]
    Fatal(String),
    /// The pipeline is being stopped.
    #[error("the pipeline is stopping")]
    Stopped,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Failed messages by tag; `None` stands for all.
    pub failures: Vec<(Option<u32>, Arc<Fault>)>,
    /// Records to hand back to the sender, each with its printed bytes.
    pub replies: Vec<(Record, Vec<u8>)>,
}

impl Outcome {
    /// Whether everything was delivered.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

/// A batch on its way. Drop it where the outcome does not matter to the source.
pub struct Emitted(pub LocalBoxFuture<'static, Outcome>);

impl Emitted {
    /// Waits until every message is delivered or failed.
    pub async fn outcome(self) -> Outcome {
        self.0.await
    }

    /// What becomes of several, together.
    #[must_use]
    pub fn together(all: Vec<Emitted>) -> Emitted {
        Emitted(Box::pin(async move {
            let mut together = Outcome::default();
            for one in all {
                let Outcome { failures, replies } = one.outcome().await;
                together.failures.extend(failures);
                together.replies.extend(replies);
            }
            together
        }))
    }
}

/// What the engine offers a running source.
pub trait SourceContext {
    /// Waits for room in the byte budget and hands the batch on; the engine gives it its ack,
    /// number and time of birth.
    ///
    /// # Errors
    /// [`SourceError::Stopped`] when no more may be read: the batch was not taken.
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>>;

    /// As [`SourceContext::emit`], also while the source must stop: for what was read before and
    /// whoever sent it will not send again.
    ///
    /// # Errors
    /// The batch was not taken.
    fn emit_kept(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        self.emit(batch)
    }

    /// Hands values on in order, each as a batch of its own, for a source that does not ask what
    /// becomes of each of them: they have one outcome. All of them are taken or none.
    ///
    /// # Errors
    /// As [`SourceContext::emit`]: none of them was taken.
    fn emit_each(&self, values: Vec<K>) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(one_by_one(self, values))
    }

    /// Resolves when the source must stop reading.
    fn stopping(&self) -> LocalBoxFuture<'static, ()>;

    /// Whether the source must stop reading.
    fn is_stopping(&self) -> bool;

    /// Reports whether the source has what it reads from; shown by `/ready`.
    fn connected(&self, up: bool);

    /// Whether the state that the pipeline goes on from has the beginning of a round of a source
    /// that reads the same again and again. That round comes again first; what the state has of it
    /// is passed over.
    fn goes_on(&self) -> bool {
        false
    }

    /// All of a round is emitted. The next one is counted anew.
    ///
    /// # Errors
    /// No more may be read.
    fn round_ended(&self) -> LocalBoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }

    /// Counts and logs an error that does not end the source.
    fn error(&self, text: &str);

    /// Which instance of the source this is and of how many: partition `i` belongs to instance
    /// `i % count`.
    fn instance(&self) -> (usize, usize);
}

/// What [`SourceContext::emit_each`] does where nothing is quicker: when the first was taken, the
/// others are as well.
///
/// # Errors
/// As there.
pub async fn one_by_one<C: SourceContext + ?Sized>(
    context: &C,
    values: Vec<K>,
) -> Result<Emitted, SourceError> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        let batch = Batch::new(Data::Value(value));
        all.push(match all.is_empty() {
            true => context.emit(batch).await?,
            false => context.emit_kept(batch).await?,
        });
    }
    Ok(Emitted::together(all))
}

/// A source instance, owned by one shard.
pub trait Source {
    /// Reads until the end, emitting batches. After [`SourceError::Retry`] the engine pauses and
    /// calls it again on the same instance.
    ///
    /// Dropping the future must stop all reading: that is how a forced stop ends it.
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>>;

    /// Whether the engine sends failed messages again by itself
    /// (`auto_replay_nacks`, spec/benthos-components.md §A.5).
    fn replays(&self) -> bool {
        true
    }

    /// How many instances on different shards may read side by side; 1 for a source whose order
    /// matters.
    fn partitions(&self) -> usize {
        1
    }
}
