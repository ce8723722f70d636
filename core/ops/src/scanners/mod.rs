//! Cutting what sources read into messages.

pub mod split_lines;

use plan::OperatorSpec;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[&split_lines::SPEC];
