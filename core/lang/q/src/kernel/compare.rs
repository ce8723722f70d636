//! Comparison of columns.

use super::blocks::{self, Domain, Side};
use super::items::Item;
use super::limits::{self, Limits};
use super::types;
use super::zip::zip;
use crate::convert::numeric::{Column, NULL, floats_as, ints_as};
use crate::error::{Result, length_error, type_error};
use formats::k::{Data, K, Scalar, Sym, Type, Vector};
use std::cmp::Ordering;

/// The six comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    Greater,
    UpTo,
    AtLeast,
}

impl Compare {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::Greater => order.is_gt(),
            Self::UpTo => order.is_le(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// Relative difference below which floats count as equal.
const TOLERANCE: f64 = 1.0 / (1u64 << 43) as f64;

/// Whether two floats are equal within the tolerance; nulls are.
pub(crate) fn same(x: f64, y: f64) -> bool {
    x == y
        || x.is_nan() && y.is_nan()
        || x.is_finite() && y.is_finite() && (x - y).abs() <= TOLERANCE * x.abs().max(y.abs())
}

/// [`same`] for loops over columns: without branches, so that several items go at once.
fn equal(x: f64, y: f64) -> bool {
    (x == y) | (x.is_nan() & y.is_nan()) | near(x, y)
}

/// Whether the left float is less and not within the tolerance; the null is less than all others.
fn less(x: f64, y: f64) -> bool {
    ((x < y) & !near(x, y)) | (x.is_nan() & !y.is_nan())
}

pub(super) fn near(x: f64, y: f64) -> bool {
    let distance = (x - y).abs();
    (distance <= TOLERANCE * x.abs().max(y.abs())) & (distance < f64::INFINITY)
}

/// The order of two floats without tolerance, as sorting needs it.
pub(crate) fn strict_order(x: f64, y: f64) -> Ordering {
    x.partial_cmp(&y).unwrap_or_else(|| y.is_nan().cmp(&x.is_nan()))
}

/// Evaluates an expression with `$f` bound to a comparison made of the two given ones: one loop for
/// each, so that each can be unrolled.
macro_rules! each_comparison {
    ($op:expr, $equal:ident, $less:ident, |$f:ident| $zip:expr) => {
        match $op {
            Compare::Equal => {
                let $f = |x, y| u8::from($equal(x, y));
                $zip
            }
            Compare::NotEqual => {
                let $f = |x, y| u8::from(!$equal(x, y));
                $zip
            }
            Compare::Less => {
                let $f = |x, y| u8::from($less(x, y));
                $zip
            }
            Compare::Greater => {
                let $f = |x, y| u8::from($less(y, x));
                $zip
            }
            Compare::UpTo => {
                let $f = |x, y| u8::from(!$less(y, x));
                $zip
            }
            Compare::AtLeast => {
                let $f = |x, y| u8::from(!$less(x, y));
                $zip
            }
        }
    };
}

/// Compares atoms and vectors item by item.
///
/// # Errors
/// `type` where the types cannot be compared, `length` for vectors of different length.
pub(crate) fn compare(op: Compare, a: &K, b: &K) -> Result {
    let (ta, tb) = (a.ty().ok_or_else(type_error)?, b.ty().ok_or_else(type_error)?);
    let ty = types::comparison(ta, tb).ok_or_else(type_error)?;
    let floating = ty.is_floating() || ta.is_floating() || tb.is_floating();
    let flags = match ty {
        Type::Symbol => symbols(op, a, b)?,
        Type::Guid => guids(op, a, b)?,
        _ if floating => floats(op, ty, a, b)?,
        _ => ints(op, ty, a, b)?,
    };
    Ok(match flags {
        Column::Atom(x) => K::Atom(Type::Bool, Scalar::U8(x)),
        Column::Vec(v) => K::bools(v.into_owned()),
    })
}

fn floats(op: Compare, ty: Type, a: &K, b: &K) -> Result<Column<'static, u8>> {
    if let Some((x, y)) = narrow::<f64>(a, b, a.ty() != b.ty() && ty.is_temporal()) {
        let flags = match (x, y) {
            (Side::Items(items), Side::Atom(y)) => with_float(op, items, y),
            (Side::Atom(x), Side::Items(items)) => with_float(op.turned(), items, x),
            _ => None,
        };
        if let Some(flags) = flags {
            return Ok(Column::Vec(flags.into()));
        }
        let mut out = Vec::with_capacity(a.len().max(b.len()));
        let mut put = |flags: &[u8]| out.extend_from_slice(flags);
        each_comparison!(op, equal, less, |f| blocks::zip((x, y), f, &mut put))?;
        return Ok(Column::Vec(out.into()));
    }
    let x = floats_as(a, ty).ok_or_else(type_error)?;
    let y = floats_as(b, ty).ok_or_else(type_error)?;
    let (op, items, atom) = match (&x, &y) {
        (Column::Vec(items), Column::Atom(y)) => (op, items, *y),
        (Column::Atom(x), Column::Vec(items)) => (op.turned(), items, *x),
        _ => return each_comparison!(op, equal, less, |f| zip(&x, &y, f)),
    };
    match Limits::of(atom) {
        Some(limits) => Ok(Column::Vec(limits::floats(op, items, limits, |x| x).into())),
        None => each_comparison!(op, equal, less, |f| zip(
            &Column::Vec(items.clone()),
            &Column::Atom(atom),
            f
        )),
    }
}

/// Narrow items compared with a float; `None` for the null.
fn with_float(op: Compare, items: &Data, atom: f64) -> Option<Vec<u8>> {
    let limits = Limits::of(atom)?;
    Some(match items {
        Data::U8(v) => limits::floats(op, v, limits, Item::float),
        Data::I16(v) => limits::floats(op, v, limits, Item::float),
        Data::I32(v) => limits::floats(op, v, limits, Item::float),
        Data::I64(v) => limits::floats(op, v, limits, Item::float),
        Data::F32(v) => limits::floats(op, v, limits, Item::float),
        Data::F64(v) => limits::floats(op, v, limits, Item::float),
        Data::Sym(_) | Data::Guid(_) | Data::List(_) => return None,
    })
}

fn ints(op: Compare, ty: Type, a: &K, b: &K) -> Result<Column<'static, u8>> {
    fn same(x: i64, y: i64) -> bool {
        x == y
    }
    fn below(x: i64, y: i64) -> bool {
        x < y
    }
    if let Some(sides) = narrow::<i64>(a, b, a.ty() != b.ty() && ty.is_temporal()) {
        if let Some(flags) = alike(op, sides) {
            return Ok(Column::Vec(flags.into()));
        }
        let mut out = Vec::with_capacity(a.len().max(b.len()));
        let mut put = |flags: &[u8]| out.extend_from_slice(flags);
        each_comparison!(op, same, below, |f| blocks::zip(sides, f, &mut put))?;
        return Ok(Column::Vec(out.into()));
    }
    let x = ints_as(a, ty).ok_or_else(type_error)?;
    let y = ints_as(b, ty).ok_or_else(type_error)?;
    each_comparison!(op, same, below, |f| zip(&x, &y, f))
}

