//! What the fuzz targets share: services that repeat themselves, inputs to begin with, and a plain
//! implementation of canonical JSON to compare with.

pub mod plain;
pub mod seeds;
pub mod still;
