//! `+ - * / %` and powers. Integers wrap around; division truncates; what is divided by zero as
//! an integer is marked (spec/nes-query-language.md §4).

use arrow_array::{Array, ArrowPrimitiveType};
use arrow_buffer::BooleanBuffer;
use plan::DataType;

use super::{Bad, is_one, zip};
use crate::columns::expr::{Op, Val};
use crate::columns::types::{array_from, values, with_primitive};

/// Arithmetic of one item.
pub(crate) trait Number: Copy + PartialEq + Default {
    /// Whether division by zero has no value.
    const EXACT: bool;
    /// Sum.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient; 0 where there is none.
    fn div(self, other: Self) -> Self;
    /// Remainder; 0 where there is none.
    fn rem(self, other: Self) -> Self;
    /// Power.
    fn pow(self, other: Self) -> Self;
    /// Negative.
    fn neg(self) -> Self;
    /// Distance from zero.
    fn abs(self) -> Self;
}

macro_rules! integer {
    ($abs:ident: $($t:ty),*) => {$(
        impl Number for $t {
            const EXACT: bool = true;
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            fn div(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            fn rem(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            // As in C, the power is taken in floating point and cut to the integer.
            fn pow(self, other: Self) -> Self { (self as f64).powf(other as f64) as $t }
            fn neg(self) -> Self { self.wrapping_neg() }
            fn abs(self) -> Self { integer!($abs self) }
        }
    )*};
    (signed $v:expr) => { $v.wrapping_abs() };
    (unsigned $v:expr) => { $v };
}
integer!(signed: i8, i16, i32, i64);
integer!(unsigned: u8, u16, u32, u64);

macro_rules! float {
    ($($t:ty),*) => {$(
        impl Number for $t {
            const EXACT: bool = false;
            fn add(self, other: Self) -> Self { self + other }
            fn sub(self, other: Self) -> Self { self - other }
            fn mul(self, other: Self) -> Self { self * other }
            fn div(self, other: Self) -> Self { self / other }
            fn rem(self, other: Self) -> Self { self % other }
            fn pow(self, other: Self) -> Self { self.powf(other) }
            fn neg(self) -> Self { -self }
            fn abs(self) -> Self { <$t>::abs(self) }
        }
    )*};
}
float!(f32, f64);

/// Computes `a op b`.
///
/// # Errors
/// Operands that are not numbers.
pub fn binary(op: Op, ty: DataType, a: &Val, b: &Val, rows: usize) -> Result<(Val, Bad), String> {
    with_primitive!(ty, T => typed::<T>(op, a, b, rows), _ => Err(format!("{op:?} needs numbers")))
}

fn typed<T: ArrowPrimitiveType>(op: Op, a: &Val, b: &Val, rows: usize) -> Result<(Val, Bad), String>
where
    T::Native: Number,
{
    let left = (values::<T>(a.items()), is_one(a));
    let right = (values::<T>(b.items()), is_one(b));
    let items = match op {
        Op::Add => zip(left, right, T::Native::add),
        Op::Sub => zip(left, right, T::Native::sub),
        Op::Mul => zip(left, right, T::Native::mul),
        Op::Div => zip(left, right, T::Native::div),
        Op::Rem => zip(left, right, T::Native::rem),
        Op::Power => zip(left, right, T::Native::pow),
        _ => return Err(format!("{op:?} is not arithmetic")),
    };
    let divides = matches!(op, Op::Div | Op::Rem) && T::Native::EXACT;
    let bad = if divides { zeros(right, rows) } else { None };
    let array = array_from::<T>(items);
    let one = is_one(a) && is_one(b);
    debug_assert!(one || array.len() == rows, "operands of different lengths");
    Ok((if one { Val::One(array) } else { Val::Array(array) }, bad))
}

fn zeros<N: Number>((divisors, one): (&[N], bool), rows: usize) -> Bad {
    let zero = N::default();
    if !divisors.contains(&zero) {
        return None;
    }
    Some(if one {
        BooleanBuffer::new_set(rows)
    } else {
        BooleanBuffer::collect_bool(rows, |i| divisors.get(i) == Some(&zero))
    })
}
