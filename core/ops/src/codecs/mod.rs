//! Bytes to typed columns and back.

use plan::OperatorSpec;

pub mod arrays;
pub mod decode;
pub mod decode_arrow;
pub mod decode_binary;
pub mod decode_csv;
pub mod decode_ndjson;
pub mod encode_binary;
pub mod encode_csv;
pub mod encode_json;
pub mod frame;
pub mod nulls;

#[cfg(test)]
mod tests;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[
    &decode_arrow::SPEC,
    &decode_binary::SPEC,
    &decode_csv::SPEC,
    &decode_ndjson::SPEC,
    &encode_binary::SPEC,
    &encode_csv::SPEC,
    &encode_json::SPEC,
    &frame::SPEC,
];
