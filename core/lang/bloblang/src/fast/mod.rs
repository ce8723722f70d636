//! The fast path: mappings run on the text of records, with values that are borrowed.
//!
//! A mapping takes it when nothing in it depends on other messages or on the document being built.
//! Assignments of fields, after `root = this` or without it, and one assignment of the whole root
//! are written straight into one block for the whole batch, with fields of the record read where
//! they stand; any other statements build a value first. A query that has no form here is evaluated
//! by the general evaluator; and whenever a record is not as expected (a type error, a parent that
//! is no object) the whole mapping is run on it by the general evaluator, which also words the
//! error. So both give the same results; a property test compares them.

mod body;
mod bridge;
mod build;
pub mod call;
mod compile;
mod convert;
mod eval;
pub mod item;
pub mod merge;
mod open;
mod overlay;
mod query;
mod run;
mod sink;

pub(crate) use body::without as quick_without;
pub(crate) use overlay::Overlay;
pub(crate) use run::{Done, Mapper};

#[cfg(test)]
mod tests;
