//! Bytes to typed columns and back.

use plan::OperatorSpec;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[];
