//! Functions of one number.

use arrow_array::{ArrayRef, ArrowPrimitiveType};
use plan::DataType;

use super::arithmetic::Number;
use crate::columns::expr::{Op, Val};
use crate::columns::types::{array_from, values, with_primitive};

/// Computes `op(a)`.
///
/// # Errors
/// An operand that the function does not take.
pub fn unary(op: Op, ty: DataType, a: &Val) -> Result<Val, String> {
    fn sign<T: ArrowPrimitiveType>(op: Op, items: &ArrayRef) -> ArrayRef
    where
        T::Native: Number,
    {
        let f = if op == Op::Neg { T::Native::neg } else { T::Native::abs };
        array_from::<T>(values::<T>(items).iter().map(|v| f(*v)).collect())
    }
    let items = a.items();
    let result = if matches!(op, Op::Neg | Op::Abs) {
        with_primitive!(ty, T => sign::<T>(op, items), _ => return Err(not_for(op, ty)))
    } else {
        match ty {
            DataType::F64 => {
                let f = double(op).ok_or_else(|| not_for(op, ty))?;
                let all = values::<arrow_array::types::Float64Type>(items);
                array_from::<arrow_array::types::Float64Type>(all.iter().map(|v| f(*v)).collect())
            }
            DataType::F32 => {
                let f = double(op).ok_or_else(|| not_for(op, ty))?;
                let all = values::<arrow_array::types::Float32Type>(items);
                let one = |v: &f32| f(f64::from(*v)) as f32;
                array_from::<arrow_array::types::Float32Type>(all.iter().map(one).collect())
            }
            _ => return Err(not_for(op, ty)),
        }
    };
    Ok(match a {
        Val::Array(_) => Val::Array(result),
        Val::One(_) => Val::One(result),
    })
}

fn not_for(op: Op, ty: DataType) -> String {
    format!("{op:?} does not work on {ty:?}")
}

fn double(op: Op) -> Option<fn(f64) -> f64> {
    Some(match op {
        Op::Sqrt => f64::sqrt,
        Op::Exp => f64::exp,
        Op::Ln => f64::ln,
        Op::Log2 => f64::log2,
        Op::Log10 => f64::log10,
        Op::Sin => f64::sin,
        Op::Cos => f64::cos,
        Op::Radians => f64::to_radians,
        Op::Round => f64::round,
        Op::Ceil => f64::ceil,
        Op::Floor => f64::floor,
        _ => return None,
    })
}
