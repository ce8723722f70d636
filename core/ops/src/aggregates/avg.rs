//! The mean: a sum over a count. Where the result is an integer its fraction is cut, which is what
//! the mean of integers is in the older generations (spec/nes-query-language.md §4).

use super::Class;

/// The mean of a group as the number its class holds.
#[must_use]
pub fn finish(class: Class, sum: u64, count: u64, as_float: bool) -> u64 {
    let rows = count.max(1);
    match (class, as_float) {
        (Class::Int, false) => (sum as i64).wrapping_div(i64::try_from(rows).unwrap_or(1)) as u64,
        (Class::Uint, false) => sum / rows,
        (Class::Int, true) => (sum as i64 as f64 / rows as f64).to_bits(),
        (Class::Uint, true) => (sum as f64 / rows as f64).to_bits(),
        (Class::Float, _) => (f64::from_bits(sum) / rows as f64).to_bits(),
    }
}
