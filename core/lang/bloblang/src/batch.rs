//! Mappings over whole batches.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use formats::value::Value;
use plan::{Batch, Body, Data, Fault, OperatorError, Record, Records};

use crate::fast::{Done, Mapper};
use crate::mapping::{Mapped, Mapping, Outcome};

/// Buffers for output blocks that a thread keeps.
const SPARE_BLOCKS_MAX: usize = 4;
/// Largest buffer that is kept, in bytes.
const SPARE_BYTES_MAX: usize = 4 << 20;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of an output block; the buffer is kept for another block when the last record of this
/// one is gone.
struct Block(Vec<u8>);

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        if buffer.capacity() > SPARE_BYTES_MAX {
            return;
        }
        // A thread that is ending keeps nothing.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < SPARE_BLOCKS_MAX
            {
                buffer.clear();
                spare.push(buffer);
            }
        });
    }
}

fn buffer(bytes: usize) -> Vec<u8> {
    let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop()).ok().flatten();
    let mut buffer = spare.unwrap_or_default();
    buffer.reserve(bytes);
    buffer
}

/// A mapping or mutation that runs over batches.
pub(crate) enum Runner {
    /// A new content from the old one.
    Mapping(Box<Mapper>),
    /// Changes in place.
    Mutation(Mapping),
}

impl Runner {
    pub(crate) fn new(mapping: Mapping, mutation: bool) -> Self {
        match mutation {
            true => Runner::Mutation(mapping),
            false => Runner::Mapping(Box::new(Mapper::new(mapping))),
        }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        match self {
            Runner::Mapping(mapper) => mapper.mapping(),
            Runner::Mutation(mapping) => mapping,
        }
    }

    /// Maps every message of a batch; what is filtered disappears.
    pub(crate) fn run(
        &mut self,
        mut batch: Batch,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let Data::Records(records) = &mut batch.data else {
            return Err(OperatorError::new("a mapping works on messages only"));
        };
        match self {
            Runner::Mapping(mapper) => map(mapper, records),
            Runner::Mutation(mapping) => mutate(mapping, records),
        }
        if batch.is_empty() {
            batch.ok();
        } else {
            out.push(batch);
        }
        Ok(())
    }
}

/// What is to become of a record's content; the record itself is needed until the whole batch was
/// mapped, because other messages may look at it.
enum Change {
    Keep,
    Delete,
    /// The block's bytes from here to the next record's.
    Block(usize, usize),
    Body(Body),
    Fault(Fault),
}

/// Maps the records and puts what they became into one block, each followed by a line feed.
fn map(mapper: &mut Mapper, records: &mut Records) {
    let bytes = records.payload_bytes();
    let mut block = buffer(bytes + bytes / 4 + records.recs.len());
    let mut changes = Vec::with_capacity(records.recs.len());
    for index in 0..records.recs.len() {
        let start = block.len();
        let (change, meta) = match mapper.map(records, index, &mut block) {
            Done::Written(meta) => {
                let end = block.len();
                block.push(b'\n');
                (Change::Block(start, end), meta)
            }
            Done::Unchanged(meta) => (Change::Keep, meta),
            Done::Deleted => (Change::Delete, None),
            Done::General(mapped) => general(mapped, &mut block),
        };
        changes.push((change, meta));
    }
    finish(records, changes, block);
}

fn general(mapped: Mapped, block: &mut Vec<u8>) -> (Change, Option<plan::Meta>) {
    if let Some(error) = mapped.error {
        return (Change::Fault(Fault::new(error.to_string())), None);
    }
    let start = block.len();
    let change = match mapped.outcome {
        Outcome::Unchanged => Change::Keep,
        Outcome::Deleted => Change::Delete,
        Outcome::Is(Value::String(text)) => {
            block.extend_from_slice(text.as_bytes());
            Change::Block(start, block.len())
        }
        Outcome::Is(Value::Bytes(bytes)) => {
            block.extend_from_slice(&bytes);
            Change::Block(start, block.len())
        }
        Outcome::Is(value) => Change::Body(Body::Doc(Arc::new(value))),
    };
    if let Change::Block(..) = change {
        block.push(b'\n');
    }
    (change, mapped.meta)
}

fn finish(records: &mut Records, changes: Vec<(Change, Option<plan::Meta>)>, mut block: Vec<u8>) {
    let written = changes.iter().any(|(change, _)| matches!(change, Change::Block(..)));
    let old = records.block.clone();
    let mut changes = changes.into_iter();
    records.recs.retain_mut(|record| {
        let Some((change, meta)) = changes.next() else { return true };
        if let Some(meta) = meta {
            record.meta = Some(Arc::new(meta));
        }
        match change {
            Change::Delete => return false,
            Change::Block(start, end) => record.body = range(start, end),
            Change::Body(body) => record.body = body,
            Change::Keep | Change::Fault(_) => {
                // What stays in the old block moves to the new one, because there is only one.
                if written && let Body::Range { start, len } = record.body {
                    let (from, to) = (start as usize, start as usize + len as usize);
                    let start = block.len();
                    block.extend_from_slice(old.get(from..to).unwrap_or_default());
                    record.body = range(start, block.len());
                    block.push(b'\n');
                }
                if let Change::Fault(fault) = change {
                    record.fault = Some(Arc::new(fault));
                }
            }
        }
        true
    });
    if written {
        records.block = Bytes::from_owner(Block(block));
    } else {
        drop(Block(block));
    }
}

fn range(start: usize, end: usize) -> Body {
    match (u32::try_from(start), u32::try_from(end - start)) {
        (Ok(start), Ok(len)) => Body::Range { start, len },
        // A block beyond 4 GiB: the mapper stops writing to it long before.
        _ => Body::default(),
    }
}

/// Runs a mutation. Later messages see the earlier ones already changed.
fn mutate(mapping: &Mapping, records: &mut Records) {
    let mut deleted = Vec::with_capacity(records.recs.len());
    for index in 0..records.recs.len() {
        let mapped = mapping.mutate(records, index);
        let Some(record) = records.recs.get_mut(index) else { break };
        deleted.push(apply(record, mapped));
    }
    let mut gone = deleted.into_iter();
    records.recs.retain(|_| !gone.next().unwrap_or(false));
}

/// Puts the result of a mutation into its message; whether the message is filtered. What was
/// changed before a failure stays.
fn apply(record: &mut Record, mapped: Mapped) -> bool {
    let failed = mapped.error.is_some();
    if let Some(error) = mapped.error {
        record.fault = Some(Arc::new(Fault::new(error.to_string())));
    }
    if let Some(meta) = mapped.meta {
        record.meta = Some(Arc::new(meta));
    }
    match mapped.outcome {
        Outcome::Unchanged => false,
        Outcome::Deleted => !failed,
        Outcome::Is(value) => {
            record.body = body_of(value);
            false
        }
    }
}

/// A value as the content of a message.
pub(crate) fn body_of(value: Value) -> Body {
    match value {
        Value::String(text) => Body::Own(Arc::new(text.as_bytes().to_vec())),
        Value::Bytes(bytes) => Body::Own(Arc::new(bytes.to_vec())),
        value => Body::Doc(Arc::new(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_few_buffers_and_no_large_one() {
        (0..SPARE_BLOCKS_MAX * 2).for_each(|_| drop(Block(vec![0; 100])));
        SPARE.with_borrow(|spare| assert_eq!(spare.len(), SPARE_BLOCKS_MAX));
        SPARE.take();
        drop(Block(vec![0; SPARE_BYTES_MAX + 1]));
        SPARE.with_borrow(|spare| assert!(spare.is_empty()));
    }
}
