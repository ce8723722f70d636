//! The number of rows: cell 0 of every group, which also says whether the group has any.

/// Adds a row.
#[inline]
#[must_use]
pub fn one(cell: u64) -> u64 {
    cell.wrapping_add(1)
}

/// Two counts as one.
#[must_use]
pub fn merge(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}
