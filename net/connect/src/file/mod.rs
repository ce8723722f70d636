//! Files: `file` as source and sink.

pub mod input;
pub mod output;
