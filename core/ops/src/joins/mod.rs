//! Joins of two inputs.

use plan::OperatorSpec;

mod disk;
pub mod join;
mod kept;
pub mod pairs;
pub mod side;

#[cfg(test)]
mod tests;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[&join::SPEC];
