//! Aggregates of whole vectors, and of the groups of a vector in one pass.

use super::group::Groups;
use super::items::{Item, is_null, on_numbers};
use super::segments::{Grouped, Ids};
use crate::convert::numeric::{Column, from_floats, from_ints};
use crate::error::{Result, type_error};
use formats::k::{K, Scalar, Type, Vector};

/// Aggregates that have a kernel for groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Count,
    Prd,
    All,
    Any,
}

/// The type in which a sum or product is given.
fn sum_type(ty: Type) -> Option<Type> {
    Some(match ty {
        Type::Bool | Type::Byte | Type::Short | Type::Int => Type::Int,
        Type::Long | Type::Real | Type::Float => ty,
        Type::List | Type::Guid | Type::Char | Type::Symbol => return None,
        // Points in time add up as in q: their numbers do.
        _ => ty,
    })
}

/// The aggregate of a vector.
pub(crate) fn whole(op: Aggregate, k: &K) -> Result {
    match op {
        Aggregate::Count => Ok(K::long(k.len() as i64)),
        Aggregate::First => Ok(k.at(0)),
        Aggregate::Last => Ok(k.at(k.len().checked_sub(1).unwrap_or(usize::MAX))),
        _ => Ok(numbers(op, k, Ids::One)?.at(0)),
    }
}

/// The aggregate of each group of a vector, by number of the group.
///
/// # Errors
/// `type` for items that cannot be aggregated so.
pub(crate) fn grouped(op: Aggregate, k: &K, groups: &Groups) -> Result {
    match op {
        Aggregate::First => Ok(k.gather(&groups.firsts)),
        _ => parted(op, k, &groups.ids, groups.firsts.len()),
    }
}

/// The same for items of which a group may have none: `ids` has the group of each.
///
/// # Errors
/// `type` for items that cannot be aggregated so.
pub(crate) fn parted(op: Aggregate, k: &K, ids: &[u32], count: usize) -> Result {
    match op {
        Aggregate::First => {
            let mut first = vec![-1i64; count];
            for (row, id) in (0..).zip(ids) {
                if let Some(slot) = first.get_mut(*id as usize).filter(|slot| **slot < 0) {
                    *slot = row;
                }
            }
            Ok(k.gather(&first))
        }
        Aggregate::Last => {
            let mut last = vec![-1i64; count];
            for (row, id) in (0..).zip(ids) {
                if let Some(slot) = last.get_mut(*id as usize) {
                    *slot = row;
                }
            }
            Ok(k.gather(&last))
        }
        Aggregate::Count => Ok(K::longs(Ids::Many(ids, count).fold(ids, 0, |n, _| *n += 1))),
        _ => numbers(op, k, Ids::Many(ids, count)),
    }
}

/// Aggregates of numbers.
fn numbers(op: Aggregate, k: &K, ids: Ids<'_>) -> Result {
    let K::Vec(Vector { ty, data, .. }) = k else { return Err(type_error()) };
    on_numbers!(data, v => of_numbers(op, *ty, &(v.as_slice(), ids)), _ => Err(type_error()))
}

/// The aggregate of each group of numbers, which are of a type.
///
/// # Errors
/// `type` for an aggregate that is none of numbers, or not of such.
pub(crate) fn of_numbers<T: Item>(op: Aggregate, ty: Type, items: &impl Grouped<T>) -> Result {
    match op {
        Aggregate::Sum => total(items, ty, 0.0, |s, x| s + x, 0, i64::wrapping_add),
        Aggregate::Prd => total(items, ty, 1.0, |s, x| s * x, 1, i64::wrapping_mul),
        Aggregate::Avg => Ok(average(items)),
        Aggregate::Min => Ok(extreme(items, ty, true)),
        Aggregate::Max => Ok(extreme(items, ty, false)),
        Aggregate::All => Ok(K::bools(items.fold(1, |s, x| *s &= u8::from(x.float() != 0.0)))),
        Aggregate::Any => Ok(K::bools(items.fold(0, |s, x| *s |= u8::from(x.float() != 0.0)))),
        Aggregate::First | Aggregate::Last | Aggregate::Count => Err(type_error()),
    }
}

/// Sums or products; nulls are left out.
fn total<T: Item>(
    items: &impl Grouped<T>,
    ty: Type,
    start: f64,
    float: impl Fn(f64, f64) -> f64,
    start_int: i64,
    int: impl Fn(i64, i64) -> i64,
) -> Result {
    let to = sum_type(ty).ok_or_else(type_error)?;
    if ty.is_floating() {
        let out = items.fold(start, |s, x| {
            let x = x.float();
            if !x.is_nan() {
                *s = float(*s, x);
            }
        });
        return Ok(from_floats(to, Column::Vec(out.into())));
    }
    let out = items.fold(start_int, |s, x| {
        let x = x.int();
        if !is_null(x) {
            *s = int(*s, x);
        }
    });
    Ok(from_ints(to, Column::Vec(out.into())))
}

fn average<T: Item>(items: &impl Grouped<T>) -> K {
    let out = items.fold((0.0, 0.0), |(sum, n), x| {
        let x = x.float();
        if !x.is_nan() {
            *sum += x;
            *n += 1.0;
        }
    });
    K::floats(out.into_iter().map(|(sum, n)| sum / n).collect())
}

/// Least and greatest items; nulls are left out, and of nothing it is the infinity.
fn extreme<T: Item>(items: &impl Grouped<T>, ty: Type, least: bool) -> K {
    if ty.is_floating() {
        let better = |s: f64, x: f64| if least { s.min(x) } else { s.max(x) };
        let start = if least { f64::INFINITY } else { f64::NEG_INFINITY };
        // A null is neither less nor greater.
        let out = items.fold(start, |s, x| *s = better(*s, x.float()));
        return from_floats(ty, Column::Vec(out.into()));
    }
    let limit = match ty.null() {
        Scalar::U8(_) if ty == Type::Bool => 1,
        Scalar::U8(_) => 255,
        Scalar::I16(_) => i64::from(i16::MAX),
        Scalar::I32(_) => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    let lowest = if matches!(ty.null(), Scalar::U8(_)) { 0 } else { -limit };
    let out = if least {
        items.fold(limit, |s, x| {
            let x = x.int();
            *s = if is_null(x) { *s } else { x.min(*s) };
        })
    } else {
        // The null is less than all.
        items.fold(lowest, |s, x| *s = x.int().max(*s))
    };
    from_ints(ty, Column::Vec(out.into()))
}
