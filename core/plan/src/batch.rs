//! Batches: what flows between operators.

use std::sync::Arc;

use bytes::Bytes;
use formats::k::{Data as KData, K};
use formats::value::{Text, Value};

use crate::ack::Acks;
use crate::columns::Columns;
use crate::meta::Meta;

/// What flows between operators: data, the acks it stands for, and when it was read.
#[derive(Debug)]
pub struct Batch {
    /// The data, in one of its shapes.
    pub data: Data,
    /// Who waits for this batch to be delivered.
    pub acks: Acks,
    /// Its number in a source that numbers what it emits: what comes again after a restart has the
    /// number that it had.
    pub seq: u64,
    /// Monotonic nanoseconds at which its bytes were read.
    pub born_ns: u64,
}

/// The shapes of a batch (design: records, columns, value; raw is records not yet split).
#[derive(Clone, Debug)]
pub enum Data {
    /// A block cut at record borders that the first operator splits, on whichever shard it runs.
    Raw(RawBlock),
    /// Messages.
    Records(Records),
    /// Typed columns with a time column and a watermark.
    Columns(Columns),
    /// One value passed whole.
    Value(K),
}

/// Bytes of whole records, not yet split.
#[derive(Clone, Debug)]
pub struct RawBlock {
    /// The bytes; ends at a record border.
    pub bytes: Bytes,
    /// Metadata every record of the block has, such as the path of its file.
    pub meta: Option<Arc<Meta>>,
    /// Offset of the block's first byte in its source, for diagnostics.
    pub offset: u64,
    /// When set, only the records with these tags (ascending) are wanted: the others of the block
    /// were delivered already and this is a replay.
    pub only: Option<Arc<Vec<u32>>>,
}

impl RawBlock {
    /// How many messages its lines become.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.only.as_ref().map_or_else(|| formats::lines::count(&self.bytes), |only| only.len())
    }
}

/// Messages over one shared block.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// What [`Body::Range`] points into.
    pub block: Bytes,
    /// The messages, in order.
    pub recs: Vec<Record>,
    /// Whether to users each message is a batch of its own, as those of a source are that puts
    /// many together only to be quick. Messages made from one of them are one batch.
    pub loose: bool,
}

/// Which message of which source batch a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Index into the batch's acks.
    pub ack: u32,
    /// Index of the message in that source batch.
    pub tag: u32,
}

impl Origin {
    /// Of a message that was made from several: it stands for everything its batch stands for.
    pub const WHOLE: Origin = Origin { ack: u32::MAX, tag: u32::MAX };
}

/// One message.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The content.
    pub body: Body,
    /// Metadata, shared until written.
    pub meta: Option<Arc<Meta>>,
    /// Set when a processor failed on this message; it travels on all the same
    /// (spec/benthos-components.md §A.2).
    pub fault: Option<Arc<Fault>>,
    /// Where it came from, for acks.
    pub origin: Origin,
}

/// The content of a message.
#[derive(Clone, Debug)]
pub enum Body {
    /// Bytes `start..start + len` of the batch's block.
    Range {
        /// First byte.
        start: u32,
        /// Number of bytes.
        len: u32,
    },
    /// Bytes of its own.
    Own(Arc<Vec<u8>>),
    /// A document that was built and not yet printed.
    Doc(Arc<Value>),
}

impl Default for Body {
    fn default() -> Self {
        Body::Range { start: 0, len: 0 }
    }
}

/// Why a message failed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fault {
    /// The text users see.
    pub text: String,
    /// Name of the component that failed, such as `mapping`; empty when unknown.
    pub name: String,
    /// Its label; may be empty.
    pub label: String,
    /// Its path in the configuration, such as `root.pipeline.processors.0`.
    pub path: String,
}

impl Fault {
    /// A fault of which only the text is known.
    pub fn new(text: impl Into<String>) -> Self {
        Fault { text: text.into(), ..Fault::default() }
    }
}

impl Record {
    /// A message with bytes of its own.
    #[must_use]
    pub fn own(bytes: Vec<u8>) -> Self {
        Record { body: Body::Own(Arc::new(bytes)), ..Record::default() }
    }

    /// Metadata to change, copied first when it is shared.
    pub fn meta_mut(&mut self) -> &mut Meta {
        Arc::make_mut(self.meta.get_or_insert_default())
    }
}

impl Records {
    /// Messages with bytes of their own and fresh tags 0, 1, 2, ...
    pub fn from_bodies(bodies: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let recs = bodies
            .into_iter()
            .zip(0..)
            .map(|(b, tag)| Record { origin: Origin { ack: 0, tag }, ..Record::own(b) })
            .collect();
        Records { recs, ..Records::default() }
    }

