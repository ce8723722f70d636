//! Operators over typed columns: they compute a column at a time and keep no state.

use plan::{Batch, Columns, Data, OperatorError, OperatorSpec};

pub mod expr;
pub mod filter;
pub mod kernels;
pub mod limit;
pub mod map;
pub mod project;
pub mod select;
pub mod types;
pub mod union;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

/// The operators of this folder.
pub const ALL: &[&OperatorSpec] =
    &[&filter::SPEC, &limit::SPEC, &map::SPEC, &project::SPEC, &union::SPEC];

/// Replaces the columns of a batch by what `change` makes of them.
pub(crate) fn each(
    batch: Batch,
    out: &mut Vec<Batch>,
    change: impl FnOnce(Columns) -> Result<Columns, String>,
) -> Result<(), OperatorError> {
    let Batch { data, acks, seq, born_ns } = batch;
    match data {
        Data::Columns(columns) => {
            let data = Data::Columns(change(columns).map_err(OperatorError)?);
            out.push(Batch { data, acks, seq, born_ns });
            Ok(())
        }
        _ => Err(not_columns()),
    }
}

/// The error for a batch of another shape.
pub(crate) fn not_columns() -> OperatorError {
    OperatorError::new("the operator works on typed columns and got something else")
}
