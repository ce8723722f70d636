//! Arrow columns as columns of q.

use super::wrong;
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::{QError, Result};
use crate::session::Session;
use crate::verbs::join;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use formats::k::{K, Sym, Table, Type};
use std::convert::identity;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a file begins with, and a stream does not.
const MAGIC: &[u8] = b"ARROW1";
/// Columns of a table.
pub(super) const COLUMNS_MAX: usize = if cfg!(test) { 1000 } else { 65_536 };

type Batches = (SchemaRef, Vec<RecordBatch>);

fn batches(bytes: &[u8]) -> std::result::Result<Batches, ArrowError> {
    if bytes.starts_with(MAGIC) {
        let reader = FileReader::try_new(Cursor::new(bytes), None)?;
        return Ok((reader.schema(), reader.collect::<std::result::Result<_, _>>()?));
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    Ok((reader.schema(), reader.collect::<std::result::Result<_, _>>()?))
}

/// The table of a stream or file.
pub(super) fn table(cx: &mut Session, bytes: &[u8]) -> Result<Table> {
    // The reader gives up by a panic at some damage.
    let read = catch_unwind(AssertUnwindSafe(|| batches(bytes)));
    let (schema, batches) =
        read.map_err(|_| wrong("the data is damaged"))?.map_err(|e| wrong(e.to_string()))?;
    if schema.fields().len() > COLUMNS_MAX {
        return Err(QError::limit("limit"));
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    cx.room(rows)?;
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        let name = Sym::intern(field.name().as_bytes()).ok_or_else(|| QError::limit("limit"))?;
        let mut whole: Option<K> = None;
        for batch in &batches {
            let Some(array) = batch.columns().get(at) else { continue };
            let part = column(array).map_err(|e| wrong(format!("{name}: {e}")))?;
            whole = Some(match whole {
                Some(before) => join::join(cx, before, part)?,
                None => part,
            });
        }
        let whole = match whole {
            Some(whole) => whole,
            None => column(&arrow_array::new_empty_array(field.data_type()))
                .map_err(|e| wrong(format!("{name}: {e}")))?,
        };
        names.push(name);
        columns.push(whole);
    }
    Ok(Table { names: Arc::new(names), columns })
}

/// The numbers of an array as a vector; what is missing is the null of the type.
macro_rules! numbers {
    ($array:expr, $from:ty, $ty:expr, $null:expr, $map:expr) => {{
        let array = $array.as_primitive::<$from>();
        let items = (0..array.len())
            .map(|i| if array.is_null(i) { $null } else { $map(array.value(i)) })
            .collect::<Vec<_>>();
        Ok(K::vec($ty, items))
    }};
}

/// The array in another type, or why something of it would be lost.
fn cast(array: &ArrayRef, to: &DataType) -> std::result::Result<K, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    column(&cast_with_options(array, to, &options).map_err(|e| e.to_string())?)
}

