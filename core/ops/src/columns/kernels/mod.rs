//! What the steps of an expression compute, a column at a time.

pub mod arithmetic;
pub mod cast;
pub mod compare;
pub mod logic;
pub mod math;
pub mod text;

use arrow_buffer::BooleanBuffer;
use plan::DataType;

use super::expr::{Op, Val};

/// The rows whose value must not be used because an integer was divided by zero in them.
pub type Bad = Option<BooleanBuffer>;

/// Computes one step. Every operand has the type that the step names.
///
/// # Errors
/// Operands that a checked expression cannot have.
pub fn call(op: Op, ty: DataType, args: &[&(Val, Bad)], rows: usize) -> Result<(Val, Bad), String> {
    if op == Op::Case {
        return logic::case(ty, args, rows);
    }
    match args {
        [(a, bad)] => {
            let value = match op {
                Op::Not => logic::not(a)?,
                Op::Cast => cast::cast(a, ty)?,
                Op::CharLength | Op::OctetLength | Op::TextTime => text::number(op, a)?,
                Op::TimeText => text::time_text(a),
                Op::Year | Op::Month | Op::Day => text::part(op, a),
                _ => math::unary(op, ty, a)?,
            };
            Ok((value, bad.clone()))
        }
        [(a, bad_a), (b, bad_b)] => match op {
            Op::Concat => {
                let value = text::concat(a, b, rows)?;
                Ok((value, either(bad_a.clone(), bad_b.clone())))
            }
            Op::And | Op::Or => logic::junction(op, (a, bad_a), (b, bad_b), rows),
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
                let value = compare::compare(op, ty, a, b, rows)?;
                Ok((value, either(bad_a.clone(), bad_b.clone())))
            }
            _ => {
                let (value, bad) = arithmetic::binary(op, ty, a, b, rows)?;
                Ok((value, either(bad, either(bad_a.clone(), bad_b.clone()))))
            }
        },
        _ => Err(format!("{op:?} has the wrong number of operands")),
    }
}

/// Rows that are bad in one or the other; both have the same length.
pub(crate) fn either(a: Bad, b: Bad) -> Bad {
    match (a, b) {
        (Some(a), Some(b)) if a.len() == b.len() => Some(&a | &b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

/// Combines two operands row by row. An operand of one item stands for all rows.
pub(crate) fn zip<N: Copy, R>(
    (a, a_one): (&[N], bool),
    (b, b_one): (&[N], bool),
    mut f: impl FnMut(N, N) -> R,
) -> Vec<R> {
    match (a_one, b_one) {
        (false, false) => a.iter().zip(b).map(|(x, y)| f(*x, *y)).collect(),
        (false, true) => match b {
            [y, ..] => a.iter().map(|x| f(*x, *y)).collect(),
            [] => Vec::new(),
        },
        (true, false) => match a {
            [x, ..] => b.iter().map(|y| f(*x, *y)).collect(),
            [] => Vec::new(),
        },
        (true, true) => match (a, b) {
            ([x, ..], [y, ..]) => vec![f(*x, *y)],
            _ => Vec::new(),
        },
    }
}

/// Whether the operand stands for all rows.
pub(crate) fn is_one(value: &Val) -> bool {
    matches!(value, Val::One(_))
}
