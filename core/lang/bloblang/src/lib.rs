//! Bloblang: the mapping language of the streams documents (spec/bloblang.md).
//!
//! A text is parsed ([`Mapping::parse`]) into a program whose names are resolved and whose
//! constants are folded, and that runs on one message after another. Functions and methods are
//! described by tables ([`functions::ALL`], [`methods::ALL`]) that the parser, the documentation
//! and the tests read.

pub mod args;
mod assign;
mod batch;
pub mod cases;
mod casts;
mod class;
pub mod codec;
pub mod compare;
pub mod compression;
pub mod crypt;
pub mod csv;
pub mod duration;
mod elementary;
pub mod error;
mod eval;
pub mod exec;
pub mod fast;
mod fields;
pub mod functions;
pub mod go_format;
mod go_rand;
pub mod growth;
pub mod hashing;
mod json_schema;
mod lang;
pub mod lines;
pub mod local;
pub mod mapping;
mod merge;
pub mod methods;
mod node;
mod number;
mod parse;
pub mod period;
mod print;
mod program;
pub mod quoted;
pub mod re;
mod reach;
pub mod reference;
mod schema;
pub mod spec;
pub mod text;
pub mod time;
pub mod titles;
pub mod url;
pub mod val;
mod yaml;

pub use error::Error;
pub use exec::Setup;
pub use json_schema::{SCHEMAS, Schemas};
pub use lang::{Bloblang, LANGUAGE, NAME, session};
pub use mapping::{Interpolated, Mapping, Outcome};
pub use parse::ParseError;

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod registry_tests;
#[cfg(test)]
mod size_tests;
