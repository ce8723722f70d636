//! Aggregates of whole vectors, and of the groups of a vector in one pass.

use super::group::Groups;
use crate::convert::numeric::{Column, NULL, floats, from_ints, ints};
use crate::error::{Result, type_error};
use formats::k::{Data, K, Scalar, Type, Vector};

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

/// The groups of a whole vector: one.
fn one_group(count: usize) -> Groups {
    Groups { ids: vec![0; count], firsts: vec![0] }
}

/// The aggregate of a vector.
pub(crate) fn whole(op: Aggregate, k: &K) -> Result {
    match (op, k) {
        (Aggregate::Count, _) => Ok(K::long(k.len() as i64)),
        (Aggregate::First, _) => Ok(k.at(0)),
        (Aggregate::Last, _) => Ok(k.at(k.len().checked_sub(1).unwrap_or(usize::MAX))),
        (Aggregate::Sum, K::Vec(Vector { ty, data: Data::I64(v), .. })) => {
            let sum = v.iter().fold(0i64, |s, x| if *x == NULL { s } else { s.wrapping_add(*x) });
            Ok(K::Atom(*ty, Scalar::I64(sum)))
        }
        (Aggregate::Sum, K::Vec(Vector { ty: Type::Float, data: Data::F64(v), .. })) => {
            Ok(K::float(v.iter().fold(0.0, |s, x| if x.is_nan() { s } else { s + x })))
        }
        _ => Ok(grouped(op, k, &one_group(k.len()))?.at(0)),
    }
}

/// The aggregate of each group of a vector, by number of the group.
///
/// # Errors
/// `type` for items that cannot be aggregated so.
pub(crate) fn grouped(op: Aggregate, k: &K, groups: &Groups) -> Result {
    let count = groups.firsts.len();
    match op {
        Aggregate::First => return Ok(k.gather(&groups.firsts)),
        Aggregate::Last => {
            let mut last = vec![0i64; count];
            for (row, id) in (0..).zip(&groups.ids) {
                if let Some(slot) = last.get_mut(*id as usize) {
                    *slot = row;
                }
            }
            return Ok(k.gather(&last));
        }
        Aggregate::Count => {
            let mut counts = vec![0i64; count];
            for id in &groups.ids {
                if let Some(slot) = counts.get_mut(*id as usize) {
                    *slot += 1;
                }
            }
            return Ok(K::longs(counts));
        }
        _ => {}
    }
    let ty = k.ty().filter(|t| *t != Type::List).ok_or_else(type_error)?;
    match op {
        Aggregate::Sum | Aggregate::Prd => total(op, k, ty, groups),
        Aggregate::Avg => average(k, groups),
        Aggregate::Min | Aggregate::Max => extreme(op, k, ty, groups),
        Aggregate::All | Aggregate::Any => {
            let all = op == Aggregate::All;
            let out = fold_floats(k, groups, f64::from(u8::from(all)), |s, x| {
                let x = x != 0.0;
                f64::from(u8::from(if all { s != 0.0 && x } else { s != 0.0 || x }))
            })?;
            Ok(K::bools(out.into_iter().map(|x| u8::from(x != 0.0)).collect()))
        }
        Aggregate::First | Aggregate::Last | Aggregate::Count => Err(type_error()),
    }
}

fn fold_ints(k: &K, groups: &Groups, start: i64, f: impl Fn(i64, i64) -> i64) -> Result<Vec<i64>> {
    let Some(Column::Vec(items)) = ints(k) else { return Err(type_error()) };
    let mut out = vec![start; groups.firsts.len()];
    for (x, id) in items.iter().zip(&groups.ids) {
        if let Some(slot) = out.get_mut(*id as usize) {
            *slot = f(*slot, *x);
        }
    }
    Ok(out)
}

fn fold_floats(
    k: &K,
    groups: &Groups,
    start: f64,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Vec<f64>> {
    let Some(Column::Vec(items)) = floats(k) else { return Err(type_error()) };
    let mut out = vec![start; groups.firsts.len()];
    for (x, id) in items.iter().zip(&groups.ids) {
        if let Some(slot) = out.get_mut(*id as usize) {
            *slot = f(*slot, *x);
        }
    }
    Ok(out)
}

/// Sums or products; nulls are left out.
fn total(op: Aggregate, k: &K, ty: Type, groups: &Groups) -> Result {
    let to = sum_type(ty).ok_or_else(type_error)?;
    if ty.is_floating() {
        let start = if op == Aggregate::Sum { 0.0 } else { 1.0 };
        let add = op == Aggregate::Sum;
        let out = fold_floats(k, groups, start, |s, x| {
            if x.is_nan() {
                s
            } else if add {
                s + x
            } else {
                s * x
            }
        })?;
        return Ok(crate::convert::numeric::from_floats(to, Column::Vec(out.into())));
    }
    let start = i64::from(op == Aggregate::Prd);
    let add = op == Aggregate::Sum;
    let out = fold_ints(k, groups, start, |s, x| match x {
        NULL => s,
        x if add => s.wrapping_add(x),
        x => s.wrapping_mul(x),
    })?;
    Ok(from_ints(to, Column::Vec(out.into())))
}

fn average(k: &K, groups: &Groups) -> Result {
    let sums = fold_floats(k, groups, 0.0, |s, x| if x.is_nan() { s } else { s + x })?;
    let counts = fold_floats(k, groups, 0.0, |n, x| if x.is_nan() { n } else { n + 1.0 })?;
    Ok(K::floats(sums.iter().zip(&counts).map(|(s, n)| s / n).collect()))
}

/// Least and greatest items; nulls are left out, and of nothing it is the infinity.
fn extreme(op: Aggregate, k: &K, ty: Type, groups: &Groups) -> Result {
    let least = op == Aggregate::Min;
    if matches!(ty, Type::Guid | Type::Symbol) {
        return Err(type_error());
    }
    if ty.is_floating() {
        let start = if least { f64::INFINITY } else { f64::NEG_INFINITY };
        let out = fold_floats(k, groups, start, |s, x| match least {
            _ if x.is_nan() => s,
            true => s.min(x),
            false => s.max(x),
        })?;
        return Ok(crate::convert::numeric::from_floats(ty, Column::Vec(out.into())));
    }
    let limit = match ty.null() {
        Scalar::U8(_) if ty == Type::Bool => 1,
        Scalar::U8(_) => 255,
        Scalar::I16(_) => i64::from(i16::MAX),
        Scalar::I32(_) => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    let lowest = if matches!(ty.null(), Scalar::U8(_)) { 0 } else { -limit };
    let start = if least { limit } else { lowest };
    let out = fold_ints(k, groups, start, |s, x| match least {
        _ if x == NULL => s,
        true => s.min(x),
        false => s.max(x),
    })?;
    Ok(from_ints(ty, Column::Vec(out.into())))
}
