//! Sinks: where batches go.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::batch::{Batch, Fault};

/// Why a batch, or some of its messages, could not be delivered.
#[derive(Clone, Debug)]
pub enum SinkError {
    /// None of it was delivered.
    All(Arc<Fault>),
    /// None of it was delivered, and sending it again would change nothing about that: it is an
    /// error, and done with.
    Refused(Arc<Fault>),
    /// These messages, by their position in the batch, were not; the others were.
    Some(Vec<(usize, Arc<Fault>)>),
    /// The connection is gone: nothing was delivered, the engine opens the sink again and repeats
    /// the batch.
    NotConnected(Arc<Fault>),
}

impl SinkError {
    /// Nothing was delivered, because of `text`.
    pub fn all(text: impl Into<String>) -> Self {
        SinkError::All(Arc::new(Fault::new(text)))
    }

    /// The connection is gone, because of `text`.
    pub fn not_connected(text: impl Into<String>) -> Self {
        SinkError::NotConnected(Arc::new(Fault::new(text)))
    }
}

/// A sink instance, owned by one shard. Methods take `&self` because several writes may be under
/// way at once; instances keep their state in cells and never hold a borrow across an await.
pub trait Sink {
    /// Connects. The engine repeats it with a growing pause until it succeeds.
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>>;

    /// Delivers a batch. The engine resolves its acks by the result.
    /// Dropping the future must stop the write: that is how a forced stop ends it.
    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>>;

    /// Flushes and closes after the last batch.
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>>;

    /// Whether what kept it from opening the last time will not go away by itself: then the
    /// pipeline fails, instead of opening it again.
    fn gives_up(&self) -> bool {
        false
    }

    /// How many writes may be under way at once; with 1 the order of batches is kept.
    fn max_in_flight(&self) -> usize {
        1
    }

    /// Whether it is there to refuse messages: then a refusal is no reason to complain.
    fn refuses(&self) -> bool {
        false
    }

    /// Whether several instances on different shards do the same as one: only where nothing is
    /// written that they would have to share.
    fn spreads(&self) -> bool {
        false
    }
}
