//! Bytes and what they mean: blocks, lines, JSON, CSV, typed values. No I/O, nothing of ours below.

pub mod value;
