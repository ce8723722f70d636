//! Joins of two inputs.

use plan::OperatorSpec;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[];
