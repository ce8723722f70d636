//! Batches as bytes, for whatever keeps them outside of the process: contents, metadata with its
//! types, faults and the borders of batches come back as they were, and columns with their
//! watermarks. A document comes back as its text.
//!
//! ```text
//! 0      kind     1 byte   0 lines of a block, 1 a batch of messages, 2 messages on their own,
//!                          3 columns
//! lines  offset   number   of the block in its source
//!        meta     as below, behind a byte that says whether there is any
//!        bytes    the rest
//! messages: count, a number, then for each
//!        flags    1 byte   1 metadata follows, 2 metadata of the message before, 4 a fault
//!                          follows, 8 the last of its batch
//!        meta     count, a number, then for each a text (the key) and a value
//!        fault    4 texts: what is wrong, name, label, path
//!        content  a text
//! columns: see `columns.rs`
//! ```
//! Numbers have 7 bits a byte, the lowest first, the eighth set where more follow; a text is a
//! number and so many bytes.

mod columns;
mod value;

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{Body, Data, Fault, Origin, RawBlock, Record, Records};
use crate::meta::Meta;
use value::{read_value, write_value};

pub use value::DEPTH_MAX;

/// Why a batch cannot be kept, or what was kept cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Values are no messages, nor are lines of which only some are wanted.
    #[error("only messages and columns can be kept")]
    NoMessages,
    /// An array is not of the type that its column says.
    #[error("a column is not of its type")]
    WrongType,
    /// Metadata is nested deeper than [`DEPTH_MAX`].
    #[error("metadata is nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// The bytes are not what was written.
    #[error("what was kept cannot be read")]
    Unreadable,
}

const LINES: u8 = 0;
const BATCH: u8 = 1;
const LOOSE: u8 = 2;
const COLUMNS: u8 = 3;

const META: u8 = 1;
const SAME_META: u8 = 2;
const FAULT: u8 = 4;
const LAST: u8 = 8;

/// Appends a batch to `out`. A block of lines must be whole: one of which only some are
/// wanted is split first.
///
/// # Errors
/// It is of a shape that cannot be kept, or metadata is nested too deeply. Then `out` holds
/// nonsense.
pub fn encode(data: &Data, out: &mut Vec<u8>) -> Result<(), StoredError> {
    match data {
        Data::Raw(raw) if raw.only.is_none() => {
            out.push(LINES);
            write_number(raw.offset, out);
            out.push(u8::from(raw.meta.is_some()));
            if let Some(meta) = &raw.meta {
                write_meta(meta, out)?;
            }
            out.extend_from_slice(&raw.bytes);
            Ok(())
        }
        Data::Records(records) => encode_records(records, out),
        Data::Columns(columns) => columns::write(columns, out),
        _ => Err(StoredError::NoMessages),
    }
}

fn encode_records(records: &Records, out: &mut Vec<u8>) -> Result<(), StoredError> {
    out.reserve(records.payload_bytes() + 8 * records.recs.len() + 16);
    out.push(if records.loose { LOOSE } else { BATCH });
    write_number(records.recs.len() as u64, out);
    let mut before: Option<&Arc<Meta>> = None;
    let mut scratch = Vec::new();
    for (index, record) in records.recs.iter().enumerate() {
        let same = match (&record.meta, before) {
            (Some(meta), Some(before)) => Arc::ptr_eq(meta, before),
            _ => false,
        };
        let mut flags = match (&record.meta, same) {
            (None, _) => 0,
            (Some(_), false) => META,
            (Some(_), true) => SAME_META,
        };
        flags |= if record.fault.is_some() { FAULT } else { 0 };
        flags |= if records.ends_batch(index) { LAST } else { 0 };
        out.push(flags);
        if let Some(meta) = record.meta.as_ref().filter(|_| !same) {
            write_meta(meta, out)?;
        }
        before = record.meta.as_ref();
        if let Some(fault) = &record.fault {
            for text in [&fault.text, &fault.name, &fault.label, &fault.path] {
                write_text(text.as_bytes(), out);
            }
        }
        write_text(records.bytes(index, &mut scratch), out);
    }
    Ok(())
}

fn write_meta(meta: &Meta, out: &mut Vec<u8>) -> Result<(), StoredError> {
    write_number(meta.len() as u64, out);
    meta.iter().try_for_each(|(key, value)| {
        write_text(key.as_bytes(), out);
        write_value(value, 0, out)
    })
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_number(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Reads from the start of bytes.
struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.all.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let part = self.all.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(part)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.text()?).ok()
    }

    /// How many things follow, each of a byte at least: more than there are bytes cannot be.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.all.len() - self.at).then_some(count)
    }

    fn meta(&mut self) -> Option<Arc<Meta>> {
        let mut meta = Meta::new();
        for _ in 0..self.count()? {
            let key = self.string()?;
            meta.set(key, read_value(self, 0)?);
        }
        Some(Arc::new(meta))
    }

    fn fault(&mut self) -> Option<Arc<Fault>> {
        let mut text = || Some(self.string()?.to_owned());
        Some(Arc::new(Fault { text: text()?, name: text()?, label: text()?, path: text()? }))
    }
}

/// Reads what [`encode`] has written. Contents stay where they are.
///
/// # Errors
/// It is something else.
pub fn decode(bytes: &Bytes) -> Result<Data, StoredError> {
    read(bytes).ok_or(StoredError::Unreadable)
}

fn read(bytes: &Bytes) -> Option<Data> {
    let mut reader = Reader { all: bytes, at: 0 };
    let loose = match reader.byte()? {
        LINES => {
            let offset = reader.number()?;
            let meta = match reader.byte()? {
                0 => None,
                _ => Some(reader.meta()?),
            };
            let bytes = bytes.slice(reader.at..);
            return Some(Data::Raw(RawBlock { bytes, meta, offset, only: None }));
        }
        BATCH => false,
        LOOSE => true,
        COLUMNS => return columns::read(&mut reader).map(Data::Columns),
        _ => return None,
    };
    u32::try_from(bytes.len()).ok()?;
    let count = reader.count()?;
    let mut recs: Vec<Record> = Vec::with_capacity(count);
    let mut tag = 0;
    for _ in 0..count {
        let flags = reader.byte()?;
        let meta = match flags & (META | SAME_META) {
            0 => None,
            META => Some(reader.meta()?),
            _ => recs.last()?.meta.clone(),
        };
        let fault = match flags & FAULT {
            0 => None,
            _ => Some(reader.fault()?),
        };
        let len = reader.text()?.len() as u32;
        let body = Body::Range { start: reader.at as u32 - len, len };
        recs.push(Record { body, meta, fault, origin: Origin { ack: 0, tag } });
        // Messages on their own are told apart by their tags.
        tag += u32::from(!loose || flags & LAST != 0);
    }
    (reader.at == bytes.len()).then(|| Data::Records(Records { block: bytes.clone(), recs, loose }))
}

#[cfg(test)]
mod tests;
