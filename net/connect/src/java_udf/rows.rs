//! Values of columns as bytes of rows and back.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use plan::DataType;

use super::config::JavaType;

/// Does something for the arrow type of each type of a fixed width.
macro_rules! of_width {
    ($ty:expr, $do:ident, $other:expr) => {
        match $ty {
            DataType::I8 => $do!(Int8Type, I8),
            DataType::I16 => $do!(Int16Type, I16),
            DataType::I32 => $do!(Int32Type, I32),
            DataType::I64 => $do!(Int64Type, I64),
            DataType::U8 => $do!(UInt8Type, U8),
            DataType::U16 => $do!(UInt16Type, U16),
            DataType::U32 => $do!(UInt32Type, U32),
            DataType::U64 => $do!(UInt64Type, U64),
            DataType::F32 => $do!(Float32Type, F32),
            DataType::F64 => $do!(Float64Type, F64),
            DataType::Bool | DataType::Char | DataType::Text => $other,
        }
    };
}

/// A column whose values become fields.
pub(super) struct Source<'a> {
    values: Values<'a>,
    java: JavaType,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Text(&'a BinaryArray),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

impl<'a> Source<'a> {
    /// None where the column has not its type, or fields of that type cannot have its values.
    pub(super) fn of(ty: DataType, array: &'a ArrayRef, java: JavaType) -> Option<Self> {
        macro_rules! values {
            ($arrow:ty, $variant:ident) => {
                Values::$variant(array.as_primitive_opt::<$arrow>()?.values())
            };
        }
        let values = of_width!(ty, values, {
            match ty {
                DataType::Bool => Values::Bool(array.as_boolean_opt()?),
                DataType::Text => Values::Text(array.as_binary_opt::<i32>()?),
                _ => return None,
            }
        });
        let float = matches!(ty, DataType::F32 | DataType::F64);
        let fits = match java {
            JavaType::Boolean => ty == DataType::Bool,
            JavaType::Text => ty == DataType::Text,
            JavaType::Float => ty == DataType::F32,
            JavaType::Double => float,
            _ => !float && !matches!(ty, DataType::Bool | DataType::Text),
        };
        fits.then_some(Source { values, java })
    }

    /// Appends a value.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let missing = || "there is no such row".to_owned();
        let at = |values: Option<i128>| values.ok_or_else(missing);
        let whole = match &self.values {
            Values::Bool(values) => {
                out.push(values.value(row).into());
                return Ok(());
            }
            Values::Text(values) => return text(values.value(row), out),
            Values::F32(values) => return self.float(values.get(row).map(|v| f64::from(*v)), out),
            Values::F64(values) => return self.float(values.get(row).copied(), out),
            Values::I8(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::I16(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::I32(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::I64(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::U8(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::U16(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::U32(values) => at(values.get(row).map(|v| i128::from(*v)))?,
            Values::U64(values) => at(values.get(row).map(|v| i128::from(*v)))?,
        };
        self.integer(whole, out)
    }

    fn integer(&self, value: i128, out: &mut Vec<u8>) -> Result<(), String> {
        let large = |name: &str| format!("{value} is too large for {name} of Java");
        match self.java {
            JavaType::Byte => {
                out.extend(i8::try_from(value).map_err(|_| large("a byte"))?.to_le_bytes());
            }
            JavaType::Short => {
                out.extend(i16::try_from(value).map_err(|_| large("a short"))?.to_le_bytes());
            }
            JavaType::Int => {
                out.extend(i32::try_from(value).map_err(|_| large("an int"))?.to_le_bytes());
            }
            _ => out.extend(i64::try_from(value).map_err(|_| large("a long"))?.to_le_bytes()),
        }
        Ok(())
    }

    fn float(&self, value: Option<f64>, out: &mut Vec<u8>) -> Result<(), String> {
        let value = value.ok_or("there is no such row")?;
        match self.java {
            // It was a single one, which comes back as it was.
            JavaType::Float => out.extend((value as f32).to_le_bytes()),
            _ => out.extend(value.to_le_bytes()),
        }
        Ok(())
    }
}

fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if std::str::from_utf8(bytes).is_err() {
        return Err("it is no text in UTF-8, and a String of Java cannot hold it".to_owned());
    }
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// A column that is made of fields.
pub(super) struct Reader {
    made: Made,
    java: JavaType,
}

enum Made {
    Bool(Vec<bool>),
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

impl Reader {
    pub(super) fn new(ty: DataType, java: JavaType) -> Self {
        macro_rules! none {
            ($arrow:ty, $variant:ident) => {
                Made::$variant(Vec::new())
            };
        }
        let made = of_width!(ty, none, {
            match ty {
                DataType::Bool => Made::Bool(Vec::new()),
                _ => Made::Text { offsets: vec![0], bytes: Vec::new() },
            }
        });
        Reader { made, java }
    }

    /// Takes the field of a result away; none where there is none, and an error where the column
    /// cannot hold it.
    pub(super) fn read(&mut self, rest: &mut &[u8]) -> Option<Result<(), String>> {
        let whole = match self.java {
            JavaType::Byte => i64::from(i8::from_le_bytes(fixed(rest)?)),
            JavaType::Short => i64::from(i16::from_le_bytes(fixed(rest)?)),
            JavaType::Int => i64::from(i32::from_le_bytes(fixed(rest)?)),
            JavaType::Long => i64::from_le_bytes(fixed(rest)?),
            JavaType::Boolean => {
                let [byte] = fixed(rest)?;
                let Made::Bool(values) = &mut self.made else { return None };
                values.push(byte != 0);
                return Some(Ok(()));
            }
            JavaType::Float => return self.float(f64::from(f32::from_le_bytes(fixed(rest)?))),
            JavaType::Double => return self.float(f64::from_le_bytes(fixed(rest)?)),
            JavaType::Text => {
                let length = u32::from_le_bytes(fixed(rest)?) as usize;
                let (text, after) = rest.split_at_checked(length)?;
                *rest = after;
                let Made::Text { offsets, bytes } = &mut self.made else { return None };
                bytes.extend_from_slice(text);
                offsets.push(i32::try_from(bytes.len()).ok()?);
                return Some(Ok(()));
            }
        };
        macro_rules! push {
            ($values:expr) => {{
                let Ok(value) = whole.try_into() else {
                    return Some(Err(format!("it cannot hold {whole}")));
                };
                $values.push(value);
            }};
        }
        match &mut self.made {
            Made::I8(values) => push!(values),
            Made::I16(values) => push!(values),
            Made::I32(values) => push!(values),
            Made::I64(values) => values.push(whole),
            Made::U8(values) => push!(values),
            Made::U16(values) => push!(values),
            Made::U32(values) => push!(values),
            Made::U64(values) => push!(values),
            _ => return None,
        }
        Some(Ok(()))
    }

    fn float(&mut self, value: f64) -> Option<Result<(), String>> {
        match &mut self.made {
            // Only what was a single one is put there.
            Made::F32(values) => values.push(value as f32),
            Made::F64(values) => values.push(value),
            _ => return None,
        }
        Some(Ok(()))
    }

    pub(super) fn into_array(self) -> ArrayRef {
        match self.made {
            Made::Bool(values) => Arc::new(BooleanArray::from(values)),
            Made::Text { offsets, bytes } => binary(offsets, bytes),
            Made::I8(values) => array::<Int8Type>(values),
            Made::I16(values) => array::<Int16Type>(values),
            Made::I32(values) => array::<Int32Type>(values),
            Made::I64(values) => array::<Int64Type>(values),
            Made::U8(values) => array::<UInt8Type>(values),
            Made::U16(values) => array::<UInt16Type>(values),
            Made::U32(values) => array::<UInt32Type>(values),
            Made::U64(values) => array::<UInt64Type>(values),
            Made::F32(values) => array::<Float32Type>(values),
            Made::F64(values) => array::<Float64Type>(values),
        }
    }
}

fn array<T: ArrowPrimitiveType>(values: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), None))
}

fn binary(offsets: Vec<i32>, bytes: Vec<u8>) -> ArrayRef {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(BinaryArray::new(offsets, bytes.into(), None))
}

/// The rows of a column, each as often as it is asked for.
pub(super) fn take(ty: DataType, array: &ArrayRef, rows: &[u32]) -> Option<ArrayRef> {
    fn picked<T: ArrowPrimitiveType>(array: &ArrayRef, rows: &[u32]) -> Option<ArrayRef> {
        let values = array.as_primitive_opt::<T>()?.values();
        let taken: Option<Vec<T::Native>> =
            rows.iter().map(|row| values.get(*row as usize).copied()).collect();
        Some(self::array::<T>(taken?))
    }
    macro_rules! picked {
        ($arrow:ty, $variant:ident) => {
            picked::<$arrow>(array, rows)
        };
    }
    if rows.iter().any(|row| *row as usize >= array.len()) {
        return None;
    }
    of_width!(ty, picked, {
        match ty {
            DataType::Bool => {
                let values = array.as_boolean_opt()?;
                let taken = rows.iter().map(|row| values.value(*row as usize));
                Some(Arc::new(BooleanArray::from(taken.collect::<Vec<bool>>())))
            }
            DataType::Char => picked::<UInt8Type>(array, rows),
            _ => {
                let values = array.as_binary_opt::<i32>()?;
                let (mut offsets, mut bytes) = (vec![0], Vec::new());
                for row in rows {
                    bytes.extend_from_slice(values.value(*row as usize));
                    offsets.push(i32::try_from(bytes.len()).ok()?);
                }
                Some(binary(offsets, bytes))
            }
        }
    })
}
