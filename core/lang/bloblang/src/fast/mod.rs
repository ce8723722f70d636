//! The fast path: mappings of the common shapes, run on the text of records.
//!
//! A mapping takes it when its statements are assignments of fields, after `root = this` or
//! without it, or one assignment of the whole root, besides variables and metadata. Fields of the
//! record are read where they stand, results are written straight into one block for the whole
//! batch. What a query needs beyond that is evaluated by the general evaluator, for the query; and
//! whenever a record is not as expected (a type error, a parent that is no object) the whole
//! mapping is run on it by the general evaluator, which also words the error. So both give the
//! same results; a property test compares them.

mod build;
mod compile;
mod eval;
mod run;
pub mod scalar;

pub(crate) use run::{Done, Mapper};

#[cfg(test)]
mod tests;
