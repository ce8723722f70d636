//! Arithmetic on columns: computed in `i64` or `f64`, in the unit of the result's type.

use super::blocks::{self, Domain, Output, Side};
use super::divisor::Divisor;
use super::types;
use super::zip::zip;
use crate::convert::numeric::{Column, NULL, floats_as, from_floats, from_ints, ints_as};
use crate::error::{Result, type_error};
use formats::k::{Data, K, Type};

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

/// Evaluates an expression with `$f` bound to an operation in a domain: one loop for each
/// operation, so that each can be unrolled.
macro_rules! each_operation {
    ($op:expr, $domain:ident, |$f:ident| $zip:expr) => {
        match $op {
            Arith::Add => {
                let $f = |x, y| Arith::Add.$domain(x, y);
                $zip
            }
            Arith::Subtract => {
                let $f = |x, y| Arith::Subtract.$domain(x, y);
                $zip
            }
            Arith::Multiply => {
                let $f = |x, y| Arith::Multiply.$domain(x, y);
                $zip
            }
            Arith::Divide => {
                let $f = |x, y| Arith::Divide.$domain(x, y);
                $zip
            }
            Arith::Lesser => {
                let $f = |x, y| Arith::Lesser.$domain(x, y);
                $zip
            }
            Arith::Greater => {
                let $f = |x, y| Arith::Greater.$domain(x, y);
                $zip
            }
            other => {
                let $f = |x, y| other.$domain(x, y);
                $zip
            }
        }
    };
}

/// Applies an operation to atoms and vectors.
///
/// # Errors
/// `type` where the types do not go together, `length` for vectors of different length.
pub(crate) fn arith(op: Arith, a: &K, b: &K) -> Result {
    let (ta, tb) = (a.ty().ok_or_else(type_error)?, b.ty().ok_or_else(type_error)?);
    let to = op.result(ta, tb).ok_or_else(type_error)?;
    if to.is_floating() || ta.is_floating() || tb.is_floating() {
        return in_floats(op, to, a, b);
    }
    if let Some(sides) = narrow::<i64>(a, b, to, ta.is_temporal() || tb.is_temporal()) {
        let mut out = Output::new(to, sides);
        let mut put = |block: &[i64]| out.ints(block);
        each_operation!(op, ints, |f| blocks::zip(sides, f, &mut put))?;
        return Ok(out.done());
    }
    let unit = if matches!(op, Arith::Mod | Arith::Div) { ta } else { unit(op, to, ta, tb) };
    let x = ints_as(a, unit).ok_or_else(type_error)?;
    let y = ints_as(b, unit).ok_or_else(type_error)?;
    if let Some(items) = divided(op, &x, &y) {
        return Ok(from_ints(to, Column::Vec(items.into())));
    }
    Ok(from_ints(to, each_operation!(op, ints, |f| zip(&x, &y, f))?))
}

fn in_floats(op: Arith, to: Type, a: &K, b: &K) -> Result {
    if let Some(sides) = narrow::<f64>(a, b, to, to.is_temporal()) {
        let mut out = Output::new(to, sides);
        let mut put = |block: &[f64]| out.floats(block);
        each_operation!(op, floats, |f| blocks::zip(sides, f, &mut put))?;
        return Ok(out.done());
    }
    // A time scaled by a float is rounded back to its unit.
    let x = floats_as(a, to).ok_or_else(type_error)?;
    let y = floats_as(b, to).ok_or_else(type_error)?;
    Ok(from_floats(to, each_operation!(op, floats, |f| zip(&x, &y, f))?))
}

/// Two operands of which one at least is a column that must be widened, or makes a narrow one;
/// times have units, which is another matter.
fn narrow<'a, T: Domain>(
    a: &'a K,
    b: &'a K,
    to: Type,
    times: bool,
) -> Option<(Side<'a, T>, Side<'a, T>)> {
    if times || a.is_atom() && b.is_atom() {
        return None;
    }
    let (x, y) = (Side::of(a)?, Side::of(b)?);
    let own = T::own(&Data::repeat(to.null(), 0)).is_some();
    (x.is_narrow() || y.is_narrow() || !own).then_some((x, y))
}

/// Items that are divided by one atom; `None` for other operations and operands.
fn divided(op: Arith, x: &Column<'_, i64>, y: &Column<'_, i64>) -> Option<Vec<i64>> {
    let (by, items) = match (op, x, y) {
        (Arith::Xbar, Column::Atom(by), Column::Vec(items)) => (*by, items),
        (Arith::Div | Arith::Mod, Column::Vec(items), Column::Atom(by)) => (*by, items),
        _ => return None,
    };
    let by = Divisor::new(by)?;
    Some(match op {
        Arith::Xbar => items.iter().map(|x| by.bar(*x)).collect(),
        Arith::Div => items.iter().map(|x| by.div(*x)).collect(),
        _ => items.iter().map(|x| by.modulo(*x)).collect(),
    })
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
