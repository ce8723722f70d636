//! `processed`: a nested input or output with processors of its own.

pub mod input;
pub mod output;
