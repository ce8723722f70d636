//! Comparisons of numbers, booleans and text.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray};
use arrow_buffer::BooleanBuffer;
use plan::DataType;

use super::is_one;
use crate::columns::expr::{Op, Val};
use crate::columns::types::{bools, texts, values, with_primitive};

/// Computes `a op b` as booleans.
///
/// # Errors
/// Operands that are not of the type.
pub fn compare(op: Op, ty: DataType, a: &Val, b: &Val, rows: usize) -> Result<Val, String> {
    let one = is_one(a) && is_one(b);
    let rows = if one { 1 } else { rows };
    let fits = |v: &Val| v.items().len() == if is_one(v) { 1 } else { rows };
    if !fits(a) || !fits(b) {
        return Err("operands of different lengths".into());
    }
    let bits = with_primitive!(ty, T => numbers::<T>(op, a, b, rows), _ => {
        if ty == DataType::Bool { flags(op, a, b, rows) } else { words(op, a, b, rows) }
    })
    .ok_or_else(|| format!("{op:?} does not work on these operands"))?;
    let array: ArrayRef = Arc::new(BooleanArray::new(bits, None));
    Ok(if one { Val::One(array) } else { Val::Array(array) })
}

fn holds(op: Op, order: Option<Ordering>) -> bool {
    match op {
        Op::Eq => order == Some(Ordering::Equal),
        Op::Ne => order != Some(Ordering::Equal),
        Op::Lt => order == Some(Ordering::Less),
        Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Op::Gt => order == Some(Ordering::Greater),
        Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    }
}

fn numbers<T: ArrowPrimitiveType>(op: Op, a: &Val, b: &Val, rows: usize) -> Option<BooleanBuffer>
where
    T::Native: PartialOrd,
{
    let (left, right) = (values::<T>(a.items()), values::<T>(b.items()));
    // Mirrored operators bring the constant to the right, where the loops expect it.
    if is_one(a) && !is_one(b) {
        let mirrored = match op {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            other => other,
        };
        return with_constant(mirrored, right, *left.first()?, rows);
    }
    if is_one(b) {
        return with_constant(op, left, *right.first()?, rows);
    }
    if left.len() != rows || right.len() != rows {
        return None;
    }
    Some(match op {
        Op::Eq => BooleanBuffer::collect_bool(rows, |i| left[i] == right[i]),
        Op::Ne => BooleanBuffer::collect_bool(rows, |i| left[i] != right[i]),
        Op::Lt => BooleanBuffer::collect_bool(rows, |i| left[i] < right[i]),
        Op::Le => BooleanBuffer::collect_bool(rows, |i| left[i] <= right[i]),
        Op::Gt => BooleanBuffer::collect_bool(rows, |i| left[i] > right[i]),
        Op::Ge => BooleanBuffer::collect_bool(rows, |i| left[i] >= right[i]),
        _ => return None,
    })
}

fn with_constant<N: PartialOrd + Copy>(
    op: Op,
    left: &[N],
    right: N,
    rows: usize,
) -> Option<BooleanBuffer> {
    if left.len() != rows {
        return None;
    }
    Some(match op {
        Op::Eq => BooleanBuffer::collect_bool(rows, |i| left[i] == right),
        Op::Ne => BooleanBuffer::collect_bool(rows, |i| left[i] != right),
        Op::Lt => BooleanBuffer::collect_bool(rows, |i| left[i] < right),
        Op::Le => BooleanBuffer::collect_bool(rows, |i| left[i] <= right),
        Op::Gt => BooleanBuffer::collect_bool(rows, |i| left[i] > right),
        Op::Ge => BooleanBuffer::collect_bool(rows, |i| left[i] >= right),
        _ => return None,
    })
}

/// Position of row `i` in an operand.
fn at(value: &Val, i: usize) -> usize {
    if is_one(value) { 0 } else { i }
}

fn flags(op: Op, a: &Val, b: &Val, rows: usize) -> Option<BooleanBuffer> {
    let (left, right) = (bools(a.items())?.values(), bools(b.items())?.values());
    let order = |i: usize| left.value(at(a, i)).partial_cmp(&right.value(at(b, i)));
    Some(BooleanBuffer::collect_bool(rows, |i| holds(op, order(i))))
}

fn words(op: Op, a: &Val, b: &Val, rows: usize) -> Option<BooleanBuffer> {
    let (left, right) = (texts(a.items())?, texts(b.items())?);
    let order = |i: usize| left.value(at(a, i)).partial_cmp(right.value(at(b, i)));
    Some(BooleanBuffer::collect_bool(rows, |i| match op {
        Op::Eq => left.value(at(a, i)) == right.value(at(b, i)),
        Op::Ne => left.value(at(a, i)) != right.value(at(b, i)),
        _ => holds(op, order(i)),
    }))
}
