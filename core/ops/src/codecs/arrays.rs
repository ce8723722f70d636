//! Typed columns of `formats` as Arrow arrays and back. What was parsed is not copied.

use std::sync::Arc;

use arrow_array::types as arrow;
use arrow_array::{Array, ArrayRef, BooleanArray};
use formats::columns::{ColumnData, ColumnType};
use plan::DataType;

use crate::columns::select::binary;
use crate::columns::types::{array_from, bools, texts, values};

/// The type that a column is read as.
#[must_use]
pub fn column_type(ty: DataType) -> ColumnType {
    match ty {
        DataType::Bool => ColumnType::Bool,
        DataType::I8 => ColumnType::I8,
        DataType::I16 => ColumnType::I16,
        DataType::I32 => ColumnType::I32,
        DataType::I64 => ColumnType::I64,
        DataType::U8 => ColumnType::U8,
        DataType::U16 => ColumnType::U16,
        DataType::U32 => ColumnType::U32,
        DataType::U64 => ColumnType::U64,
        DataType::F32 => ColumnType::F32,
        DataType::F64 => ColumnType::F64,
        DataType::Char | DataType::Text => ColumnType::Text,
    }
}

/// A column with room for `rows` rows.
#[must_use]
pub fn with_room(ty: DataType, rows: usize) -> ColumnData {
    match column_type(ty) {
        ColumnType::I8 => ColumnData::I8(Vec::with_capacity(rows)),
        ColumnType::I16 => ColumnData::I16(Vec::with_capacity(rows)),
        ColumnType::I32 => ColumnData::I32(Vec::with_capacity(rows)),
        ColumnType::I64 => ColumnData::I64(Vec::with_capacity(rows)),
        ColumnType::U8 => ColumnData::U8(Vec::with_capacity(rows)),
        ColumnType::U16 => ColumnData::U16(Vec::with_capacity(rows)),
        ColumnType::U32 => ColumnData::U32(Vec::with_capacity(rows)),
        ColumnType::U64 => ColumnData::U64(Vec::with_capacity(rows)),
        ColumnType::F32 => ColumnData::F32(Vec::with_capacity(rows)),
        ColumnType::F64 => ColumnData::F64(Vec::with_capacity(rows)),
        ColumnType::Bool => ColumnData::Bool(Vec::with_capacity(rows)),
        ColumnType::Text => {
            let mut offsets = Vec::with_capacity(rows + 1);
            offsets.push(0);
            ColumnData::Text { offsets, bytes: Vec::with_capacity(8 * rows) }
        }
    }
}

/// The number of the only character of a text, which is that of one byte; none has 0. A byte that
/// is no UTF-8 stands for itself.
#[must_use]
pub fn one_char(text: &[u8]) -> Option<u8> {
    match text {
        [] => Some(0),
        [code] => Some(*code),
        [0xc2, low @ 0x80..=0xbf] => Some(*low),
        [0xc3, low @ 0x80..=0xbf] => Some(*low + 0x40),
        _ => None,
    }
}

/// A column as the array of its type.
#[must_use]
pub fn to_array(data: ColumnData, ty: DataType) -> ArrayRef {
    match data {
        ColumnData::I8(v) => array_from::<arrow::Int8Type>(v),
        ColumnData::I16(v) => array_from::<arrow::Int16Type>(v),
        ColumnData::I32(v) => array_from::<arrow::Int32Type>(v),
        ColumnData::I64(v) => array_from::<arrow::Int64Type>(v),
        ColumnData::U8(v) => array_from::<arrow::UInt8Type>(v),
        ColumnData::U16(v) => array_from::<arrow::UInt16Type>(v),
        ColumnData::U32(v) => array_from::<arrow::UInt32Type>(v),
        ColumnData::U64(v) => array_from::<arrow::UInt64Type>(v),
        ColumnData::F32(v) => array_from::<arrow::Float32Type>(v),
        ColumnData::F64(v) => array_from::<arrow::Float64Type>(v),
        ColumnData::Bool(v) => Arc::new(BooleanArray::from(v)),
        ColumnData::Text { offsets, bytes } if ty == DataType::Char => {
            let first = |w: &[i32]| match w {
                [from, to] => bytes.get(*from as usize..*to as usize).and_then(one_char),
                _ => None,
            };
            let first = |w: &[i32]| first(w).unwrap_or(0);
            array_from::<arrow::UInt8Type>(offsets.windows(2).map(first).collect())
        }
        ColumnData::Text { offsets, bytes } => binary(offsets, bytes),
    }
}

/// An array as a column to print.
#[must_use]
pub fn to_column(array: &ArrayRef, ty: DataType) -> ColumnData {
    match ty {
        DataType::I8 => ColumnData::I8(values::<arrow::Int8Type>(array).to_vec()),
        DataType::I16 => ColumnData::I16(values::<arrow::Int16Type>(array).to_vec()),
        DataType::I32 => ColumnData::I32(values::<arrow::Int32Type>(array).to_vec()),
        DataType::I64 => ColumnData::I64(values::<arrow::Int64Type>(array).to_vec()),
        DataType::U8 => ColumnData::U8(values::<arrow::UInt8Type>(array).to_vec()),
        DataType::U16 => ColumnData::U16(values::<arrow::UInt16Type>(array).to_vec()),
        DataType::U32 => ColumnData::U32(values::<arrow::UInt32Type>(array).to_vec()),
        DataType::U64 => ColumnData::U64(values::<arrow::UInt64Type>(array).to_vec()),
        DataType::F32 => ColumnData::F32(values::<arrow::Float32Type>(array).to_vec()),
        DataType::F64 => ColumnData::F64(values::<arrow::Float64Type>(array).to_vec()),
        DataType::Bool => {
            let flags = bools(array).map(|b| b.values().iter().collect());
            ColumnData::Bool(flags.unwrap_or_default())
        }
        DataType::Char => {
            let codes = values::<arrow::UInt8Type>(array);
            let (mut offsets, mut bytes) = (vec![0], Vec::with_capacity(codes.len()));
            for code in codes {
                bytes.extend(char::from(*code).encode_utf8(&mut [0; 4]).bytes());
                offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
            }
            ColumnData::Text { offsets, bytes }
        }
        DataType::Text => match texts(array) {
            Some(text) => ColumnData::Text {
                offsets: text.value_offsets().to_vec(),
                bytes: text.value_data().to_vec(),
            },
            None => with_room(ty, array.len()),
        },
    }
}
