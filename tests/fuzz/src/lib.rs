//! What the fuzz targets share: services that repeat themselves, inputs to begin with, and a plain
//! implementation of canonical JSON to compare with.

pub mod plain;
pub mod seeds;
pub mod still;

use formats::value::Value;

/// Checks that two documents are the same, to the last bit of each number.
///
/// # Panics
/// When they are not.
pub fn same(one: &Value, other: &Value) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}
