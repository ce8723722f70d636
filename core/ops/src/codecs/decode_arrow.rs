//! `decode_arrow`: an Arrow IPC stream, or a file of one, to typed columns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, make_array};
use arrow_buffer::Buffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::DataType as ArrowType;
use plan::batch::body_bytes;
use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Columns, Data, DataType, End, Env, Json, Operator, OperatorError,
    OperatorSpec, Schema, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::decode::{FieldConfig, ended, schema_of};
use crate::columns::select::concat;
use crate::columns::types::texts;

/// Most bytes of a message: of a batch of rows, as the format has it.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// Most bytes that the texts of a batch may become when they are written out, where the format
/// has each of them once.
pub const DICTIONARY_BYTES_MAX: usize = 1 << 30;
/// What a file begins with, and a stream does not.
const MAGIC: &[u8; 8] = b"ARROW1\0\0";

/// Configuration of `decode_arrow`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns that are wanted, which are found by their names.
    fields: Vec<FieldConfig>,
    /// Number of the partition that the rows are.
    #[serde(default)]
    partition: u32,
}

struct DecodeArrow {
    fields: Vec<FieldConfig>,
    schema: Arc<Schema>,
    partition: u32,
    decoder: StreamDecoder,
    /// The first bytes, until it is known whether they are those of a file.
    head: Option<Vec<u8>>,
    /// Whether a file has begun, and no message of it so far.
    padded: bool,
    /// Bytes since the last batch of rows.
    pending: usize,
    /// Whether the mark of the end came: what follows in a file is its table of contents.
    over: bool,
}

fn wrong(text: impl std::fmt::Display) -> OperatorError {
    OperatorError::new(format!("Arrow: {text}"))
}

impl DecodeArrow {
    /// Takes bytes and appends the columns of the batches that are whole with them.
    fn read(&mut self, bytes: &[u8], parts: &mut Vec<Columns>) -> Result<(), OperatorError> {
        let head = self.head.take().map(|mut head| {
            head.extend_from_slice(bytes);
            head
        });
        let bytes = match &head {
            Some(head) if head.len() < MAGIC.len() && MAGIC.starts_with(head) => {
                self.head = Some(head.clone());
                return Ok(());
            }
            Some(head) => match head.strip_prefix(MAGIC) {
                Some(rest) => {
                    self.padded = true;
                    rest
                }
                None => head,
            },
            None => bytes,
        };
        // Zeros may stand between the magic of a file and its first message.
        let zeros =
            if self.padded { bytes.iter().take_while(|byte| **byte == 0).count() } else { 0 };
        let bytes = bytes.get(zeros..).unwrap_or_default();
        self.padded &= bytes.is_empty();
        let mut buffer = Buffer::from_slice_ref(bytes);
        while !buffer.is_empty() && !self.over {
            let before = buffer.len();
            let batch = self.decoded(&mut buffer)?;
            self.pending += before - buffer.len();
            if self.pending > MESSAGE_BYTES_MAX {
                let most = MESSAGE_BYTES_MAX;
                return Err(wrong(format!("a batch of rows has more than {most} bytes")));
            }
            if let Some(batch) = batch {
                self.pending = 0;
                parts.push(self.columns(&batch)?);
            }
        }
        Ok(())
    }

    fn decoded(&mut self, buffer: &mut Buffer) -> Result<Option<RecordBatch>, OperatorError> {
        let before = buffer.len();
        // The reader gives up by a panic at some damage.
        let decoded = catch_unwind(AssertUnwindSafe(|| self.decoder.decode(buffer)));
        match decoded {
            Ok(Ok(batch)) => Ok(batch),
            // Behind the mark of the end, nothing is read any more.
            Ok(Err(_)) if self.decoder.finish().is_ok() && self.decoder.schema().is_some() => {
                self.over = true;
                Ok(None)
            }
            Ok(Err(error)) => Err(wrong(error)),
            Err(_) => Err(wrong(format!("the data is damaged within the next {before} bytes"))),
        }
    }

    /// The wanted columns of a batch, in the types that they are wanted in.
    fn columns(&self, batch: &RecordBatch) -> Result<Columns, OperatorError> {
        let (mut arrays, mut nulls) = (Vec::new(), Vec::new());
        for field in &self.fields {
            let at = batch.schema_ref().fields().iter().position(|f| *f.name() == field.name);
            let name = &field.name;
            let array = at.and_then(|at| batch.columns().get(at));
            let array = array.ok_or_else(|| wrong(format!("there is no column {name}")))?;
            let array = converted(array, field.ty).map_err(|e| wrong(format!("{name}: {e}")))?;
            let most = field.bytes_max.filter(|_| field.ty == DataType::Text);
            if let Some(most) = most
                && let Some(texts) = texts(&array)
                && let Some(widest) = texts.iter().flatten().map(<[u8]>::len).max()
                && widest > most as usize
            {
                let text = format!("{name}: a value has at most {most} bytes, and not {widest}");
                return Err(wrong(text));
            }
            let (array, empty) = without_nulls(&array);
            match (&field.null, empty) {
                (Some(_), empty) => {
                    let all = || BooleanArray::from(vec![false; array.len()]);
                    nulls.push(Arc::new(empty.unwrap_or_else(all)) as ArrayRef);
                }
                (None, Some(empty)) => {
                    let row = empty.iter().position(|flag| flag == Some(true)).unwrap_or(0);
                    return Err(wrong(format!("{name}: row {row} of a batch has no value")));
                }
                (None, None) => {}
            }
            arrays.push(array);
        }
        arrays.append(&mut nulls);
        Ok(Columns::new(Arc::clone(&self.schema), arrays))
    }

