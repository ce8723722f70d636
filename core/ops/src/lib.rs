//! The operators: what can stand between sources and sinks. They know no language but through
//! `plan::Expr`, and no I/O.

pub mod aggregates;
pub mod codecs;
pub mod columns;
pub mod joins;
pub mod windows;

use plan::OperatorSpec;

/// The operators over typed columns, folder by folder.
pub const COLUMNAR: &[&[&OperatorSpec]] = &[codecs::ALL, columns::ALL, joins::ALL, windows::ALL];
