//! The mean: a sum over a count. Where the result is an integer its fraction is cut, which is what
//! the mean of integers is in the older generations (spec/nes-query-language.md §4).
//!
//! A sum of integers wraps around in 64 bits. Where they have as many themselves, a second cell has
//! the sum of their upper halves, rounded: both together give the sum of up to 2^31 rows exactly,
//! and each is a plain sum, which groups add up as they do all sums.

use super::Class;

/// The upper half of an integer of 64 bits, rounded: what it leaves is half of 32 bits at most, so
/// that small numbers leave nothing in it.
#[inline]
#[must_use]
pub fn upper(class: Class, value: u64) -> u64 {
    let half = match class {
        Class::Int => ((value as i64) >> 32) as u64,
        Class::Uint | Class::Float => value >> 32,
    };
    half.wrapping_add((value >> 31) & 1)
}

/// A sum from the one that wrapped around and that of the upper halves.
fn whole(class: Class, sum: u64, upper: u64) -> i128 {
    let upper = match class {
        Class::Int => i128::from(upper as i64),
        Class::Uint | Class::Float => i128::from(upper),
    } << 32;
    // What is left is small, so that the part of it that did not wrap around is all of it.
    upper + i128::from(sum.wrapping_sub(upper as u64) as i64)
}

/// The mean of a group as the number its class holds.
#[must_use]
pub fn finish(class: Class, sum: u64, upper: Option<u64>, count: u64, as_float: bool) -> u64 {
    let rows = count.max(1);
    if let Some(upper) = upper {
        let sum = whole(class, sum, upper);
        let cut = || (sum / i128::from(rows)) as u64;
        return if as_float { (sum as f64 / rows as f64).to_bits() } else { cut() };
    }
    match (class, as_float) {
        (Class::Int, false) => (sum as i64).wrapping_div(i64::try_from(rows).unwrap_or(1)) as u64,
        (Class::Uint, false) => sum / rows,
        (Class::Int, true) => (sum as i64 as f64 / rows as f64).to_bits(),
        (Class::Uint, true) => (sum as f64 / rows as f64).to_bits(),
        (Class::Float, _) => (f64::from_bits(sum) / rows as f64).to_bits(),
    }
}
