//! From text to compiled programs (spec/bloblang.md §1 and §2).
//!
//! The grammar is a parsing expression grammar: alternatives are tried in order and the first that
//! succeeds is taken. Error texts and places are part of what users know, so the parser keeps the
//! rules by which the original finds them: of failed alternatives the one that got furthest wins,
//! those that got equally far are joined, and a fatal error ends the search.

mod args;
mod compound;
mod cursor;
mod error;
mod interpolate;
mod literal;
mod program;
mod query;
mod scope;
mod statement;

pub use error::ParseError;
pub(crate) use interpolate::{Piece, interpolation};
#[cfg(test)]
pub(crate) use program::IMPORT_DEPTH_MAX;
pub(crate) use program::program;
pub(crate) use scope::Options;

#[cfg(test)]
mod tests;
