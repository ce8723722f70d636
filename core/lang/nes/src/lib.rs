//! The query language of NebulaStream, and what its coordinator knows: queries become plans.

pub mod ast;
pub mod catalog;
mod file;
mod lex;
mod lower;
pub mod merging;
mod parse;
pub mod placement;
mod scan;
pub mod schema;
pub mod sql;
pub mod types;
pub mod udf;
pub mod validation;

pub use file::lower_file;
pub use lower::{Lowered, OPERATORS_MAX, lower, lower_with};
pub use parse::{CALLS_MAX, DEPTH_MAX, parse_pattern, parse_query, parse_schema};
pub use scan::QUERY_BYTES_MAX;
