//! One task per sink: opens it, hands it batches, resolves their acks by the result.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use plan::env::Counter;
use plan::{Batch, Fault, Sink, SinkError};

use crate::connections::Connections;
use crate::queue::Queue;
use crate::refusals::Refusals;

/// Batches that wait for one sink before the operators in front of it pause.
pub(crate) const SINK_QUEUE_MAX: usize = 16;
/// First pause before a sink is opened again; doubles up to [`BACKOFF_MAX`]
/// (spec/benthos-components.md §A.8).
const BACKOFF_MIN: Duration = Duration::from_millis(500);
/// Longest such pause.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// One sink of an instance.
pub(crate) struct SinkTask {
    pub(crate) sink: Rc<dyn Sink>,
    pub(crate) index: usize,
    pub(crate) queue: Queue<Batch>,
    pub(crate) connections: Rc<Connections>,
    /// Counts messages that are refused because an operator failed on them; where there is no
    /// such count, they are delivered.
    pub(crate) rejected: Option<Counter>,
    pub(crate) refusals: Refusals,
}

impl SinkTask {
    /// Runs until the queue is closed and everything in it is written.
    pub(crate) async fn run(self) {
        if !self.open_first().await {
            return;
        }
        let max = self.sink.max_in_flight().max(1);
        let mut writing = FuturesUnordered::new();
        loop {
            if writing.len() >= max {
                writing.next().await;
                continue;
            }
            if writing.is_empty() {
                match self.queue.pop().await {
                    Some(batch) => writing.push(self.deliver(batch)),
                    None => break,
                }
                continue;
            }
            let next = std::pin::pin!(self.queue.pop());
            match select(next, writing.next()).await {
                Either::Left((Some(batch), _)) => writing.push(self.deliver(batch)),
                Either::Left((None, _)) => break,
                Either::Right(_) => {}
            }
        }
        while writing.next().await.is_some() {}
        if let Err(fault) = self.sink.close().await {
            self.connections.log_error(self.index, &format!("Failed to close: {}", fault.text));
        }
    }

    /// Opens it, trying again until that succeeds or until there is nothing to write and never
    /// will be: a stop does not wait for a peer that nobody needs. False in that case.
    async fn open_first(&self) -> bool {
        if self.try_open().await {
            return true;
        }
        let (opened, ended) = (std::pin::pin!(self.reopen()), std::pin::pin!(self.queue.ended()));
        matches!(select(opened, ended).await, Either::Left(_))
    }

    /// Opens it after a failure.
    async fn reopen(&self) {
        let mut pause = BACKOFF_MIN;
        loop {
            rt::sleep(pause).await;
            if self.try_open().await {
                return;
            }
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    async fn try_open(&self) -> bool {
        match self.sink.open().await {
            Ok(()) => {
                self.connections.set(self.index, true, "");
                true
            }
            Err(fault) => {
                self.connections.failed(self.index, &fault.text);
                if self.sink.gives_up() {
                    self.refusals.homing.broken(fault.text.clone());
                    // The pipeline ends by that, and not because there is nothing to write.
                    std::future::pending::<()>().await;
                }
                false
            }
        }
    }

    async fn deliver(&self, mut batch: Batch) {
        if let Some(rejected) = &self.rejected {
            rejected.add(refuse_faulty(&mut batch));
            if batch.is_empty() {
                return batch.ok();
            }
        }
        loop {
            match self.sink.write(&batch).await {
                Ok(()) => return batch.ok(),
                Err(SinkError::All(fault)) => return batch.fail(&fault),
                Err(SinkError::Refused(fault)) => return self.refusals.take(batch, &fault),
                Err(SinkError::Some(failed)) => return resolve_some(batch, &failed),
                Err(SinkError::NotConnected(fault)) => {
                    self.connections.failed(self.index, &fault.text);
                    self.reopen().await;
                }
            }
        }
    }
}

fn resolve_some(batch: Batch, failed: &[(usize, Arc<Fault>)]) {
    if let Some(records) = batch.as_records() {
        for (index, fault) in failed {
            if let Some(record) = records.recs.get(*index) {
                batch.acks.report(record.origin, fault);
            }
        }
        batch.ok();
    } else if let Some((_, fault)) = failed.first() {
        batch.fail(fault);
    } else {
        batch.ok();
    }
}

/// Takes the messages on which an operator failed out of the batch and nacks them; tells how many.
fn refuse_faulty(batch: &mut Batch) -> u64 {
    let mut refused = Vec::new();
    batch.retain(|record| match &record.fault {
        Some(fault) => {
            refused.push((record.origin, Arc::clone(fault)));
            false
        }
        None => true,
    });
    for (origin, fault) in &refused {
        batch.acks.report(*origin, fault);
    }
    refused.len() as u64
}
