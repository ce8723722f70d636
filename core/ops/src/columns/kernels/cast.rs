//! Conversions between numbers, characters and booleans, as in C: integers wrap around, fractions
//! are cut, what is not zero is true. Where C leaves the result open, it is the nearest number.

use std::sync::Arc;

use arrow_array::types::UInt8Type;
use arrow_array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::BooleanBuffer;
use plan::DataType;

use crate::columns::expr::Val;
use crate::columns::types::{FromNumber, bools, type_of, values, with_primitive};

/// A number that can become any other.
pub(crate) trait IntoNumber: Copy {
    /// Converts.
    fn into_number<N: FromNumber>(self) -> N;
    /// Whether it is not zero.
    fn truth(self) -> bool;
}

macro_rules! into_number {
    ($from:ident as $wide:ty: $($t:ty),*) => {$(
        impl IntoNumber for $t {
            fn into_number<N: FromNumber>(self) -> N { N::$from(self as $wide) }
            fn truth(self) -> bool { self != <$t>::default() }
        }
    )*};
}
into_number!(from_i64 as i64: i8, i16, i32, i64);
into_number!(from_u64 as u64: u8, u16, u32, u64);
into_number!(from_f64 as f64: f32, f64);

/// The operand as another type.
///
/// # Errors
/// Text on either side.
pub fn cast(a: &Val, to: DataType) -> Result<Val, String> {
    let items = a.items();
    let from = type_of(items).ok_or("an array of unknown type")?;
    let same = from == to || (from == DataType::U8 && to == DataType::Char);
    let array = if same {
        Arc::clone(items)
    } else {
        convert(items, from, to).ok_or_else(|| format!("{from:?} cannot become {to:?}"))?
    };
    Ok(match a {
        Val::Array(_) => Val::Array(array),
        Val::One(_) => Val::One(array),
    })
}

fn convert(items: &ArrayRef, from: DataType, to: DataType) -> Option<ArrayRef> {
    if from == DataType::Bool {
        let flags = bools(items)?;
        let numbers: Vec<u8> = flags.values().iter().map(u8::from).collect();
        let numbers: ArrayRef = Arc::new(PrimitiveArray::<UInt8Type>::new(numbers.into(), None));
        return if to == DataType::U8 {
            Some(numbers)
        } else {
            convert(&numbers, DataType::U8, to)
        };
    }
    if to == DataType::Bool {
        return with_primitive!(from, T => Some(truths::<T>(items)), _ => None);
    }
    with_primitive!(from, T => to_any::<T>(items, to), _ => None)
}

fn truths<T: ArrowPrimitiveType>(items: &ArrayRef) -> ArrayRef
where
    T::Native: IntoNumber,
{
    let all = values::<T>(items);
    let bits = BooleanBuffer::collect_bool(all.len(), |i| all.get(i).is_some_and(|v| v.truth()));
    Arc::new(BooleanArray::new(bits, None))
}

fn to_any<F: ArrowPrimitiveType>(items: &ArrayRef, to: DataType) -> Option<ArrayRef>
where
    F::Native: IntoNumber,
{
    fn each<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(items: &ArrayRef) -> ArrayRef
    where
        F::Native: IntoNumber,
        T::Native: FromNumber,
    {
        let all: Vec<T::Native> = values::<F>(items).iter().map(|v| v.into_number()).collect();
        Arc::new(PrimitiveArray::<T>::new(all.into(), None))
    }
    with_primitive!(to, T => Some(each::<F, T>(items)), _ => None)
}
