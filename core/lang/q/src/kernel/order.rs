//! The order of values, and sorting.

use super::compare::strict_order;
use super::group::{Groups, dense_max, numbered};
use super::hash::NONE;
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
            formats::budget::step(1);
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
            sort(k, &mut places, false)?;
            Ok(places)
        }
    }
}

/// The places of a list's items in descending order, equal ones as they come.
///
/// # Errors
/// `type` for what is no list.
pub(crate) fn descending(k: &K) -> Result<Vec<i64>> {
    let mut places: Vec<i64> = (0..i64::try_from(k.len()).unwrap_or(0)).collect();
    match k {
        K::Table(t) => t.columns.iter().rev().try_for_each(|c| sort(c, &mut places, true))?,
        _ => sort(k, &mut places, true)?,
    }
    Ok(places)
}

/// Sorts places by the items there, downwards if so asked; the sort is stable.
///
/// # Errors
/// `type` for what is no list.
pub(crate) fn sort(k: &K, places: &mut [i64], down: bool) -> Result<()> {
    let K::Vec(v) = k else { return Err(type_error()) };
    let item = |i: &i64| usize::try_from(*i).unwrap_or(usize::MAX);
    let turned = |order: Ordering| if down { order.reverse() } else { order };
    if let Some(mut words) = ordered(v) {
        if down {
            words.iter_mut().for_each(|word| *word = !*word);
        }
        let own = (0i64..).zip(places.iter()).all(|(at, place)| at == *place);
        if own && places.len() == words.len() {
            radix::sort(&words, places);
        } else {
            let key = |i: &i64| words.get(item(i)).copied().unwrap_or_default();
            let keys: Vec<u64> = places.iter().map(key).collect();
            radix::sort(&keys, places);
        }
        return Ok(());
    }
    match &v.data {
        Data::Guid(v) => places.sort_by(|a, b| turned(v.get(item(a)).cmp(&v.get(item(b))))),
        Data::List(v) => places.sort_by(|a, b| match (v.get(item(a)), v.get(item(b))) {
            (Some(x), Some(y)) => turned(values(x, y)),
            _ => Ordering::Equal,
        }),
        _ => {}
    }
    Ok(())
}

/// Words in the order of a vector's items; `None` for guids and lists. Those of two vectors may be
/// compared unless they are of symbols.
pub(crate) fn ordered(v: &Vector) -> Option<Vec<u64>> {
    fn all<T: Copy>(v: &[T], word: impl Fn(T) -> u64) -> Vec<u64> {
        v.iter().map(|x| word(*x)).collect()
    }
    Some(match &v.data {
        Data::U8(v) => all(v, u64::from),
        Data::I16(v) => all(v, |x| u64::from(x.cast_unsigned() ^ (1 << 15))),
        Data::I32(v) => all(v, |x| u64::from(x.cast_unsigned() ^ (1 << 31))),
        Data::I64(v) => all(v, |x| x.cast_unsigned() ^ (1 << 63)),
        Data::F32(v) => all(v, |x| float_order(f64::from(x))),
        Data::F64(v) => all(v, float_order),
        Data::Sym(v) => all(&ranks(v), u64::from),
        Data::Guid(_) | Data::List(_) => return None,
    })
}

/// The items of a vector in ascending or descending order, where words tell them; `None` where
/// places must be sorted.
pub(crate) fn sorted(v: &Vector, down: bool) -> Option<K> {
    let mut words = match &v.data {
        Data::U8(_) | Data::I16(_) | Data::I32(_) | Data::I64(_) => ordered(v)?,
        // Both zeros have one word.
        Data::F64(items) if !items.iter().any(|x| x.to_bits() == SIGN) => ordered(v)?,
        _ => return None,
    };
    let turn = if down { u64::MAX } else { 0 };
    if down {
        words.iter_mut().for_each(|word| *word = !*word);
    }
    // Words of the same size are written over with the items.
    let words = radix::sort_words(words).into_iter().map(|word| word ^ turn);
    let float = |word: u64| match word {
        0 => f64::NAN,
        word if word & SIGN == 0 => f64::from_bits(!word),
        word => f64::from_bits(word ^ SIGN),
    };
    let data: Data = match &v.data {
        Data::U8(_) => words.map(|word| word as u8).collect::<Vec<_>>().into(),
        Data::I16(_) => {
            words.map(|word| (word as u16 ^ (1 << 15)).cast_signed()).collect::<Vec<_>>().into()
        }
        Data::I32(_) => {
            words.map(|word| (word as u32 ^ (1 << 31)).cast_signed()).collect::<Vec<_>>().into()
        }
        Data::I64(_) => words.map(|word| (word ^ SIGN).cast_signed()).collect::<Vec<_>>().into(),
        _ => words.map(float).collect::<Vec<_>>().into(),
    };
    Some(K::vec(v.ty, data))
}

/// The sign bit of integers and floats.
const SIGN: u64 = 1 << 63;

/// Numbers in the order of floats: the null first, and both zeros alike.
fn float_order(x: f64) -> u64 {
    match (x + 0.0).to_bits() {
        _ if x.is_nan() => 0,
        bits if bits & SIGN == 0 => bits | SIGN,
        bits => !bits,
    }
}

