//! Columns as bytes.
//!
//! ```text
//! kind       1 byte   3
//! flags      1 byte   1 a watermark follows, 2 places follow, 4 the last of its partition
//! partition, rows, rows of the source: numbers
//! watermark  a number
//! places     for each row a number, less that of the row before
//! fields     count, a number, then for each a text (the name) and 1 byte (the type)
//! arrays     for each field: fixed widths, the lowest byte first; a boolean is a byte; for texts
//!            first a number for each row, its length, and then all texts
//! ```

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray};

use super::{COLUMNS, Reader, StoredError, write_number, write_text};
use crate::columns::{Columns, DataType, Field, Schema};

const WATERMARK: u8 = 1;
const PLACES: u8 = 2;
const LAST: u8 = 4;

/// Types in the order of their bytes.
const TYPES: [DataType; 13] = [
    DataType::Bool,
    DataType::I8,
    DataType::I16,
    DataType::I32,
    DataType::I64,
    DataType::U8,
    DataType::U16,
    DataType::U32,
    DataType::U64,
    DataType::F32,
    DataType::F64,
    DataType::Char,
    DataType::Text,
];

pub(super) fn write(columns: &Columns, out: &mut Vec<u8>) -> Result<(), StoredError> {
    out.reserve(columns.payload_bytes() + 64);
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(COLUMNS);
    out.push(
        flag(columns.watermark_ms.is_some(), WATERMARK)
            | flag(columns.places.is_some(), PLACES)
            | flag(columns.last, LAST),
    );
    for number in [u64::from(columns.partition), columns.rows as u64, columns.source_rows as u64] {
        write_number(number, out);
    }
    if let Some(watermark) = columns.watermark_ms {
        write_number(watermark, out);
    }
    let mut before = 0;
    for place in columns.places.iter().flat_map(|places| places.iter()) {
        write_number(u64::from(place.wrapping_sub(before)), out);
        before = *place;
    }
    write_number(columns.schema.fields.len() as u64, out);
    for field in &columns.schema.fields {
        write_text(field.name.as_bytes(), out);
        out.push(TYPES.iter().position(|ty| *ty == field.ty).unwrap_or_default() as u8);
    }
    let fields = columns.schema.fields.iter().zip(&columns.arrays);
    fields.into_iter().try_for_each(|(field, array)| write_array(field.ty, array, out))
}

/// Does something for the arrow type of each type of fixed width.
macro_rules! of_width {
    ($ty:expr, $do:ident, $other:expr) => {
        match $ty {
            DataType::I8 => $do!(Int8Type),
            DataType::I16 => $do!(Int16Type),
            DataType::I32 => $do!(Int32Type),
            DataType::I64 => $do!(Int64Type),
            DataType::U8 | DataType::Char => $do!(UInt8Type),
            DataType::U16 => $do!(UInt16Type),
            DataType::U32 => $do!(UInt32Type),
            DataType::U64 => $do!(UInt64Type),
            DataType::F32 => $do!(Float32Type),
            DataType::F64 => $do!(Float64Type),
            DataType::Bool | DataType::Text => $other,
        }
    };
}

fn write_array(ty: DataType, array: &ArrayRef, out: &mut Vec<u8>) -> Result<(), StoredError> {
    macro_rules! values {
        ($arrow:ty) => {{
            let array = array.as_primitive_opt::<$arrow>().ok_or(StoredError::WrongType)?;
            array.values().iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }};
    }
    of_width!(ty, values, {
        if let Some(array) = array.as_boolean_opt().filter(|_| ty == DataType::Bool) {
            out.extend(array.values().iter().map(u8::from));
        } else {
            let array = array.as_binary_opt::<i32>().filter(|_| ty == DataType::Text);
            let array = array.ok_or(StoredError::WrongType)?;
            (0..array.len()).for_each(|at| write_number(array.value(at).len() as u64, out));
            (0..array.len()).for_each(|at| out.extend_from_slice(array.value(at)));
        }
    });
    Ok(())
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Columns> {
    let flags = reader.byte()?;
    let partition = u32::try_from(reader.number()?).ok()?;
    let rows = usize::try_from(reader.number()?).ok()?;
    let source_rows = usize::try_from(reader.number()?).ok()?;
    let watermark_ms = match flags & WATERMARK {
        0 => None,
        _ => Some(reader.number()?),
    };
    let places = match flags & PLACES {
        0 => None,
        _ => Some(Arc::new(read_places(reader, rows)?)),
    };
    let mut fields = Vec::new();
    for _ in 0..reader.count()? {
        let name = Arc::from(reader.string()?);
        let ty = *TYPES.get(usize::from(reader.byte()?))?;
        fields.push(Field { name, ty });
    }
    let arrays = fields.iter().map(|field| read_array(reader, field.ty, rows));
    let arrays = arrays.collect::<Option<Vec<ArrayRef>>>()?;
    let (schema, last) = (Arc::new(Schema { fields }), flags & LAST != 0);
    let columns =
        Columns { schema, arrays, rows, watermark_ms, partition, last, source_rows, places };
    (reader.at == reader.all.len()).then_some(columns)
}

/// Every place takes a byte at least: more than there are bytes cannot be.
fn read_places(reader: &mut Reader<'_>, rows: usize) -> Option<Vec<u32>> {
    if rows > reader.all.len() - reader.at {
        return None;
    }
    let mut before = 0_u32;
    (0..rows)
        .map(|_| {
            before = before.wrapping_add(u32::try_from(reader.number()?).ok()?);
            Some(before)
        })
        .collect()
}

fn read_array(reader: &mut Reader<'_>, ty: DataType, rows: usize) -> Option<ArrayRef> {
    macro_rules! values {
        ($arrow:ty) => {{
            type Native = <$arrow as arrow_array::ArrowPrimitiveType>::Native;
            let (chunks, _) = reader
                .take(rows.checked_mul(size_of::<Native>())?)?
                .as_chunks::<{ size_of::<Native>() }>();
            let values = chunks.iter().map(|chunk| Native::from_le_bytes(*chunk));
            Arc::new(PrimitiveArray::<$arrow>::from_iter_values(values)) as ArrayRef
        }};
    }
    Some(of_width!(ty, values, {
        if ty == DataType::Bool {
            let values: Vec<bool> = reader.take(rows)?.iter().map(|byte| *byte != 0).collect();
            Arc::new(BooleanArray::from(values)) as ArrayRef
        } else {
            read_texts(reader, rows)?
        }
    }))
}

fn read_texts(reader: &mut Reader<'_>, rows: usize) -> Option<ArrayRef> {
    if rows > reader.all.len() - reader.at {
        return None;
    }
    let lengths: Option<Vec<usize>> =
        (0..rows).map(|_| usize::try_from(reader.number()?).ok()).collect();
    let lengths = lengths?;
    let all = lengths.iter().try_fold(0_usize, |all, length| all.checked_add(*length))?;
    i32::try_from(all).ok()?;
    let texts: Option<Vec<&[u8]>> = lengths.into_iter().map(|length| reader.take(length)).collect();
    Some(Arc::new(BinaryArray::from_iter_values(texts?)))
}
