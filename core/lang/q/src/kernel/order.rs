//! The order of values, and sorting.

use super::compare::strict_order;
use super::group::{Groups, numbered};
use super::radix;
use crate::error::{Result, type_error};
use formats::k::{Data, K, Scalar, Sym, Table, Vector};
use std::cmp::Ordering;

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
    fn by<T: Copy + Default>(v: &[T], places: &mut [i64], key: impl Fn(T) -> u64) {
        let at = |i: &i64| usize::try_from(*i).ok().and_then(|i| v.get(i)).copied();
        let keys: Vec<u64> = places.iter().map(|i| key(at(i).unwrap_or_default())).collect();
        radix::sort(&keys, places);
    }
    let K::Vec(Vector { data, .. }) = k else { return Err(type_error()) };
    let item = |i: &i64| usize::try_from(*i).unwrap_or(usize::MAX);
    match data {
        Data::U8(v) => by(v, places, u64::from),
        Data::I16(v) => by(v, places, |x| u64::from(x.cast_unsigned() ^ (1 << 15))),
        Data::I32(v) => by(v, places, |x| u64::from(x.cast_unsigned() ^ (1 << 31))),
        Data::I64(v) => by(v, places, |x| x.cast_unsigned() ^ (1 << 63)),
        Data::F32(v) => by(v, places, |x| float_order(f64::from(x))),
        Data::F64(v) => by(v, places, float_order),
        Data::Guid(v) => places.sort_by_key(|i| v.get(item(i))),
        Data::Sym(v) => by(&ranks(v), places, u64::from),
        Data::List(v) => places.sort_by(|a, b| match (v.get(item(a)), v.get(item(b))) {
            (Some(x), Some(y)) => values(x, y),
            _ => Ordering::Equal,
        }),
    }
    Ok(())
}

/// Numbers in the order of floats: the null first, and both zeros alike.
fn float_order(x: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    match (x + 0.0).to_bits() {
        _ if x.is_nan() => 0,
        bits if bits & SIGN == 0 => bits | SIGN,
        bits => !bits,
    }
}

/// For each symbol its place in the order of the texts, so that texts are compared once.
pub(crate) fn ranks(symbols: &[Sym]) -> Vec<u32> {
    let Groups { ids, firsts } = numbered(symbols);
    let symbol =
        |first: &i64| usize::try_from(*first).ok().and_then(|first| symbols.get(first)).copied();
    let mut distinct: Vec<(Sym, u32)> =
        firsts.iter().map(|first| symbol(first).unwrap_or_default()).zip(0..).collect();
    distinct.sort_unstable_by(|(a, _), (b, _)| a.order(*b));
    let mut rank = vec![0; distinct.len()];
    for ((_, id), place) in distinct.into_iter().zip(0..) {
        if let Some(slot) = rank.get_mut(id as usize) {
            *slot = place;
        }
    }
    ids.iter().map(|id| rank.get(*id as usize).copied().unwrap_or(0)).collect()
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
