//! Arithmetic on columns: computed in `i64` or `f64`, in the unit of the result's type.

use super::types;
use super::zip::zip;
use crate::convert::numeric::{NULL, floats_as, from_floats, from_ints, ints_as};
use crate::error::{Result, type_error};
use formats::k::{K, Type};

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Subtract,
    Multiply,
    Divide,
    Div,
    Mod,
    Lesser,
    Greater,
    Fill,
    Xbar,
}

impl Arith {
    /// The type of the result.
    fn result(self, a: Type, b: Type) -> Option<Type> {
        match self {
            Self::Add => types::add(a, b),
            Self::Subtract => types::subtract(a, b),
            Self::Multiply => types::multiply(a, b),
            Self::Divide => {
                let known = |t: Type| !matches!(t, Type::List | Type::Guid | Type::Symbol);
                (known(a) && known(b)).then_some(Type::Float)
            }
            Self::Div => types::div(a, b),
            Self::Mod => types::modulo(a, b),
            Self::Lesser | Self::Greater | Self::Fill => types::lesser(a, b),
            Self::Xbar => types::xbar(a, b),
        }
    }

    fn ints(self, x: i64, y: i64) -> i64 {
        match self {
            Self::Lesser => x.min(y),
            Self::Greater => x.max(y),
            Self::Fill => {
                if y == NULL {
                    x
                } else {
                    y
                }
            }
            _ if x == NULL || y == NULL => NULL,
            Self::Add => x.wrapping_add(y),
            Self::Subtract => x.wrapping_sub(y),
            Self::Multiply => x.wrapping_mul(y),
            Self::Div | Self::Divide => div(x, y),
            Self::Mod => {
                if y == 0 {
                    NULL
                } else {
                    x.wrapping_sub(y.wrapping_mul(div(x, y)))
                }
            }
            Self::Xbar => {
                if x == 0 {
                    y
                } else {
                    x.wrapping_mul(div(y, x))
                }
            }
        }
    }

    fn floats(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Lesser => {
                if x.is_nan() || y.is_nan() {
                    f64::NAN
                } else {
                    x.min(y)
                }
            }
            Self::Greater => x.max(y),
            Self::Fill => {
                if y.is_nan() {
                    x
                } else {
                    y
                }
            }
            Self::Add => x + y,
            Self::Subtract => x - y,
            Self::Multiply => x * y,
            Self::Divide => x / y,
            Self::Div => (x / y).floor(),
            Self::Mod => x - y * floor(x / y),
            Self::Xbar => {
                if x == 0.0 {
                    y
                } else {
                    x * floor(y / x)
                }
            }
        }
    }
}

/// The integer below, with the tolerance that q's comparisons have.
pub(crate) fn floor(x: f64) -> f64 {
    let near = x.round();
    if super::compare::same(x, near) { near } else { x.floor() }
}

fn div(x: i64, y: i64) -> i64 {
    if y == 0 {
        return if x > 0 {
            i64::MAX
        } else if x < 0 {
            -i64::MAX
        } else {
            NULL
        };
    }
    // The one overflow is that of the null by -1, which is null already.
    let (q, r) = (x.wrapping_div(y), x.wrapping_rem(y));
    if r != 0 && (r < 0) != (y < 0) { q - 1 } else { q }
}

/// Applies an operation to atoms and vectors.
///
/// # Errors
/// `type` where the types do not go together, `length` for vectors of different length.
pub(crate) fn arith(op: Arith, a: &K, b: &K) -> Result {
    let (ta, tb) = (a.ty().ok_or_else(type_error)?, b.ty().ok_or_else(type_error)?);
    let to = op.result(ta, tb).ok_or_else(type_error)?;
    macro_rules! run {
        ($domain:ident, $operand:expr, $make:expr) => {{
            let (x, y) = ($operand(a).ok_or_else(type_error)?, $operand(b).ok_or_else(type_error)?);
            // One loop for each operation, so that each can be unrolled.
            let out = match op {
                Arith::Add => zip(&x, &y, |x, y| Arith::Add.$domain(x, y)),
                Arith::Subtract => zip(&x, &y, |x, y| Arith::Subtract.$domain(x, y)),
                Arith::Multiply => zip(&x, &y, |x, y| Arith::Multiply.$domain(x, y)),
                Arith::Divide => zip(&x, &y, |x, y| Arith::Divide.$domain(x, y)),
                Arith::Lesser => zip(&x, &y, |x, y| Arith::Lesser.$domain(x, y)),
                Arith::Greater => zip(&x, &y, |x, y| Arith::Greater.$domain(x, y)),
                other => zip(&x, &y, |x, y| other.$domain(x, y)),
            };
            Ok($make(to, out?))
        }};
    }
    let floating = to.is_floating() || ta.is_floating() || tb.is_floating();
    if floating {
        // A time scaled by a float is rounded back to its unit.
        run!(floats, |k| floats_as(k, to), from_floats)
    } else {
        let unit = if matches!(op, Arith::Mod | Arith::Div) { ta } else { unit(op, to, ta, tb) };
        run!(ints, |k| ints_as(k, unit), |to, out| from_ints(to, out))
    }
}

/// The unit in which times are brought together.
fn unit(op: Arith, to: Type, ta: Type, tb: Type) -> Type {
    match (op, to) {
        // The difference of two points is a length in their own unit.
        (Arith::Add | Arith::Subtract, Type::Int | Type::Timespan) if ta == tb => ta,
        // A bar is as long as its unit says; the point keeps its own.
        (Arith::Xbar, _) if ta.is_temporal() && tb.is_temporal() => tb,
        _ => to,
    }
}
