//! JSON: reading into a [`Value`](crate::value::Value), canonical writing, and work on the text
//! itself without a document in memory.

mod canonical;
mod doc;
mod edits;
mod error;
mod escape;
mod floats;
mod parse;
mod path;
mod program;
mod reader;
mod recode;
mod scan;
mod shape;
mod splice;
mod tokens;
mod tree;
mod write;

pub use canonical::decoded;
pub(crate) use doc::is_scalar;
pub use doc::{Doc, Member, Members, RawKind, RawValue, Reader};
pub use edits::{EDIT_DEPTH_MAX, EditPathError, Edits, SpliceError};
pub use error::JsonError;
pub use escape::{unescape, write_string};
pub use floats::{FloatsError, parse_floats};
pub use parse::{parse, parse_prefix};
pub use path::{PathId, Paths};
pub(crate) use scan::plain_string_len;

pub use reader::{DEPTH_MAX, Visit, document_len};
pub use recode::RawWriter;
pub use splice::Splicer;
pub use write::{NotFinite, WriteOptions, write_value, write_value_with};

#[cfg(test)]
mod tests;
