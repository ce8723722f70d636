//! The control planes that existing tools speak, one folder each.

pub mod benthos;
pub mod kdb;
pub mod nebulastream;