/// Narrow items compared as they are: with others of their layout, or with an atom that there is in
/// it. `None` for others, and for columns of different length.
fn alike(op: Compare, sides: (Side<'_, i64>, Side<'_, i64>)) -> Option<Vec<u8>> {
    fn pairs<T: Copy + PartialOrd>(op: Compare, v: &[T], w: &[T]) -> Option<Vec<u8>> {
        let pairs = v.iter().copied().zip(w.iter().copied());
        (v.len() == w.len()).then(|| limits::items(op, pairs))
    }
    fn with<T: Copy + PartialOrd>(op: Compare, v: &[T], y: T) -> Vec<u8> {
        limits::items(op, v.iter().map(|x| (*x, y)))
    }
    let (op, items, atom) = match sides {
        (Side::Items(x), Side::Items(y)) => {
            return match (x, y) {
                (Data::U8(v), Data::U8(w)) => pairs(op, v, w),
                (Data::I16(v), Data::I16(w)) => pairs(op, v, w),
                (Data::I32(v), Data::I32(w)) => pairs(op, v, w),
                _ => None,
            };
        }
        (Side::Items(items), Side::Atom(y)) => (op, items, y),
        (Side::Atom(x), Side::Items(items)) => (op.turned(), items, x),
        (Side::Atom(_), Side::Atom(_)) => return None,
    };
    Some(match items {
        Data::U8(v) => with(op, v, u8::try_from(atom).ok()?),
        // The null is the least in any layout.
        Data::I16(v) if atom == NULL => with(op, v, i16::MIN),
        Data::I32(v) if atom == NULL => with(op, v, i32::MIN),
        Data::I16(v) => with(op, v, i16::try_from(atom).ok().filter(|y| *y != i16::MIN)?),
        Data::I32(v) => with(op, v, i32::try_from(atom).ok().filter(|y| *y != i32::MIN)?),
        _ => return None,
    })
}

