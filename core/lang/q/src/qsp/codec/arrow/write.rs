//! Columns of q as Arrow columns.

use super::wrong;
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::convert::cast::cast;
use crate::convert::numeric::{Column, NULL, ints};
use crate::error::{Result, type_error};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, DurationNanosecondArray,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, RecordBatchOptions, StringArray, Time32MillisecondArray, Time32SecondArray,
    TimestampNanosecondArray, UInt8Array,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use formats::budget::Spent;
use formats::k::{Data, K, Table, Type, Vector};
use std::sync::Arc;

/// Seconds of a minute.
const MINUTE: i64 = 60;

/// The stream of a table.
pub(super) fn stream(table: &Table) -> Result<Vec<u8>> {
    let mut fields = Vec::with_capacity(table.names.len());
    let mut arrays = Vec::with_capacity(table.names.len());
    for (name, column) in table.iter() {
        let array = array(column).map_err(|e| wrong(format!("{name}: {e}")))?;
        fields.push(Field::new(name.as_str(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(table.rows()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options);
    let batch = batch.map_err(|e| wrong(e.to_string()))?;
    let mut writer =
        StreamWriter::try_new(Vec::new(), &schema).map_err(|e| wrong(e.to_string()))?;
    writer.write(&batch).map_err(|e| wrong(e.to_string()))?;
    writer.finish().map_err(|e| wrong(e.to_string()))?;
    writer.into_inner().map_err(|e| wrong(e.to_string()))
}

/// The items as long numbers, nulls as nothing.
fn longs(column: &K) -> Result<Vec<Option<i64>>> {
    match ints(column) {
        Some(Column::Vec(v)) => Ok(v.iter().map(|x| (*x != NULL).then_some(*x)).collect()),
        _ => Err(type_error()),
    }
}

fn array(column: &K) -> Result<ArrayRef> {
    let K::Vec(v) = column else { return Err(type_error()) };
    Ok(match (v.ty, &v.data) {
        (Type::Bool, Data::U8(v)) => {
            Arc::new(v.iter().map(|x| Some(*x != 0)).collect::<BooleanArray>())
        }
        (Type::Byte, Data::U8(v)) => Arc::new(UInt8Array::from(v.to_vec())),
        (Type::Char, Data::U8(v)) => {
            let text = |c: &u8| String::from_utf8_lossy(std::slice::from_ref(c)).into_owned();
            Arc::new(v.iter().map(|c| Some(text(c))).collect::<StringArray>())
        }
        (Type::Short, Data::I16(v)) => {
            Arc::new(v.iter().map(|x| (*x != i16::MIN).then_some(*x)).collect::<Int16Array>())
        }
        (Type::Int, Data::I32(v)) => {
            Arc::new(v.iter().map(|x| (*x != i32::MIN).then_some(*x)).collect::<Int32Array>())
        }
        (Type::Long, _) => Arc::new(longs(column)?.into_iter().collect::<Int64Array>()),
        (Type::Real, Data::F32(v)) => {
            Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float32Array>())
        }
        (Type::Float, Data::F64(v)) => {
            Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>())
        }
        (Type::Symbol, Data::Sym(v)) => {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            Arc::new(v.iter().map(|s| Some(text(s.as_bytes()))).collect::<StringArray>())
        }
        (Type::Guid, Data::Guid(v)) => {
            let items = v.iter().map(|g| Some(g.as_slice()));
            let made = FixedSizeBinaryArray::try_from_sparse_iter_with_size(items, 16);
            Arc::new(made.map_err(|e| wrong(e.to_string()))?)
        }
        (Type::List, _) => texts(column)?,
        _ => times(v, column)?,
    })
}

fn times(v: &Vector, column: &K) -> Result<ArrayRef> {
    let narrow = |x: Option<i64>| x.and_then(|x| i32::try_from(x).ok());
    Ok(match v.ty {
        Type::Timestamp | Type::Datetime => {
            let points = longs(&cast(Type::Timestamp, column)?)?;
            let unix = |x: Option<i64>| x.map(|x| x.saturating_add(EPOCH_DAYS * DAY));
            Arc::new(points.into_iter().map(unix).collect::<TimestampNanosecondArray>())
        }
        Type::Date | Type::Month => {
            let days = longs(&cast(Type::Date, column)?)?;
            let unix = |x: Option<i64>| narrow(x.map(|x| x + EPOCH_DAYS));
            Arc::new(days.into_iter().map(unix).collect::<Date32Array>())
        }
        Type::Timespan => Arc::new(longs(column)?.into_iter().collect::<DurationNanosecondArray>()),
        Type::Minute => {
            let seconds = longs(column)?.into_iter().map(|x| narrow(x.map(|x| x * MINUTE)));
            Arc::new(seconds.collect::<Time32SecondArray>())
        }
        Type::Second => {
            Arc::new(longs(column)?.into_iter().map(narrow).collect::<Time32SecondArray>())
        }
        Type::Time => {
            Arc::new(longs(column)?.into_iter().map(narrow).collect::<Time32MillisecondArray>())
        }
        _ => return Err(type_error()),
    })
}

/// A list of texts, or of vectors of bytes.
fn texts(column: &K) -> Result<ArrayRef> {
    let bytes = |k: &K| match k {
        K::Vec(Vector { ty: Type::Byte, data: Data::U8(v), .. }) => {
            formats::budget::ask(v.len());
            Some(v.to_vec())
        }
        _ => None,
    };
    let items: Vec<K> = column.items().collect();
    let empty = |k: &K| k.ty() == Some(Type::List) && k.is_empty();
    if items.iter().any(|k| bytes(k).is_some()) {
        let all = items
            .iter()
            .map(|k| if empty(k) { Ok(Vec::new()) } else { bytes(k).ok_or_else(type_error) });
        let all = all.collect::<Result<Vec<_>>>()?;
        return Ok(Arc::new(all.iter().map(|b| Some(b.as_slice())).collect::<BinaryArray>()));
    }
    let text = |k: &K| match (k.as_text(), k.as_sym()) {
        _ if !formats::budget::has_room(0) => Err(Spent::Bytes.into()),
        (Some(text), _) => Ok(Some(String::from_utf8_lossy(text).into_owned())),
        (_, Some(name)) => Ok(Some(name.as_str().to_owned())),
        _ if empty(k) || matches!(k, K::Null) => Ok(None),
        _ => Err(type_error()),
    };
    let all = items.iter().map(text).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(all.into_iter().collect::<StringArray>()))
}
