//! The greatest value. A float that is not a number is never the greatest.

use super::Class;

/// The cell of a group without rows.
#[must_use]
pub fn empty(class: Class) -> u64 {
    match class {
        Class::Int => i64::MIN as u64,
        Class::Uint => 0,
        Class::Float => f64::NEG_INFINITY.to_bits(),
    }
}

/// Takes a signed integer into account.
#[inline]
#[must_use]
pub fn int(cell: u64, value: i64) -> u64 {
    (cell as i64).max(value) as u64
}

/// Takes an unsigned integer into account.
#[inline]
#[must_use]
pub fn uint(cell: u64, value: u64) -> u64 {
    cell.max(value)
}

/// Takes a float into account.
#[inline]
#[must_use]
pub fn float(cell: u64, value: f64) -> u64 {
    if value > f64::from_bits(cell) { value.to_bits() } else { cell }
}

/// Two cells as one.
#[must_use]
pub fn merge(class: Class, a: u64, b: u64) -> u64 {
    match class {
        Class::Int => int(a, b as i64),
        Class::Uint => uint(a, b),
        Class::Float => float(a, f64::from_bits(b)),
    }
}
