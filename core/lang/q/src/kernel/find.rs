//! Finding items in lists: `?`, `in`, keys of dictionaries, `bin`.

use super::group::{WordMap, dense_max};
use super::hash::{NONE, RowTable, WordTable, flat, float_key, row, row_hash};
use super::member;
use super::words::packed;
use crate::convert::numeric::{Column, ints};
use crate::error::{Result, type_error};
use formats::k::{Data, Guid, K, Scalar, Type, Vector};

/// Lists longer than this are searched through a hash table when several items are sought.
const HASHED_MIN: usize = 16;

/// The places of `what` in a list, table or dictionary's keys; the length where it is not.
/// An atom, or an item of a general list, gives an atom; lists give lists.
///
/// # Errors
/// `type` when such items cannot be in such a list.
pub(crate) fn find(list: &K, what: &K) -> Result {
    match list {
        K::Vec(v) if v.ty == Type::List => Ok(in_general(list, what)),
        K::Vec(v) => match what {
            K::Atom(ty, scalar) => {
                if *ty != v.ty {
                    return mixed(v, what);
                }
                Ok(K::long(place(&v.data, *scalar)))
            }
            K::Vec(w) if w.ty == v.ty => Ok(K::longs(places(&v.data, &w.data))),
            K::Vec(Vector { data: Data::List(items), .. }) => {
                Ok(K::collapse(items.iter().map(|i| find(list, i)).collect::<Result<Vec<_>>>()?))
            }
            K::Vec(_) => mixed(v, what),
            K::Dict(d) => Ok(K::dict(d.keys.clone(), find(list, &d.values)?)),
            K::Table(_) | K::Func(_) | K::Null => Err(type_error()),
        },
        K::Table(t) => in_table(t, what),
        _ => Err(type_error()),
    }
}

