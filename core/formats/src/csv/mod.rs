//! CSV: lines of delimited fields to typed columns and back (spec/nes-query-language.md §6). Quotes
//! have no meaning: a field is what stands between two delimiters.

mod borders;
mod read;
mod write;

pub use read::CsvReader;
pub use write::{CsvWriter, FloatText};
