//! Operators: what happens between sources and sinks.

use formats::k::K;
use futures_util::future::LocalBoxFuture;

use crate::batch::Batch;
use crate::graph::Class;

/// What must fail the pipeline, as opposed to a fault of one message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OperatorError(pub String);

impl OperatorError {
    /// An error with a text.
    pub fn new(text: impl Into<String>) -> Self {
        OperatorError(text.into())
    }
}

/// Bytes of what one operator remembers, as they are kept. One whose state grows beyond that fails:
/// it could not promise any more what a durable pipeline does ([`crate::Plan::durable`]).
pub const STATE_BYTES_MAX: usize = 1 << 30;

/// The result of handing an operator a batch: at once, or after waiting. Operators that only
/// compute return [`Step::Done`] and cost no allocation.
pub enum Step<'a> {
    /// It is done.
    Done(Result<(), OperatorError>),
    /// It waits for something; poll this on the same shard.
    Wait(LocalBoxFuture<'a, Result<(), OperatorError>>),
}

impl Step<'_> {
    /// Waits where there is something to wait for.
    ///
    /// # Errors
    /// Those of the operator.
    pub async fn finish(self) -> Result<(), OperatorError> {
        match self {
            Step::Done(result) => result,
            Step::Wait(future) => future.await,
        }
    }
}

/// Why no more batches come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sources ended by themselves: what is held back is due.
    Drained,
    /// Somebody stopped the pipeline.
    Stopped,
    /// The process ends, and the pipeline goes on in the next one from its state: what is held
    /// back is kept. Only durable pipelines end so.
    Suspended,
}

/// One operator instance, owned by one shard.
pub trait Operator {
    /// Whether its work may be spread over shards.
    fn class(&self) -> Class;

    /// Whether what passes it is counted; not where that says nothing.
    fn counted(&self) -> bool {
        true
    }

    /// Takes a batch and appends what becomes of it to `out`. A batch that is used up here must
    /// be resolved ([`Batch::ok`]), and one that is kept must be kept with its acks.
    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a>;

    /// The same for operators with several inputs; `port` is the position in the node's inputs.
    fn on_port<'a>(&'a mut self, port: usize, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let _ = port;
        self.on_batch(batch, out)
    }

    /// Takes values of a source that came together, each of which is a batch of its own: as many of
    /// the first of them as it can take at once so that nobody can tell, and of which nothing is
    /// handed on. What it does not take comes one by one.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn on_values(&mut self, port: usize, values: &[K]) -> Result<usize, OperatorError> {
        let _ = (port, values);
        Ok(0)
    }

    /// For an operator of class [`Class::Keyed`]: to which of `parts` (256 at most) each row of a
    /// batch belongs. Rows with equal keys are in the same one, whoever is asked, and at whichever
    /// `port` they arrive.
    ///
    /// # Errors
    /// The batch is none of rows with these keys.
    fn owners(
        &mut self,
        port: usize,
        batch: &Batch,
        parts: usize,
    ) -> Result<Vec<u8>, OperatorError> {
        let _ = (port, parts);
        Ok(vec![0; batch.len()])
    }

    /// As [`Operator::on_port`], for one of several instances: it sees all rows, so that time
    /// passes in all alike, and works on those whose owner is `own`.
    fn on_own<'a>(
        &'a mut self,
        port: usize,
        batch: Batch,
        owners: &'a [u8],
        own: u8,
        out: &'a mut Vec<Batch>,
    ) -> Step<'a> {
        let _ = (owners, own);
        self.on_port(port, batch, out)
    }

    /// No more batches come at a port of an operator with several, while others are open.
    fn on_port_end<'a>(&'a mut self, port: usize, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        let _ = (port, end, out);
        Step::Done(Ok(()))
    }

    /// No more batches come: hand out what is held back.
    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        let _ = (end, out);
        Step::Done(Ok(()))
    }

    /// Monotonic nanoseconds at which [`Operator::on_time`] wants to be called next. Behind
    /// [`Operator::on_end`], 0 says that there is more to hand out.
    fn due_ns(&self) -> Option<u64> {
        None
    }

    /// The time given by [`Operator::due_ns`] has come.
    fn on_time<'a>(&'a mut self, now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        let _ = (now_ns, out);
        Step::Done(Ok(()))
    }

    /// What it remembers between two batches, for [`Operator::restore`]; `None` when that is
    /// nothing, whatever it has seen. The bytes begin with the version of their format.
    ///
    /// # Errors
    /// The state cannot be written.
    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(None)
    }

    /// Goes on where a snapshot of an operator with the same configuration was taken. It has seen
    /// nothing so far.
    ///
    /// # Errors
    /// A state of another version, or of another configuration. The operator is of no use then.
    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        let _ = state;
        Err(OperatorError::new("the operator keeps no state"))
    }
}

/// Runs `batches` through operators in order and leaves the results in `batches`. `spare` is
/// scratch that is reused from call to call.
///
/// # Errors
/// The first operator's that fails; batches on the way are then dropped, which nacks them.
pub async fn run_chain(
    chain: &mut [Box<dyn Operator>],
    batches: &mut Vec<Batch>,
    spare: &mut Vec<Batch>,
) -> Result<(), OperatorError> {
    for operator in chain {
        spare.clear();
        for batch in batches.drain(..) {
            operator.on_batch(batch, spare).finish().await?;
        }
        std::mem::swap(batches, spare);
        if batches.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}