/// Two operands of which one at least is a column that must be widened; times of different units
/// are another matter.
fn narrow<'a, T: Domain>(a: &'a K, b: &'a K, units: bool) -> Option<(Side<'a, T>, Side<'a, T>)> {
    if units || a.is_atom() && b.is_atom() {
        return None;
    }
    let (x, y) = (Side::of(a)?, Side::of(b)?);
    (x.is_narrow() || y.is_narrow()).then_some((x, y))
}

fn symbols(op: Compare, a: &K, b: &K) -> Result<Column<'static, u8>> {
    fn column(k: &K) -> Result<Column<'_, Sym>> {
        match k {
            K::Atom(_, Scalar::Sym(s)) => Ok(Column::Atom(*s)),
            K::Vec(Vector { data: Data::Sym(v), .. }) => Ok(Column::Vec(v.as_slice().into())),
            _ => Err(type_error()),
        }
    }
    let (x, y) = (column(a)?, column(b)?);
    match op {
        Compare::Equal => zip(&x, &y, |x, y| u8::from(x == y)),
        Compare::NotEqual => zip(&x, &y, |x, y| u8::from(x != y)),
        _ => zip(&x, &y, |x, y| u8::from(op.holds(x.order(y)))),
    }
}

fn guids(op: Compare, a: &K, b: &K) -> Result<Column<'static, u8>> {
    let rows = |k: &K| if k.is_atom() { None } else { Some(k.len()) };
    let count = match (rows(a), rows(b)) {
        (Some(n), Some(m)) if n != m => return Err(length_error()),
        (Some(n), _) | (None, Some(n)) => n,
        (None, None) => {
            return Ok(Column::Atom(u8::from(op.holds(super::order::values(a, b)))));
        }
    };
    let flag = |i| u8::from(op.holds(super::order::values(&a.at(i), &b.at(i))));
    Ok(Column::Vec((0..count).map(flag).collect::<Vec<u8>>().into()))
}

/// Whether each item of a vector is null.
pub(crate) fn nulls(v: &Vector) -> Vec<u8> {
    match (&v.data, v.ty.null()) {
        // These have no null.
        (data, _) if matches!(v.ty, Type::Bool | Type::Byte) => vec![0; data.len()],
        (Data::I64(v), _) => v.iter().map(|x| u8::from(*x == i64::MIN)).collect(),
        (Data::I32(v), _) => v.iter().map(|x| u8::from(*x == i32::MIN)).collect(),
        (Data::F64(v), _) => v.iter().map(|x| u8::from(x.is_nan())).collect(),
        (data, null) => (0..data.len()).map(|i| u8::from(data.scalar(i) == Some(null))).collect(),
    }
}

/// Levels that a match goes down.
const DEPTH_MAX: usize = 200;

/// Whether two values are the same, floats within the tolerance: `~`.
pub(crate) fn matches(a: &K, b: &K) -> bool {
    matching(a, b, DEPTH_MAX)
}

fn matching(a: &K, b: &K, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    if !matches!(a, K::Atom(..)) {
        // Lists that hold one another again and again have no end.
        formats::budget::step(1);
    }
    match (a, b) {
        (K::Atom(Type::Float, Scalar::F64(x)), K::Atom(Type::Float, Scalar::F64(y))) => {
            same(*x, *y)
        }
        (K::Vec(v), K::Vec(w)) => match (&v.data, &w.data) {
            (Data::F64(x), Data::F64(y)) => {
                v.ty == w.ty
                    && x.len() == y.len()
                    && x.iter().zip(y.iter()).all(|(x, y)| same(*x, *y))
            }
            (Data::List(x), Data::List(y)) => {
                x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| matching(x, y, depth - 1))
            }
            _ => a == b,
        },
        (K::Dict(d), K::Dict(e)) => {
            matching(&d.keys, &e.keys, depth - 1) && matching(&d.values, &e.values, depth - 1)
        }
        (K::Table(t), K::Table(u)) => {
            t.names == u.names
                && t.columns.iter().zip(&u.columns).all(|(x, y)| matching(x, y, depth - 1))
        }
        _ => a == b,
    }
}