    /// No messages yet, over the same block and as loose as these.
    #[must_use]
    pub fn like(&self) -> Self {
        Records { block: self.block.clone(), recs: Vec::new(), loose: self.loose }
    }

    /// These messages over the same block.
    #[must_use]
    pub fn with(self, recs: Vec<Record>) -> Self {
        Records { recs, ..self }
    }

    /// Whether message `index` is the last of what users see as one batch.
    #[must_use]
    pub fn ends_batch(&self, index: usize) -> bool {
        let origin = |index: usize| self.recs.get(index).map(|rec| rec.origin);
        let next = origin(index + 1);
        next.is_none() || (self.loose && next != origin(index))
    }

    /// The bytes of record `index`; a document is printed into `scratch` first.
    /// An index out of range gives no bytes.
    pub fn bytes<'a>(&'a self, index: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        match self.recs.get(index).map(|r| &r.body) {
            None => &[],
            Some(body) => body_bytes(&self.block, body, scratch),
        }
    }

    /// Approximate payload bytes of all records.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.recs
            .iter()
            .map(|r| match &r.body {
                Body::Range { len, .. } => *len as usize,
                Body::Own(bytes) => bytes.len(),
                Body::Doc(value) => document_bytes(value),
            })
            .sum()
    }
}

/// What a value that is no text counts as, in bytes.
const SCALAR_BYTES: usize = 8;

/// About what a document will take when it is printed, and at least what its texts hold: a source
/// of large documents must not get around its budget.
fn document_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => SCALAR_BYTES + text.as_bytes().len(),
        Value::Bytes(bytes) => SCALAR_BYTES + bytes.len(),
        Value::Number(digits) => digits.as_bytes().len(),
        Value::Array(items) => SCALAR_BYTES + items.iter().map(document_bytes).sum::<usize>(),
        Value::Object(object) => {
            let member = |(name, value): (&Text, &Value)| {
                name.as_bytes().len() + SCALAR_BYTES + document_bytes(value)
            };
            SCALAR_BYTES + object.iter().map(member).sum::<usize>()
        }
        _ => SCALAR_BYTES,
    }
}

/// The bytes of a body over its batch's block; a document is printed into `scratch` first.
pub fn body_bytes<'a>(block: &'a [u8], body: &'a Body, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match body {
        Body::Range { start, len } => {
            let start = *start as usize;
            block.get(start..start + *len as usize).unwrap_or_default()
        }
        Body::Own(bytes) => bytes,
        Body::Doc(value) => {
            scratch.clear();
            print_payload(value, scratch);
            scratch
        }
    }
}

/// Prints a document as a message's content: a text or bytes as they are, everything else as JSON.
/// A document with a number that JSON cannot express has no content (spec/bloblang.md §8).
pub fn print_payload(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        _ => {
            let start = out.len();
            if formats::json::write_value(out, value).is_err() {
                out.truncate(start);
            }
        }
    }
}

/// Approximate bytes of a value, for budgets. Nested lists count by their length alone.
#[must_use]
pub fn value_bytes(value: &K) -> usize {
    bytes_below(value, LEVELS_MAX)
}

/// Levels of dictionaries that are looked into: the same one may be there again and again.
const LEVELS_MAX: usize = 8;

fn bytes_below(value: &K, levels: usize) -> usize {
    let Some(below) = levels.checked_sub(1) else { return value.len() * 8 };
    let value_bytes = |value: &K| bytes_below(value, below);
    match value {
        K::Atom(..) | K::Null => 8,
        // What carries data is a function, too; what that carries counts no more.
        K::Func(f) => {
            let items = f.items();
            let plain = items.iter().filter(|item| !matches!(item, K::Func(_)));
            8 + plain.map(value_bytes).sum::<usize>()
        }
        K::Vec(vector) => match &vector.data {
            KData::U8(items) => items.len(),
            KData::I16(items) => items.len() * 2,
            KData::I32(items) => items.len() * 4,
            KData::F32(items) => items.len() * 4,
            KData::Guid(items) => items.len() * 16,
            _ => value.len() * 8,
        },
        K::Dict(dict) => value_bytes(&dict.keys) + value_bytes(&dict.values),
        K::Table(table) => table.columns.iter().map(value_bytes).sum(),
    }
}

/// The number of a batch that has nothing but the end of a round.
const ROUND: u64 = u64::MAX;