pub(super) fn missing(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Numbers of another type are sought by their value.
fn mixed(v: &Vector, what: &K) -> Result {
    let from = what.ty().ok_or_else(type_error)?;
    let plain = |t: Type| matches!(t as u8, 1 | 4..=9);
    if !(plain(v.ty) && plain(from)) {
        return Err(type_error());
    }
    let cast = crate::convert::cast::cast(v.ty, what)?;
    let list = K::Vec(v.clone());
    let found = find(&list, &cast)?;
    // Only what the cast kept is found.
    let kept = super::compare::compare(super::compare::Compare::Equal, &cast, what)?;
    let count = missing(list.len());
    Ok(match (found, kept) {
        (K::Atom(ty, s), K::Atom(_, Scalar::U8(k))) => {
            if k == 1 {
                K::Atom(ty, s)
            } else {
                K::long(count)
            }
        }
        (found, kept) => {
            let pairs = found.items().zip(kept.items());
            let at = |(f, k): (K, K)| {
                if k.as_long() == Some(1) { f.as_long().unwrap_or(count) } else { count }
            };
            K::longs(pairs.map(at).collect())
        }
    })
}

fn place(data: &Data, scalar: Scalar) -> i64 {
    let found = match (data, scalar) {
        (Data::U8(v), Scalar::U8(x)) => v.iter().position(|y| *y == x),
        (Data::I16(v), Scalar::I16(x)) => v.iter().position(|y| *y == x),
        (Data::I32(v), Scalar::I32(x)) => v.iter().position(|y| *y == x),
        (Data::I64(v), Scalar::I64(x)) => v.iter().position(|y| *y == x),
        (Data::F32(v), Scalar::F32(x)) => {
            v.iter().position(|y| float_key(f64::from(*y)) == float_key(f64::from(x)))
        }
        (Data::F64(v), Scalar::F64(x)) => v.iter().position(|y| float_key(*y) == float_key(x)),
        (Data::Sym(v), Scalar::Sym(x)) => v.iter().position(|y| *y == x),
        (Data::Guid(v), Scalar::Guid(x)) => v.iter().position(|y| *y == x),
        _ => None,
    };
    missing(found.unwrap_or(data.len()))
}

/// Places of the items of one vector in another of the same layout.
fn places(list: &Data, what: &Data) -> Vec<i64> {
    fn whole<T: Copy + Into<i64> + PartialEq>(v: &[T], w: &[T]) -> Vec<i64> {
        near(v, w, |x: T| x.into().cast_unsigned() ^ (1 << 63))
    }
    match (list, what) {
        (Data::U8(v), Data::U8(w)) => whole(v, w),
        (Data::I16(v), Data::I16(w)) => whole(v, w),
        (Data::I32(v), Data::I32(w)) => whole(v, w),
        (Data::I64(v), Data::I64(w)) => whole(v, w),
        (Data::Sym(v), Data::Sym(w)) => near(v, w, |x| u64::from(x.id())),
        (Data::F32(v), Data::F32(w)) => hashed(v, w, |x| float_key(f64::from(x))),
        (Data::F64(v), Data::F64(w)) => hashed(v, w, float_key),
        (Data::Guid(v), Data::Guid(w)) => guids(v, w),
        (list, what) => vec![missing(list.len()); what.len()],
    }
}

/// The place of a row of `v`; that of [`NONE`] is behind the last.
fn place_in<T>(v: &[T], row: u32) -> i64 {
    if row == NONE { missing(v.len()) } else { i64::from(row) }
}

/// Places of items that have words, by a table of all words between the least and the greatest
/// where those are not far apart.
fn near<T: Copy + PartialEq>(v: &[T], w: &[T], word: impl Fn(T) -> u64) -> Vec<i64> {
    if v.len() < HASHED_MIN || w.len() < 4 {
        let at = |x: &T| v.iter().position(|y| y == x).map_or(missing(v.len()), missing);
        return w.iter().map(at).collect();
    }
    let words = || v.iter().map(|x| word(*x));
    let (low, high) = words().fold((u64::MAX, 0), |(low, high), x| (low.min(x), high.max(x)));
    if high - low >= dense_max(v.len()) {
        return hashed(v, w, word);
    }
    let mut table = vec![NONE; (high - low) as usize + 1];
    for (row, word) in (0..).zip(words()) {
        if let Some(slot) = table.get_mut((word - low) as usize).filter(|slot| **slot == NONE) {
            *slot = row;
        }
    }
    let row = |x: &T| table.get(word(*x).wrapping_sub(low) as usize).copied().unwrap_or(NONE);
    w.iter().map(|x| place_in(v, row(x))).collect()
}

fn hashed<T: Copy>(v: &[T], w: &[T], word: impl Fn(T) -> u64) -> Vec<i64> {
    let mut known = WordTable::with_room(v.len());
    for (at, x) in (0..).zip(v) {
        known.get_or_insert(word(*x), at);
    }
    w.iter().map(|x| place_in(v, known.get(word(*x)))).collect()
}

fn guids(v: &[Guid], w: &[Guid]) -> Vec<i64> {
    let mut known: WordMap<Guid, i64> = WordMap::default();
    for (at, x) in (0..).zip(v) {
        known.entry(*x).or_insert(at);
    }
    w.iter().map(|x| known.get(x).copied().unwrap_or(missing(v.len()))).collect()
}

/// In a general list an item is sought whole; a general list of items gives a place each.
fn in_general(list: &K, what: &K) -> K {
    let items = list.as_list().unwrap_or_default();
    let one = |what: &K| {
        let at = items.iter().position(|i| super::compare::matches(i, what));
        missing(at.unwrap_or(items.len()))
    };
    // What is nested as deep as the first item is sought whole, what is deeper item by item.
    let wanted = items.first().map_or(0, depth);
    match what {
        K::Vec(v) if depth(what) > wanted => {
            K::collapse(v.iter().map(|w| in_general(list, &w)).collect())
        }
        _ if depth(what) < wanted => K::long(missing(items.len())),
        _ => K::long(one(what)),
    }
}

/// Levels of lists down to the first atom.
pub(super) fn depth(k: &K) -> usize {
    let mut levels = 0;
    let mut k = k;
    while let K::Vec(v) = k {
        levels += 1;
        match &v.data {
            Data::List(items) if !items.is_empty() => k = items.first().unwrap_or(&K::Null),
            _ => break,
        }
    }
    levels
}

/// Rows of a table: by dictionary, by a list of values, by another table, or by single values
/// when there is one column.
fn in_table(table: &formats::k::Table, what: &K) -> Result {
    let rows = table.rows();
    let row_of = |values: &K| -> Result<i64> {
        let at = |r: usize| {
            (0..table.columns.len()).all(|c| {
                let column = table.columns.get(c).map(|c| c.at(r)).unwrap_or_default();
                super::compare::matches(&column, &values.at(c))
            })
        };
        Ok(missing((0..rows).find(|r| at(*r)).unwrap_or(rows)))
    };
    match what {
        K::Dict(d) => {
            let values = K::list(
                table
                    .names
                    .iter()
                    .map(|n| crate::eval::at(&K::Dict(d.clone()), &K::sym(*n)))
                    .collect::<Result<_>>()?,
            );
            Ok(K::long(row_of(&values)?))
        }
        K::Table(w) => {
            let columns: Vec<K> = table
                .names
                .iter()
                .map(|n| w.column(*n).cloned().ok_or_else(type_error))
                .collect::<Result<_>>()?;
            rows_in(table, &columns, w.rows())
        }
        _ if table.columns.len() == 1 => {
            let column = table.columns.first().cloned().unwrap_or_default();
            find(&column, what)
        }
        K::Vec(v) if v.ty == Type::List && what.len() == table.columns.len() => {
            let whole = what
                .items()
                .zip(&table.columns)
                .all(|(w, c)| w.is_atom() || c.ty() == Some(Type::List));
            if whole {
                return Ok(K::long(row_of(what)?));
            }
            Ok(K::longs(what.items().map(|w| row_of(&w)).collect::<Result<_>>()?))
        }
        K::Vec(v) if v.ty == Type::List => {
            Ok(K::longs(what.items().map(|w| row_of(&w)).collect::<Result<_>>()?))
        }
        K::Vec(_) if what.len() == table.columns.len() => Ok(K::long(row_of(what)?)),
        _ => Err(crate::error::length_error()),
    }
}

/// Places of the rows of columns in a table.
fn rows_in(table: &formats::k::Table, columns: &[K], count: usize) -> Result {
    let rows = table.rows();
    if let ([K::Vec(v)], [K::Vec(w)]) = (table.columns.as_slice(), columns)
        && v.ty == w.ty
        && v.ty != Type::List
    {
        return Ok(K::longs(places(&v.data, &w.data)));
    }
    if let Some(words) = packed(&[&table.columns, columns]) {
        return Ok(K::longs(words.places(missing(rows))));
    }
    if let (Some(own), Some(other)) = (flat(table.columns.iter()), flat(columns.iter()))
        && own.iter().zip(other.iter()).all(|(v, w)| v.ty == w.ty)
    {
        return Ok(K::longs(hashed_rows(&own, rows, &other, count)));
    }
    // Numbers both tables' rows together: equal rows have equal numbers.
    let mut joined = Vec::with_capacity(columns.len());
    for (a, b) in table.columns.iter().zip(columns) {
        joined.push(K::list(a.items().chain(b.items()).collect()));
    }
    let all = K::table(table.names.to_vec(), joined)?;
    let groups = super::group::groups(&all)?;
    let none = missing(rows);
    let first = |id: &u32| groups.firsts.get(*id as usize).copied().filter(|f| *f < none);
    let ids = groups.ids.get(rows..rows + count).unwrap_or_default();
    Ok(K::longs(ids.iter().map(|id| first(id).unwrap_or(none)).collect()))
}

/// Places of the rows of vectors among those of others of the same types.
fn hashed_rows(own: &[&Vector], rows: usize, other: &[&Vector], count: usize) -> Vec<i64> {
    let mut known = RowTable::with_room(rows);
    for at in 0..rows {
        let hash = row_hash(row(own, at));
        if known.find(hash, |old| row(own, old).eq(row(own, at))).is_none() {
            known.insert(hash, at);
        }
    }
    let place = |at| {
        let found = known.find(row_hash(row(other, at)), |old| row(own, old).eq(row(other, at)));
        missing(found.unwrap_or(rows))
    };
    (0..count).map(place).collect()
}

/// `x in y`: whether each item of `x` is in the list.
///
/// # Errors
/// `type` when such items cannot be in such a list.
pub(crate) fn is_in(what: &K, list: &K) -> Result {
    let list = match list {
        K::Atom(..) => list.clone().enlist(),
        K::Dict(d) => d.values.clone(),
        _ => list.clone(),
    };
    if let (K::Vec(v), K::Vec(w)) = (&list, what)
        && v.ty == w.ty
        && let Some(flags) = member::flags(&v.data, &w.data)
    {
        return Ok(K::bools(flags));
    }
    // Unlike a search, this asks only: what cannot be there is not there.
    let found = match find(&list, what) {
        Ok(found) => found,
        Err(_) if what.is_atom() => return Ok(K::bool(false)),
        Err(_) => return Ok(K::bools(vec![0; what.len()])),
    };
    let count = missing(list.len());
    let flags = |k: &K| -> Result {
        Ok(match ints(k).ok_or_else(type_error)? {
            Column::Atom(x) => K::bool(x < count),
            Column::Vec(v) => K::bools(v.iter().map(|x| u8::from(*x < count)).collect()),
        })
    };
    crate::convert::cast::over_lists(&found, &flags)
}
