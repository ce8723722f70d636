//! The order of values, and sorting.

use super::compare::strict_order;
use crate::error::{Result, type_error};
use formats::k::{Data, K, Scalar, Sym, Table, Vector};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Levels that an order looks into.
const DEPTH_MAX: usize = 200;

/// The order of any two values: by type, then by content; lists item by item.
pub(crate) fn values(a: &K, b: &K) -> Ordering {
    ordering(a, b, DEPTH_MAX)
}

fn ordering(a: &K, b: &K, depth: usize) -> Ordering {
    if depth == 0 {
        return Ordering::Equal;
    }
    match (a, b) {
        (K::Atom(s, x), K::Atom(t, y)) => s.cmp(t).then_with(|| scalars(*x, *y)),
        (K::Vec(_), K::Vec(_)) => {
            let mut pairs = a.items().zip(b.items());
            let first = pairs.find_map(|(x, y)| {
                let order = ordering(&x, &y, depth - 1);
                order.is_ne().then_some(order)
            });
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (K::Dict(d), K::Dict(e)) => ordering(&d.values, &e.values, depth - 1),
        _ => a.code().unsigned_abs().cmp(&b.code().unsigned_abs()),
    }
}

fn scalars(a: Scalar, b: Scalar) -> Ordering {
    match (a, b) {
        (Scalar::U8(x), Scalar::U8(y)) => x.cmp(&y),
        (Scalar::I16(x), Scalar::I16(y)) => x.cmp(&y),
        (Scalar::I32(x), Scalar::I32(y)) => x.cmp(&y),
        (Scalar::I64(x), Scalar::I64(y)) => x.cmp(&y),
        (Scalar::F32(x), Scalar::F32(y)) => strict_order(f64::from(x), f64::from(y)),
        (Scalar::F64(x), Scalar::F64(y)) => strict_order(x, y),
        (Scalar::Sym(x), Scalar::Sym(y)) => x.order(y),
        (Scalar::Guid(x), Scalar::Guid(y)) => x.cmp(&y),
        _ => Ordering::Equal,
    }
}

/// The places of a list's items in ascending order, equal ones as they come.
///
/// # Errors
/// `type` for what is no list.
pub(crate) fn ascending(k: &K) -> Result<Vec<i64>> {
    let mut places: Vec<i64> = (0..i64::try_from(k.len()).unwrap_or(0)).collect();
    match k {
        K::Table(t) => Ok(rows(t, places)),
        _ => {
            sort(k, &mut places)?;
            Ok(places)
        }
    }
}

/// Sorts places by the items there; the sort is stable.
pub(crate) fn sort(k: &K, places: &mut [i64]) -> Result<()> {
    fn by<T: Copy + Default>(v: &[T], places: &mut [i64], f: impl Fn(T, T) -> Ordering) {
        let at =
            |i: i64| usize::try_from(i).ok().and_then(|i| v.get(i)).copied().unwrap_or_default();
        places.sort_by(|a, b| f(at(*a), at(*b)));
    }
    let K::Vec(Vector { data, .. }) = k else { return Err(type_error()) };
    match data {
        Data::U8(v) => by(v, places, |x, y| x.cmp(&y)),
        Data::I16(v) => by(v, places, |x, y| x.cmp(&y)),
        Data::I32(v) => by(v, places, |x, y| x.cmp(&y)),
        Data::I64(v) => by(v, places, |x, y| x.cmp(&y)),
        Data::F32(v) => by(v, places, |x, y| strict_order(f64::from(x), f64::from(y))),
        Data::F64(v) => by(v, places, strict_order),
        Data::Guid(v) => by(v, places, |x, y| x.cmp(&y)),
        Data::Sym(v) => {
            let ranks = ranks(v);
            by(&ranks, places, |x, y| x.cmp(&y));
        }
        Data::List(v) => places.sort_by(|a, b| {
            let at = |i: i64| usize::try_from(i).ok().and_then(|i| v.get(i));
            match (at(*a), at(*b)) {
                (Some(x), Some(y)) => values(x, y),
                _ => Ordering::Equal,
            }
        }),
    }
    Ok(())
}

/// For each symbol its place in the order of the texts, so that texts are compared once.
pub(crate) fn ranks(symbols: &[Sym]) -> Vec<u32> {
    let mut distinct: Vec<Sym> = symbols.to_vec();
    distinct.sort_unstable_by_key(|s| s.id());
    distinct.dedup();
    distinct.sort_unstable_by(|a, b| a.order(*b));
    let place: HashMap<Sym, u32> = distinct.into_iter().zip(0..).collect();
    symbols.iter().map(|s| place.get(s).copied().unwrap_or(0)).collect()
}

/// Places of rows in ascending order of the columns, the first one counting most.
fn rows(table: &Table, mut places: Vec<i64>) -> Vec<i64> {
    for column in table.columns.iter().rev() {
        // Columns of a table are lists.
        if sort(column, &mut places).is_err() {
            break;
        }
    }
    places
}

/// Whether the items of a list ascend.
pub(crate) fn is_ascending(k: &K) -> bool {
    match k {
        K::Vec(Vector { data: Data::I64(v), .. }) => v.is_sorted(),
        K::Vec(Vector { data: Data::I32(v), .. }) => v.is_sorted(),
        K::Vec(Vector { data: Data::U8(v), .. }) => v.is_sorted(),
        _ => (1..k.len()).all(|i| values(&k.at(i - 1), &k.at(i)).is_le()),
    }
}
