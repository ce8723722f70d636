//! The operators: what can stand between sources and sinks. They know no language but through
//! `plan::Expr`, and no I/O.

pub mod aggregates;
mod archives;
mod avro;
mod batches;
mod codec;
pub mod codecs;
pub mod columns;
pub mod decoders;
mod each;
pub mod joins;
mod kept;
mod lanes;
mod mapper;
mod paths;
pub mod processors;
mod protobuf;
pub mod scanners;
mod schema_path;
pub mod shared;
mod spill;
mod stages;
#[cfg(test)]
mod testing;
pub mod windows;

use plan::OperatorSpec;

/// The operators over typed columns, folder by folder.
pub const COLUMNAR: &[&[&OperatorSpec]] = &[codecs::ALL, columns::ALL, joins::ALL, windows::ALL];

/// Every operator, for a registry.
pub fn all() -> impl Iterator<Item = &'static OperatorSpec> {
    let tables = COLUMNAR.iter().copied().chain([processors::ALL, scanners::ALL]);
    tables.flatten().copied()
}