    fn take(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut parts = Vec::new();
        match &batch.data {
            Data::Raw(raw) => self.read(&raw.bytes, &mut parts)?,
            Data::Records(records) => {
                let mut scratch = Vec::new();
                for record in &records.recs {
                    let bytes = body_bytes(&records.block, &record.body, &mut scratch);
                    self.read(bytes, &mut parts)?;
                }
            }
            _ => return Err(OperatorError::new("a decoder works on bytes")),
        }
        let Some(first) = parts.first() else {
            batch.ok(); // the rows come with what follows
            return Ok(());
        };
        let columns = (0..first.arrays.len()).filter_map(|at| {
            let all = parts.iter().filter_map(|part| part.arrays.get(at).cloned());
            concat(&all.collect::<Vec<ArrayRef>>())
        });
        let mut columns = Columns::new(Arc::clone(&self.schema), columns.collect());
        columns.partition = self.partition;
        out.push(batch.with_data(Data::Columns(columns)));
        Ok(())
    }

    /// Whether the input ended between two messages.
    fn finish(&mut self) -> Result<(), OperatorError> {
        let torn = self.head.as_ref().is_some_and(|head| !head.is_empty());
        if torn || !self.over && self.decoder.finish().is_err() {
            return Err(wrong("the input ends within a message"));
        }
        Ok(())
    }
}

/// A column in the type that is wanted, if nothing is lost by it.
fn converted(array: &ArrayRef, ty: DataType) -> Result<ArrayRef, String> {
    use ArrowType as A;
    let from = match array.data_type() {
        A::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let whole = from.is_integer()
        || matches!(from, A::Timestamp(..) | A::Date32 | A::Date64 | A::Time32(_) | A::Time64(_));
    let text = matches!(from, A::Utf8 | A::LargeUtf8 | A::Binary | A::LargeBinary);
    let (to, fits) = match ty {
        DataType::Bool => (A::Boolean, *from == A::Boolean),
        DataType::I8 => (A::Int8, whole),
        DataType::I16 => (A::Int16, whole),
        DataType::I32 => (A::Int32, whole),
        DataType::I64 => (A::Int64, whole),
        DataType::U8 | DataType::Char => (A::UInt8, whole),
        DataType::U16 => (A::UInt16, whole),
        DataType::U32 => (A::UInt32, whole),
        DataType::U64 => (A::UInt64, whole),
        DataType::F32 => (A::Float32, from.is_integer() || from.is_floating()),
        DataType::F64 => (A::Float64, from.is_integer() || from.is_floating()),
        DataType::Text => (A::Binary, text),
    };
    if !fits {
        let wanted = format!("{ty:?}").to_lowercase();
        return Err(format!("a column of type {from} cannot be read as {wanted}"));
    }
    if array.data_type() == &to {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    if let (Some(dictionary), DataType::Text) = (array.as_any_dictionary_opt(), ty) {
        let texts = cast_with_options(dictionary.values(), &A::LargeBinary, &options);
        let texts = texts.map_err(|error| error.to_string())?;
        let texts = texts.as_binary::<i64>();
        let longest = texts.iter().flatten().map(<[u8]>::len).max().unwrap_or(0);
        if longest.saturating_mul(array.len()) > DICTIONARY_BYTES_MAX {
            return Err(format!("its texts may become more than {DICTIONARY_BYTES_MAX} bytes"));
        }
    }
    let whole_numbers = match from {
        // Moments and days are numbers of their unit.
        A::Timestamp(..) | A::Date64 | A::Time64(_) => Some(A::Int64),
        A::Date32 | A::Time32(_) => Some(A::Int32),
        _ => None,
    };
    let mut array = Arc::clone(array);
    for step in whole_numbers.iter().chain([&to]) {
        array = cast_with_options(&array, step, &options).map_err(|error| error.to_string())?;
    }
    Ok(array)
}

/// A column without marks of where there is no value, and these marks where there are any.
fn without_nulls(array: &ArrayRef) -> (ArrayRef, Option<BooleanArray>) {
    let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
        return (Arc::clone(array), None);
    };
    let empty = (0..array.len()).map(|row| nulls.is_null(row)).collect::<Vec<bool>>();
    let data = array.to_data().into_builder().nulls(None);
    // It was valid, and it stays so without them.
    let bare = data.build().map_or_else(|_| Arc::clone(array), make_array);
    (bare, Some(BooleanArray::from(empty)))
}

impl Operator for DecodeArrow {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.take(batch, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        if end == End::Drained
            && let Err(error) = self.finish()
        {
            return Step::Done(Err(error));
        }
        ended(&self.schema, self.partition, end, out);
        Step::Done(Ok(()))
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { fields, partition } = read_config(config)?;
    if fields.is_empty() {
        return Err(BuildError::new("fields: there must be one at least"));
    }
    Ok(Box::new(DecodeArrow {
        schema: Arc::new(schema_of(&fields.iter().collect::<Vec<&FieldConfig>>())),
        fields,
        partition,
        decoder: StreamDecoder::new(),
        head: Some(Vec::new()),
        padded: false,
        pending: 0,
        over: false,
    }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "decode_arrow",
    since: "0.1.0",
    category: "codecs",
    summary: "An Arrow IPC stream, or a file of one, to typed columns.",
    schema: plan::schema_of::<Config>,
    // Its input is no text.
    examples: &[],
    build,
};

#[cfg(test)]
#[path = "decode_arrow_tests.rs"]
mod tests;
