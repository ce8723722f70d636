//! Windows over event time: assignment to slices, watermarks, keys, and what fires when.

use plan::OperatorSpec;

pub mod core;
mod disk;
pub mod emit;
pub mod keys;
pub mod slicing;
pub mod store;
pub mod table;
pub mod threshold;
pub mod time;
pub mod watermark;
pub mod window;

#[cfg(test)]
mod tests;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] = &[&threshold::SPEC, &window::SPEC];
