//! The loop that every stream of bytes shares: read, scan, emit.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::{Batch, Data, LocalBoxFuture, Meta, Outcome, SourceContext, SourceError};

use crate::scanners::Scanner;

/// A stream of bytes that can be read.
pub trait Bytestream {
    /// Appends what comes next to the buffer; 0 is the end.
    fn read(&mut self, buffer: Vec<u8>) -> LocalBoxFuture<'_, (std::io::Result<usize>, Vec<u8>)>;
}

/// How reading a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// At its end.
    Done,
    /// With a text of what went wrong: the stream cannot be read further.
    Failed(String),
}

/// Acks of batches on their way, looked at while more is read.
#[derive(Default)]
pub struct Pending {
    outcomes: FuturesUnordered<LocalBoxFuture<'static, Outcome>>,
    failed: bool,
}

impl Pending {
    fn add(&mut self, outcome: LocalBoxFuture<'static, Outcome>) {
        self.outcomes.push(outcome);
    }

    /// Waits until everything is resolved; true when all of it was delivered.
    pub async fn all_delivered(&mut self) -> bool {
        while let Some(outcome) = self.outcomes.next().await {
            self.failed |= !outcome.is_ok();
        }
        !self.failed
    }

    /// Waits for `other` and takes outcomes in the meantime.
    async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            if self.outcomes.is_empty() {
                return other.await;
            }
            match select(other, self.outcomes.next()).await {
                Either::Left((value, _)) => return value,
                Either::Right((outcome, rest)) => {
                    self.failed |= outcome.is_some_and(|o| !o.is_ok());
                    other = rest;
                }
            }
        }
    }
}

/// What a scanner finds at once are messages on their own, put together only to be quick.
pub fn loosen(data: &mut Data) {
    if let Data::Records(records) = data {
        records.loose = true;
    }
}

/// Gives every message of some data the metadata of its stream.
pub fn with_meta(data: &mut Data, meta: Option<&Arc<Meta>>) {
    let Some(meta) = meta else { return };
    match data {
        Data::Raw(raw) => raw.meta = Some(Arc::clone(meta)),
        Data::Records(records) => {
            for record in &mut records.recs {
                match &mut record.meta {
                    None => record.meta = Some(Arc::clone(meta)),
                    Some(own) => {
                        let own = Arc::make_mut(own);
                        for (key, value) in meta.iter() {
                            if own.get(key).is_none() {
                                own.set(key, value.clone());
                            }
                        }
                    }
                }
            }
        }
        Data::Columns(_) | Data::Value(_) => {}
    }
}

/// Reads `stream` to its end through `scanner` and emits what it finds, each message with `meta`.
/// With `pending` the outcomes are collected there.
///
/// # Errors
/// [`SourceError::Stopped`] when the source must stop reading.
pub async fn pump(
    context: &Rc<dyn SourceContext>,
    stream: &mut dyn Bytestream,
    scanner: &mut dyn Scanner,
    meta: Option<&Arc<Meta>>,
    mut pending: Option<&mut Pending>,
) -> Result<End, SourceError> {
    let mut found: Vec<Data> = Vec::new();
    loop {
        let stop = context.stopping();
        let read = std::pin::pin!(stream.read(scanner.buffer()));
        let (result, buffer) = match select(read, stop).await {
            Either::Left((read, _)) => read,
            Either::Right(_) => return Err(SourceError::Stopped),
        };
        let (at_end, error) = match result {
            Ok(count) => (count == 0, None),
            // What was read before is whole lines at best: the rest is not a message.
            Err(error) => (false, Some(crate::text::io_text(&error))),
        };
        let scanned = match error {
            None => scanner.scan(buffer, at_end, &mut found).map_err(|e| e.0),
            Some(error) => {
                scanner.broken_off(&mut found);
                Err(error)
            }
        };
        for mut data in found.drain(..) {
            loosen(&mut data);
            with_meta(&mut data, meta);
            let emit = context.emit(Batch::new(data));
            match &mut pending {
                None => drop(emit.await?),
                Some(pending) => {
                    let emitted = pending.beside(emit).await?;
                    pending.add(emitted.0);
                }
            }
        }
        match scanned {
            Err(text) => return Ok(End::Failed(text)),
            Ok(()) if at_end => return Ok(End::Done),
            Ok(()) => {}
        }
    }
}
