//! Sums. Integers wrap around in 64 bits, and so in any narrower result.

use super::Class;

/// Adds an integer.
#[inline]
#[must_use]
pub fn int(cell: u64, value: u64) -> u64 {
    cell.wrapping_add(value)
}

/// Adds a float.
#[inline]
#[must_use]
pub fn float(cell: u64, value: f64) -> u64 {
    (f64::from_bits(cell) + value).to_bits()
}

/// Two sums as one.
#[must_use]
pub fn merge(class: Class, a: u64, b: u64) -> u64 {
    match class {
        Class::Int | Class::Uint => int(a, b),
        Class::Float => float(a, f64::from_bits(b)),
    }
}
