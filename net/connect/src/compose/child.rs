//! A sink inside another one: it is connected, and connected again, wherever that is needed.

use std::cell::Cell;
use std::sync::Arc;

use plan::fields::{Duration, Output};
use plan::{Batch, BuildError, Env, Fault, Sink, SinkError};

use super::backoff::{self, Backoff};

/// What was not delivered of a batch.
#[derive(Clone, Debug)]
pub enum Failed {
    /// All of it.
    All(Arc<Fault>),
    /// Messages by their position in the batch.
    Some(Vec<(usize, Arc<Fault>)>),
}

impl Failed {
    /// By position, of a batch with `len` messages.
    #[must_use]
    pub fn by_index(self, len: usize) -> Vec<(usize, Arc<Fault>)> {
        match self {
            Failed::All(fault) => (0..len.max(1)).map(|i| (i, Arc::clone(&fault))).collect(),
            Failed::Some(failed) => failed,
        }
    }

    /// The first error.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<Fault>> {
        match self {
            Failed::All(fault) => Some(fault),
            Failed::Some(failed) => failed.first().map(|(_, fault)| fault),
        }
    }
}

impl From<Failed> for SinkError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::All(fault) => SinkError::All(fault),
            Failed::Some(failed) => SinkError::Some(failed),
        }
    }
}

/// How long to wait before a child is connected again (spec/benthos-components.md §A.8).
fn reconnect() -> Backoff {
    Backoff::new(backoff::Config {
        max_interval: Duration::from_secs(1),
        ..backoff::Config::default()
    })
}

/// A nested sink.
pub struct Child {
    sink: Box<dyn Sink>,
    open: Cell<bool>,
}

impl Child {
    /// Builds a nested sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn build(output: &Output, env: &dyn Env) -> Result<Self, BuildError> {
        Ok(Child::new(env.sink(output)?))
    }

    /// Takes a sink that is not connected yet.
    #[must_use]
    pub fn new(sink: Box<dyn Sink>) -> Self {
        Child { sink, open: Cell::new(false) }
    }

    /// Connects, unless that was done.
    ///
    /// # Errors
    /// Why it failed; may be tried again.
    pub async fn open(&self) -> Result<(), Arc<Fault>> {
        if !self.open.get() {
            self.sink.open().await?;
            self.open.set(true);
        }
        Ok(())
    }

    /// Delivers a batch, and connects as often as that takes.
    ///
    /// # Errors
    /// What was refused.
    pub async fn write(&self, batch: &Batch) -> Result<(), Failed> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut backoff = reconnect();
        loop {
            if self.open().await.is_err() {
                backoff.pause().await;
                continue;
            }
            match self.sink.write(batch).await {
                Ok(()) => return Ok(()),
                // Those around decide what is done with; it fails as a whole to them.
                Err(SinkError::All(fault) | SinkError::Refused(fault)) => {
                    return Err(Failed::All(fault));
                }
                Err(SinkError::Some(failed)) if failed.is_empty() => return Ok(()),
                Err(SinkError::Some(failed)) => return Err(Failed::Some(failed)),
                Err(SinkError::NotConnected(_)) => {
                    self.open.set(false);
                    backoff.pause().await;
                }
            }
        }
    }

    /// Flushes and closes.
    ///
    /// # Errors
    /// Those of the sink.
    pub async fn close(&self) -> Result<(), Arc<Fault>> {
        if self.open.replace(false) { self.sink.close().await } else { Ok(()) }
    }
}

/// Connects all children; the first error counts.
///
/// # Errors
/// That of the first child that is not connected.
pub async fn open_all(children: &[Child]) -> Result<(), Arc<Fault>> {
    let opened = futures_util::future::join_all(children.iter().map(Child::open)).await;
    opened.into_iter().collect()
}

/// Closes all children; the first error counts.
///
/// # Errors
/// That of the first child that fails.
pub async fn close_all(children: &[Child]) -> Result<(), Arc<Fault>> {
    let closed = futures_util::future::join_all(children.iter().map(Child::close)).await;
    closed.into_iter().collect()
}
