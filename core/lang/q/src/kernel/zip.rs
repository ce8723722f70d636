//! Two columns, or a column and an atom, to one column.

use crate::convert::numeric::Column;
use crate::error::{Result, length_error};

/// Applies `f` to the pairs of two operands; an atom pairs with every row.
///
/// # Errors
/// `length` when both are columns of different length.
pub(crate) fn zip<T: Copy, U: Copy>(
    a: &Column<'_, T>,
    b: &Column<'_, T>,
    f: impl Fn(T, T) -> U,
) -> Result<Column<'static, U>> {
    Ok(match (a, b) {
        (Column::Atom(x), Column::Atom(y)) => Column::Atom(f(*x, *y)),
        (Column::Vec(v), Column::Atom(y)) => {
            Column::Vec(v.iter().map(|x| f(*x, *y)).collect::<Vec<U>>().into())
        }
        (Column::Atom(x), Column::Vec(w)) => {
            Column::Vec(w.iter().map(|y| f(*x, *y)).collect::<Vec<U>>().into())
        }
        (Column::Vec(v), Column::Vec(w)) => {
            if v.len() != w.len() {
                return Err(length_error());
            }
            Column::Vec(v.iter().zip(w.iter()).map(|(x, y)| f(*x, *y)).collect::<Vec<U>>().into())
        }
    })
}