/// A column; unsigned numbers become wider ones, so that none is lost.
fn column(array: &ArrayRef) -> std::result::Result<K, String> {
    use DataType as A;
    let nanos = |x: i64| x.saturating_sub(EPOCH_DAYS * DAY);
    match array.data_type() {
        A::Boolean => {
            let array = array.as_boolean();
            let flag = |i: usize| u8::from(!array.is_null(i) && array.value(i));
            Ok(K::bools((0..array.len()).map(flag).collect()))
        }
        A::UInt8 => numbers!(array, UInt8Type, Type::Byte, 0, identity),
        A::Int8 => cast(array, &A::Int16),
        A::Int16 => numbers!(array, Int16Type, Type::Short, i16::MIN, identity),
        A::UInt16 => cast(array, &A::Int32),
        A::Int32 => numbers!(array, Int32Type, Type::Int, i32::MIN, identity),
        A::UInt32 | A::UInt64 => cast(array, &A::Int64),
        A::Int64 => numbers!(array, Int64Type, Type::Long, i64::MIN, identity),
        A::Float16 => cast(array, &A::Float32),
        A::Float32 => numbers!(array, Float32Type, Type::Real, f32::NAN, identity),
        A::Float64 => numbers!(array, Float64Type, Type::Float, f64::NAN, identity),
        A::Decimal128(..) | A::Decimal256(..) => cast(array, &A::Float64),
        A::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers!(array, TimestampNanosecondType, Type::Timestamp, i64::MIN, nanos)
        }
        A::Timestamp(..) => cast(array, &A::Timestamp(TimeUnit::Nanosecond, None)),
        A::Date32 => {
            let days = |x: i32| x.saturating_sub(EPOCH_DAYS as i32);
            numbers!(array, Date32Type, Type::Date, i32::MIN, days)
        }
        A::Date64 => cast(array, &A::Timestamp(TimeUnit::Nanosecond, None)),
        A::Time32(TimeUnit::Second) => {
            numbers!(array, Time32SecondType, Type::Second, i32::MIN, identity)
        }
        A::Time32(_) => numbers!(array, Time32MillisecondType, Type::Time, i32::MIN, identity),
        A::Time64(TimeUnit::Nanosecond) => {
            numbers!(array, Time64NanosecondType, Type::Timespan, i64::MIN, identity)
        }
        A::Time64(_) => cast(array, &A::Time64(TimeUnit::Nanosecond)),
        A::Duration(TimeUnit::Nanosecond) => {
            numbers!(array, DurationNanosecondType, Type::Timespan, i64::MIN, identity)
        }
        A::Duration(_) => cast(array, &A::Duration(TimeUnit::Nanosecond)),
        _ => nested(array),
    }
}

/// Texts, bytes, lists and what refers to such.
fn nested(array: &ArrayRef) -> std::result::Result<K, String> {
    use DataType as A;
    match array.data_type() {
        A::Utf8 => {
            let array = array.as_string::<i32>();
            let text = |i| K::str(if array.is_null(i) { "" } else { array.value(i) });
            Ok(K::list((0..array.len()).map(text).collect()))
        }
        A::LargeUtf8 | A::Utf8View => cast(array, &A::Utf8),
        A::Binary => {
            let array = array.as_binary::<i32>();
            let none: &[u8] = &[];
            let bytes = |i| if array.is_null(i) { none } else { array.value(i) };
            let items = (0..array.len()).map(|i| K::vec(Type::Byte, bytes(i).to_vec()));
            Ok(K::list(items.collect()))
        }
        A::LargeBinary | A::BinaryView => cast(array, &A::Binary),
        A::FixedSizeBinary(16) => {
            let array = array.as_fixed_size_binary();
            let guid = |i: usize| {
                let bytes = (!array.is_null(i)).then(|| array.value(i));
                bytes.and_then(|b| <[u8; 16]>::try_from(b).ok()).unwrap_or_default()
            };
            Ok(K::vec(Type::Guid, (0..array.len()).map(guid).collect::<Vec<_>>()))
        }
        A::FixedSizeBinary(_) => cast(array, &A::Binary),
        A::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = column(dictionary.values())?;
            if dictionary.values().is_empty() {
                return Ok(values.gather(&vec![-1; array.len()]));
            }
            let keys = dictionary.normalized_keys();
            let place = |(i, key): (usize, &usize)| if array.is_null(i) { -1 } else { *key as i64 };
            // Texts are shared, however often the dictionary is referred to.
            Ok(values.gather(&keys.iter().enumerate().map(place).collect::<Vec<_>>()))
        }
        A::List(_) => {
            let array = array.as_list::<i32>();
            let item = |i| {
                if array.is_null(i) { Ok(K::list(Vec::new())) } else { column(&array.value(i)) }
            };
            Ok(K::list((0..array.len()).map(item).collect::<std::result::Result<_, _>>()?))
        }
        A::Null => Ok(K::list(vec![K::Null; array.len()])),
        other => Err(format!("type {other} has no counterpart")),
    }
}
