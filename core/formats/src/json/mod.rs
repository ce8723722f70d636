//! JSON: reading into a [`Value`](crate::value::Value), canonical writing, and work on the text
//! itself without a document in memory.

mod error;
mod escape;
mod parse;
mod reader;
mod scan;
mod write;

pub use error::JsonError;
pub use escape::{unescape, write_string};
pub use parse::{FloatsError, parse, parse_floats, parse_prefix};
pub use reader::{DEPTH_MAX, document_len};
pub use write::{NotFinite, WriteOptions, write_value, write_value_with};

#[cfg(test)]
mod tests;
