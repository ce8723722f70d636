//! Bytes and what they mean: blocks, lines, JSON, CSV, typed values. No I/O, nothing of ours below.

pub mod block;
pub mod budget;
pub mod columns;
pub mod csv;
mod field;
pub mod json;
pub mod k;
pub mod lines;
pub mod msgpack;
pub mod ndjson;
pub mod number;
mod places;
pub mod rfc3339;
pub mod short;
pub mod testing;
mod utf8;
pub mod value;
pub mod xml;
pub mod yaml;
