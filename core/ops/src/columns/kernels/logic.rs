//! And, or, not, and the choice between values. A row that is bad in a part that does not decide
//! the result is not bad.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use plan::DataType;

use super::{Bad, either};
use crate::columns::expr::{Op, Val};
use crate::columns::select::{concat, take};
use crate::columns::types::bools;

fn bits(value: &Val, rows: usize) -> Result<BooleanBuffer, String> {
    let array = value.clone().spread(rows);
    let flags = bools(&array).ok_or("a condition must be a boolean")?;
    Ok(flags.values().clone())
}

fn of_bits(bits: BooleanBuffer) -> Val {
    Val::Array(Arc::new(BooleanArray::new(bits, None)))
}

/// The opposite.
///
/// # Errors
/// The operand is no boolean.
pub fn not(a: &Val) -> Result<Val, String> {
    let flags = bools(a.items()).ok_or("a condition must be a boolean")?;
    let opposite: ArrayRef = Arc::new(BooleanArray::new(!flags.values(), None));
    Ok(match a {
        Val::Array(_) => Val::Array(opposite),
        Val::One(_) => Val::One(opposite),
    })
}

/// `a && b` or `a || b`.
///
/// # Errors
/// An operand is no boolean.
pub fn junction(
    op: Op,
    (a, bad_a): (&Val, &Bad),
    (b, bad_b): (&Val, &Bad),
    rows: usize,
) -> Result<(Val, Bad), String> {
    let (left, right) = (bits(a, rows)?, bits(b, rows)?);
    let and = op == Op::And;
    // The right side is not looked at where the left side decides.
    let bad_b = bad_b.as_ref().map(|bad| if and { bad & &left } else { bad & &!&left });
    let value = if and { &left & &right } else { &left | &right };
    Ok((of_bits(value), either(bad_a.clone(), bad_b)))
}

/// The value after the first condition that holds, or the last value.
///
/// # Errors
/// A condition is no boolean.
pub fn case(ty: DataType, args: &[&(Val, Bad)], rows: usize) -> Result<(Val, Bad), String> {
    let Some(((last, last_bad), pairs)) = args.split_last() else {
        return Err("a choice needs a last value".into());
    };
    let mut open = BooleanBuffer::new_set(rows);
    let mut from: Vec<u32> = vec![0; rows];
    let mut values: Vec<ArrayRef> = Vec::new();
    let mut bad: Bad = None;
    for pair in pairs.chunks_exact(2) {
        let [(condition, condition_bad), (value, value_bad)] = pair else { continue };
        bad = either(bad, condition_bad.as_ref().map(|b| b & &open));
        let hit = &bits(condition, rows)? & &open;
        for row in hit.set_indices() {
            if let Some(source) = from.get_mut(row) {
                *source = values.len() as u32;
            }
        }
        bad = either(bad, value_bad.as_ref().map(|b| b & &hit));
        open = &open & &!&hit;
        values.push(value.clone().spread(rows));
    }
    for row in open.set_indices() {
        if let Some(source) = from.get_mut(row) {
            *source = values.len() as u32;
        }
    }
    bad = either(bad, last_bad.as_ref().map(|b| b & &open));
    values.push(last.clone().spread(rows));
    let stacked = concat(&values).ok_or_else(|| format!("no such type: {ty:?}"))?;
    debug_assert_eq!(stacked.len(), rows * values.len(), "values of different lengths");
    let indices: Vec<u32> = from.iter().zip(0..).map(|(s, row)| s * rows as u32 + row).collect();
    Ok((Val::Array(take(&stacked, &indices)), bad))
}
