//! Some messages of a batch, as a batch.

use std::ops::Deref;
use std::sync::Arc;

use plan::{Batch, Fault, Record};

use super::child::{Child, Failed};

/// A batch whose acks are borrowed: whoever has the whole batch resolves them, and this share never
/// says a word, also when the write of it is given up.
#[derive(Debug)]
pub struct Part(Batch);

impl Part {
    /// The messages at these positions.
    #[must_use]
    pub fn of(batch: &Batch, positions: &[usize]) -> Self {
        let records = batch.as_records();
        let at = |i: &usize| records.and_then(|r| r.recs.get(*i)).cloned();
        Part::with(batch, positions.iter().filter_map(at).collect())
    }

    /// A batch of these messages, which came of the other one.
    #[must_use]
    pub fn with(batch: &Batch, recs: Vec<Record>) -> Self {
        Part(batch.part(recs))
    }

    /// Takes a batch that has a share of the acks of another one.
    #[must_use]
    pub fn from(batch: Batch) -> Self {
        Part(batch)
    }

    /// The whole batch again.
    #[must_use]
    pub fn copy(batch: &Batch) -> Self {
        Part(Batch {
            data: batch.data.clone(),
            acks: batch.acks.clone(),
            seq: batch.seq,
            born_ns: batch.born_ns,
        })
    }
}

impl Deref for Part {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        &self.0
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        std::mem::take(&mut self.0.acks).ok();
    }
}

/// Writes the messages at these positions.
///
/// # Errors
/// What failed, by position in the whole batch.
pub async fn write_part(
    child: &Child,
    batch: &Batch,
    positions: &[usize],
) -> Result<(), Vec<(usize, Arc<Fault>)>> {
    if positions.is_empty() {
        return Ok(());
    }
    let failed = if positions.len() == batch.len() {
        child.write(batch).await.err().map(|f| f.by_index(batch.len()))
    } else {
        let part = Part::of(batch, positions);
        child.write(&part).await.err().map(|f| f.by_index(positions.len()))
    };
    match failed {
        None => Ok(()),
        Some(failed) => Err(failed
            .into_iter()
            .filter_map(|(at, fault)| Some((*positions.get(at)?, fault)))
            .collect()),
    }
}

/// The result of a sink from what failed by position.
///
/// # Errors
/// When anything failed.
pub fn result(failed: Vec<(usize, Arc<Fault>)>, batch: &Batch) -> Result<(), plan::SinkError> {
    match failed.first() {
        None => Ok(()),
        Some((_, fault)) if batch.as_records().is_none() => {
            Err(plan::SinkError::All(Arc::clone(fault)))
        }
        Some(_) => Err(Failed::Some(failed).into()),
    }
}
