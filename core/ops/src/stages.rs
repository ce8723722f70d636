//! Running operators stage by stage on single messages, some of which sit out.

use plan::{Batch, OperatorError, Record, Records};

use crate::batches::{Chain, Frame, ones};

/// Runs each message as a batch of its own through the chain. Before each operator `takes` looks
/// at the batch's first message: a batch that it refuses skips this operator.
///
/// # Errors
/// What must fail the pipeline.
pub(crate) async fn run_stages(
    chain: &mut Chain,
    frame: &Frame,
    records: Records,
    takes: impl Fn(&Record) -> bool,
) -> Result<Vec<Batch>, OperatorError> {
    let mut batches: Vec<Batch> = ones(records).map(|one| frame.share(one)).collect();
    let mut next = Vec::with_capacity(batches.len());
    for operator in chain.iter_mut() {
        for batch in batches.drain(..) {
            let first = batch.as_records().and_then(|records| records.recs.first());
            if first.is_some_and(&takes) {
                operator.on_batch(batch, &mut next).finish().await?;
            } else {
                next.push(batch);
            }
        }
        std::mem::swap(&mut batches, &mut next);
    }
    Ok(batches)
}