/// For each symbol its place in the order of the texts, so that texts are compared once.
pub(crate) fn ranks(symbols: &[Sym]) -> Vec<u32> {
    ranked(symbols).ids
}

/// The groups of equal symbols in the order of the texts.
pub(crate) fn ranked(symbols: &[Sym]) -> Groups {
    let numbers = || symbols.iter().map(|symbol| symbol.id());
    let ends = numbers().fold((u32::MAX, 0), |(low, high), id| (low.min(id), high.max(id)));
    let (low, high) = (ends.0.min(ends.1), ends.1);
    let symbol = |row: i64| usize::try_from(row).ok().and_then(|row| symbols.get(row)).copied();
    let text = |row: i64| symbol(row).unwrap_or_default();
    if u64::from(high - low) >= dense_max(symbols.len()) {
        let found = numbered(symbols);
        let mut order: Vec<(Sym, i64)> =
            found.firsts.iter().map(|row| text(*row)).zip(0..).collect();
        order.sort_unstable_by(|(a, _), (b, _)| a.order(*b));
        let order: Vec<i64> = order.into_iter().map(|(_, group)| group).collect();
        return found.reordered(&order);
    }
    let mut table = vec![NONE; (high - low) as usize + 1];
    // From the last one on, so that the first is what stays.
    for (row, symbol) in symbols.iter().enumerate().rev() {
        if let Some(slot) = table.get_mut((symbol.id() - low) as usize) {
            *slot = row as u32;
        }
    }
    let mut firsts: Vec<i64> =
        table.iter().filter(|row| **row != NONE).map(|row| i64::from(*row)).collect();
    // Most texts differ in their first bytes.
    firsts.sort_by_cached_key(|row| first_bytes(text(*row)));
    for alike in firsts.chunk_by_mut(|a, b| first_bytes(text(*a)) == first_bytes(text(*b))) {
        alike.sort_unstable_by(|a, b| text(*a).order(text(*b)));
    }
    for (rank, first) in (0..).zip(&firsts) {
        if let Some(slot) = table.get_mut((text(*first).id() - low) as usize) {
            *slot = rank;
        }
    }
    let rank = |id: u32| table.get((id - low) as usize).copied().unwrap_or(0);
    Groups { ids: numbers().map(rank).collect(), firsts }
}

/// The first eight bytes of a text as a number that is in their order; zeros after a shorter one.
fn first_bytes(symbol: Sym) -> u64 {
    let text = symbol.as_bytes();
    if let Some(first) = text.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    text.iter().rev().fold(0, |bytes, byte| bytes >> 8 | u64::from(*byte) << 56)
}

/// Places of rows in ascending order of the columns, the first one counting most.
fn rows(table: &Table, mut places: Vec<i64>) -> Vec<i64> {
    for column in table.columns.iter().rev() {
        // Columns of a table are lists.
        if sort(column, &mut places, false).is_err() {
            break;
        }
    }
    places
}

/// Whether the items of a list ascend.
pub(crate) fn is_ascending(k: &K) -> bool {
    let words = match k {
        K::Vec(Vector { data: Data::I64(v), .. }) => return v.is_sorted(),
        K::Vec(Vector { data: Data::I32(v), .. }) => return v.is_sorted(),
        K::Vec(v) => ordered(v),
        _ => None,
    };
    match words {
        Some(words) => words.is_sorted(),
        None => (1..k.len()).all(|i| values(&k.at(i - 1), &k.at(i)).is_le()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_as_their_places(seeds in prop::collection::vec(any::<i16>(), 0..300)) {
            for ty in crate::kernel::tests::TYPES {
                let atoms = seeds.iter().map(|seed| crate::kernel::tests::atom(ty, *seed));
                let K::Vec(v) = K::collapse(atoms.chain([K::null(ty)]).collect()) else { continue };
                let list = K::Vec(v.clone());
                let Some(up) = sorted(&v, false) else { continue };
                prop_assert_eq!(up, list.gather(&ascending(&list).unwrap()));
                prop_assert_eq!(sorted(&v, true), Some(list.gather(&descending(&list).unwrap())));
            }
        }

        #[test]
        fn symbols_are_ranked_as_their_texts(seeds in prop::collection::vec(0u32..90, 0..60)) {
            let symbol = |n: &u32| match n % 3 {
                0 => Sym::new(&format!("ranked-{n}")),
                _ => Sym::new(&format!("r{n}")),
            };
            let symbols: Vec<Sym> = seeds.iter().map(symbol).collect();
            let mut texts: Vec<&str> = symbols.iter().map(|s| s.as_str()).collect();
            texts.sort_unstable();
            texts.dedup();
            let found = ranked(&symbols);
            for (symbol, id) in symbols.iter().zip(&found.ids) {
                prop_assert_eq!(texts[*id as usize], symbol.as_str());
            }
            for (first, text) in found.firsts.iter().zip(&texts) {
                let want = symbols.iter().position(|s| s.as_str() == *text);
                prop_assert_eq!(Some(*first as usize), want);
            }
            prop_assert_eq!(found.firsts.len(), texts.len());
        }
    }
}
