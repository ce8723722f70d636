//! The median: it needs all values of a group, so a cell refers to a list of them.

/// The value in the middle of `values`, or the mean of the two in the middle; 0 of no values.
#[must_use]
pub fn finish(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half.wrapping_sub(1)), values.get(half)) {
        (Some(low), Some(high)) if values.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (_, Some(middle)) => *middle,
        _ => 0.0,
    }
}
