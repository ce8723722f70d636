//! Column types and the Arrow arrays that store them.

use std::sync::Arc;

use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, PrimitiveArray};
use plan::{DataType, Json};

/// Runs `$body` with `$t` standing for the Arrow type of a numeric or character column, or `$other`
/// for booleans and text.
macro_rules! with_primitive {
    ($ty:expr, $t:ident => $body:expr, _ => $other:expr) => {{
        use arrow_array::types as arrow;
        use plan::DataType;
        match $ty {
            DataType::I8 => {
                type $t = arrow::Int8Type;
                $body
            }
            DataType::I16 => {
                type $t = arrow::Int16Type;
                $body
            }
            DataType::I32 => {
                type $t = arrow::Int32Type;
                $body
            }
            DataType::I64 => {
                type $t = arrow::Int64Type;
                $body
            }
            DataType::U8 | DataType::Char => {
                type $t = arrow::UInt8Type;
                $body
            }
            DataType::U16 => {
                type $t = arrow::UInt16Type;
                $body
            }
            DataType::U32 => {
                type $t = arrow::UInt32Type;
                $body
            }
            DataType::U64 => {
                type $t = arrow::UInt64Type;
                $body
            }
            DataType::F32 => {
                type $t = arrow::Float32Type;
                $body
            }
            DataType::F64 => {
                type $t = arrow::Float64Type;
                $body
            }
            DataType::Bool | DataType::Text => $other,
        }
    }};
}
pub(crate) use with_primitive;

/// Whether arithmetic works on it.
#[must_use]
pub fn is_numeric(ty: DataType) -> bool {
    !matches!(ty, DataType::Bool | DataType::Char | DataType::Text)
}

/// The items of a numeric or character array; nothing when it is of another type.
pub(crate) fn values<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    match array.as_any().downcast_ref::<PrimitiveArray<T>>() {
        Some(array) => array.values(),
        None => &[],
    }
}

/// The array as booleans.
pub(crate) fn bools(array: &ArrayRef) -> Option<&BooleanArray> {
    array.as_any().downcast_ref()
}

/// The array as text.
pub(crate) fn texts(array: &ArrayRef) -> Option<&BinaryArray> {
    array.as_any().downcast_ref()
}

/// An array from items.
pub(crate) fn array_from<T: ArrowPrimitiveType>(items: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(items.into(), None))
}

/// Number as the type asked for, with the wrap-around and truncation of a conversion in C.
pub(crate) trait FromNumber: Sized {
    /// Converts.
    fn from_i64(value: i64) -> Self;
    /// Converts.
    fn from_u64(value: u64) -> Self;
    /// Converts.
    fn from_f64(value: f64) -> Self;
}

macro_rules! from_number {
    ($($t:ty),*) => {$(
        #[allow(clippy::cast_lossless)]
        impl FromNumber for $t {
            fn from_i64(value: i64) -> Self { value as $t }
            fn from_u64(value: u64) -> Self { value as $t }
            fn from_f64(value: f64) -> Self { value as $t }
        }
    )*};
}
from_number!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

/// An array of one item.
///
/// # Errors
/// The value does not have the type.
pub fn scalar_of(value: &Json, ty: DataType) -> Result<ArrayRef, String> {
    let wrong = || format!("{value} is not a value of type {ty:?}");
    match ty {
        DataType::Bool => {
            let flag = value.as_bool().ok_or_else(wrong)?;
            Ok(Arc::new(BooleanArray::from(vec![flag])))
        }
        DataType::Text => {
            let text = value.as_str().ok_or_else(wrong)?;
            Ok(Arc::new(BinaryArray::from_vec(vec![text.as_bytes()])))
        }
        DataType::Char => {
            let code = value.as_str().and_then(|s| s.as_bytes().first().copied());
            let code = code.or_else(|| value.as_u64().map(|c| c as u8)).ok_or_else(wrong)?;
            Ok(array_from::<UInt8Type>(vec![code]))
        }
        _ => number_of(value, ty).ok_or_else(wrong),
    }
}

fn number_of(value: &Json, ty: DataType) -> Option<ArrayRef> {
    fn one<T: ArrowPrimitiveType>(value: &Json) -> Option<ArrayRef>
    where
        T::Native: FromNumber,
    {
        let item = if let Some(i) = value.as_i64() {
            T::Native::from_i64(i)
        } else if let Some(u) = value.as_u64() {
            T::Native::from_u64(u)
        } else {
            T::Native::from_f64(value.as_f64()?)
        };
        Some(array_from::<T>(vec![item]))
    }
    with_primitive!(ty, T => one::<T>(value), _ => None)
}

/// An array of `rows` zeros (or false, or empty text).
#[must_use]
pub fn array_of(ty: DataType, rows: usize) -> ArrayRef {
    fn zeros<T: ArrowPrimitiveType>(rows: usize) -> ArrayRef {
        array_from::<T>(vec![T::Native::default(); rows])
    }
    match ty {
        DataType::Bool => Arc::new(BooleanArray::from(vec![false; rows])),
        DataType::Text => Arc::new(BinaryArray::from_vec(vec![b"".as_slice(); rows])),
        _ => with_primitive!(ty, T => zeros::<T>(rows), _ => zeros::<Int64Type>(rows)),
    }
}

/// The column type that an array stores; characters and small numbers are told apart by schemas
/// only, so a `UInt8Array` counts as a number here.
#[must_use]
pub fn type_of(array: &dyn Array) -> Option<DataType> {
    let any = array.as_any();
    macro_rules! probe {
        ($($t:ty => $ty:ident),*) => {$(
            if any.is::<PrimitiveArray<$t>>() { return Some(DataType::$ty); }
        )*};
    }
    probe!(Int8Type => I8, Int16Type => I16, Int32Type => I32, Int64Type => I64,
           UInt8Type => U8, UInt16Type => U16, UInt32Type => U32, UInt64Type => U64,
           Float32Type => F32, Float64Type => F64);
    if any.is::<BooleanArray>() {
        return Some(DataType::Bool);
    }
    any.is::<BinaryArray>().then_some(DataType::Text)
}
