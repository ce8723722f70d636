//! `csv`: files of comma-separated values.

pub mod input;