impl Batch {
    /// No data: all that a source reads again and again was read once more. Only who counts it sees
    /// this.
    #[must_use]
    pub fn end_of_round() -> Self {
        Batch { seq: ROUND, ..Batch::records(Records::default()) }
    }

    /// Whether it is the end of a round, and nothing else.
    #[must_use]
    pub fn ends_round(&self) -> bool {
        self.seq == ROUND && self.is_empty()
    }

    /// A batch of records nobody waits for.
    #[must_use]
    pub fn records(records: Records) -> Self {
        Batch::new(Data::Records(records))
    }

    /// A batch nobody waits for.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Batch { data, acks: Acks::none(), seq: 0, born_ns: 0 }
    }

    /// Another batch in the place of this one: same acks, number and time.
    #[must_use]
    pub fn with_data(self, data: Data) -> Self {
        Batch { data, ..self }
    }

    /// Number of messages, rows or, for a value, items (`count`); 0 for a raw block, which nobody
    /// has counted yet.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.data {
            Data::Raw(_) => 0,
            Data::Records(records) => records.recs.len(),
            Data::Columns(columns) => columns.len(),
            Data::Value(value) => value.len(),
        }
    }

    /// Number of batches as users see them (see [`Records::loose`]).
    #[must_use]
    pub fn batches(&self) -> usize {
        match self.as_records() {
            Some(records) if records.loose => {
                (0..records.recs.len()).filter(|index| records.ends_batch(*index)).count()
            }
            _ => 1,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.data {
            Data::Raw(raw) => raw.bytes.is_empty(),
            _ => self.len() == 0,
        }
    }

    /// Approximate bytes of payload, for budgets and metrics.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        match &self.data {
            Data::Raw(raw) => raw.bytes.len(),
            Data::Records(records) => records.payload_bytes(),
            Data::Columns(columns) => columns.payload_bytes(),
            Data::Value(value) => value_bytes(value),
        }
    }

    /// The records of a record batch.
    #[must_use]
    pub fn as_records(&self) -> Option<&Records> {
        match &self.data {
            Data::Records(records) => Some(records),
            _ => None,
        }
    }

    /// The records of a record batch, to change them.
    pub fn as_records_mut(&mut self) -> Option<&mut Records> {
        match &mut self.data {
            Data::Records(records) => Some(records),
            _ => None,
        }
    }

    /// Keeps the records for which `keep` is true. What is filtered out is acked with the rest.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut Record) -> bool) {
        if let Data::Records(records) = &mut self.data {
            records.recs.retain_mut(|r| keep(r));
        }
    }

    /// Delivered: tells every source that waits.
    pub fn ok(self) {
        self.acks.ok();
    }

    /// Not delivered: tells every source that waits, for each of this batch's messages.
    /// Messages of the same source batch that went elsewhere are not touched.
    pub fn fail(self, fault: &Arc<Fault>) {
        match &self.data {
            Data::Records(records) => {
                for record in &records.recs {
                    self.acks.report(record.origin, fault);
                }
                self.acks.ok();
            }
            _ => self.acks.fail(fault),
        }
    }

    /// A batch over the same block with some of this one's records; the acks are shared.
    #[must_use]
    pub fn part(&self, recs: Vec<Record>) -> Batch {
        let like = self.as_records().map(Records::like).unwrap_or_default();
        Batch {
            data: Data::Records(like.with(recs)),
            acks: self.acks.clone(),
            seq: self.seq,
            born_ns: self.born_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_that_holds_one_again_and_again_is_counted_in_time() {
        let pair = |keys: K, values: K| K::dict(keys, values);
        let one = pair(K::longs(vec![1, 2]), K::longs(vec![3, 4]));
        assert_eq!(value_bytes(&one), 32);
        assert_eq!(value_bytes(&pair(one.clone(), one.clone())), 64);
        let wide = (0..60).fold(one, |k, _| pair(k.clone(), k));
        assert!(value_bytes(&wide) >= 64);
    }

    #[test]
    fn a_document_counts_as_what_it_holds() {
        let text = Value::text("x".repeat(1000));
        let object: formats::value::Object =
            [(Text::from("name"), text.clone()), (Text::from("n"), Value::Null)]
                .into_iter()
                .collect();
        let nested = Value::array(vec![Value::object(object), text]);
        let bytes = document_bytes(&nested);
        let mut printed = Vec::new();
        print_payload(&nested, &mut printed);
        assert!((2000..2000 + printed.len()).contains(&bytes), "{bytes} of {}", printed.len());
        assert_eq!(document_bytes(&Value::Null), SCALAR_BYTES);
    }
}
