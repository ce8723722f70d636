//! YAML, for `parse_yaml` and `format_yaml` (spec/bloblang.md §11).

mod read;
mod scalar;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
