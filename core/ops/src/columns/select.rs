//! Picking, repeating and joining rows of arrays.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray};
use arrow_buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use plan::Columns;

use super::types::{array_from, bools, texts, type_of, values, with_primitive};

/// The rows at `indices`, in that order. Indices beyond the array are left out of the contract:
/// they give zeros.
#[must_use]
pub fn take(array: &ArrayRef, indices: &[u32]) -> ArrayRef {
    fn pick<T: ArrowPrimitiveType>(array: &ArrayRef, indices: &[u32]) -> ArrayRef {
        let items = values::<T>(array);
        let get = |i: &u32| items.get(*i as usize).copied().unwrap_or_default();
        array_from::<T>(indices.iter().map(get).collect())
    }
    match type_of(array) {
        Some(ty) => with_primitive!(ty, T => pick::<T>(array, indices), _ => {
            if let Some(flags) = bools(array) {
                let bits = flags.values();
                let get = |i: usize| {
                    indices.get(i).is_some_and(|at| {
                        (*at as usize) < bits.len() && bits.value(*at as usize)
                    })
                };
                Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(indices.len(), get), None))
            } else {
                take_text(array, indices)
            }
        }),
        None => Arc::clone(array),
    }
}

fn take_text(array: &ArrayRef, indices: &[u32]) -> ArrayRef {
    let Some(text) = texts(array) else { return Arc::clone(array) };
    let (offsets, data) = (text.value_offsets(), text.value_data());
    let mut ends = Vec::with_capacity(indices.len() + 1);
    let mut bytes = Vec::new();
    ends.push(0i32);
    for at in indices {
        let at = *at as usize;
        if let (Some(from), Some(to)) = (offsets.get(at), offsets.get(at + 1)) {
            bytes.extend_from_slice(data.get(*from as usize..*to as usize).unwrap_or_default());
        }
        ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    }
    binary(ends, bytes)
}

/// A text array from the ends of its items, starting with 0, and their bytes.
pub(crate) fn binary(ends: Vec<i32>, bytes: Vec<u8>) -> ArrayRef {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    Arc::new(BinaryArray::new(offsets, bytes.into(), None))
}

/// One item `rows` times.
#[must_use]
pub fn repeat(one: &ArrayRef, rows: usize) -> ArrayRef {
    fn fill<T: ArrowPrimitiveType>(one: &ArrayRef, rows: usize) -> ArrayRef {
        let item = values::<T>(one).first().copied().unwrap_or_default();
        array_from::<T>(vec![item; rows])
    }
    match type_of(one) {
        Some(ty) => with_primitive!(ty, T => fill::<T>(one, rows), _ => {
            if let Some(flags) = bools(one) {
                let on = flags.values().iter().next().unwrap_or(false);
                let bits = if on {
                    BooleanBuffer::new_set(rows)
                } else {
                    BooleanBuffer::new_unset(rows)
                };
                Arc::new(BooleanArray::new(bits, None))
            } else {
                take(one, &vec![0; rows])
            }
        }),
        None => Arc::clone(one),
    }
}

/// The rows of several arrays of one type, one after the other.
#[must_use]
pub fn concat(parts: &[ArrayRef]) -> Option<ArrayRef> {
    fn join<T: ArrowPrimitiveType>(parts: &[ArrayRef]) -> ArrayRef {
        let mut all = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
        for part in parts {
            all.extend_from_slice(values::<T>(part));
        }
        array_from::<T>(all)
    }
    if let [one] = parts {
        return Some(Arc::clone(one));
    }
    let ty = type_of(parts.first()?)?;
    Some(with_primitive!(ty, T => join::<T>(parts), _ => {
        if parts.iter().all(|p| bools(p).is_some()) {
            let flags = parts.iter().filter_map(bools);
            let all: Vec<bool> = flags.flat_map(|f| f.values().iter()).collect();
            Arc::new(BooleanArray::from(all))
        } else {
            let rows = parts.iter().filter_map(texts).flat_map(|t| t.iter());
            Arc::new(rows.collect::<BinaryArray>())
        }
    }))
}

/// Keeps the rows at `indices` (ascending) of a batch and notes which rows of the source they are.
#[must_use]
pub fn keep(columns: Columns, indices: Vec<u32>) -> Columns {
    if indices.len() == columns.rows {
        return columns;
    }
    let arrays = columns.arrays.iter().map(|a| take(a, &indices)).collect();
    let rows = indices.len();
    let places = match &columns.places {
        None => indices,
        Some(before) => {
            indices.iter().map(|i| before.get(*i as usize).copied().unwrap_or_default()).collect()
        }
    };
    Columns { arrays, rows, places: Some(Arc::new(places)), ..columns }
}
