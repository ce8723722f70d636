//! Finding items in lists: `?`, `in`, keys of dictionaries, `bin`.

use super::group::{WordMap, float_key};
use super::order;
use crate::convert::numeric::{Column, ints};
use crate::error::{Result, type_error};
use formats::k::{Data, K, Scalar, Type, Vector};

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

fn missing(count: usize) -> i64 {
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
    fn by<T: Copy, Q: std::hash::Hash + Eq>(v: &[T], w: &[T], key: impl Fn(T) -> Q) -> Vec<i64> {
        let none = missing(v.len());
        if v.len() < HASHED_MIN || w.len() < 4 {
            let at = |x: &T| v.iter().position(|y| key(*y) == key(*x)).map_or(none, missing);
            return w.iter().map(at).collect();
        }
        let mut known: WordMap<Q, i64> = WordMap::default();
        for (at, x) in (0..).zip(v) {
            known.entry(key(*x)).or_insert(at);
        }
        w.iter().map(|x| known.get(&key(*x)).copied().unwrap_or(none)).collect()
    }
    match (list, what) {
        (Data::U8(v), Data::U8(w)) => by(v, w, u64::from),
        (Data::I16(v), Data::I16(w)) => by(v, w, |x| x as u64),
        (Data::I32(v), Data::I32(w)) => by(v, w, |x| x as u64),
        (Data::I64(v), Data::I64(w)) => by(v, w, |x| x as u64),
        (Data::F32(v), Data::F32(w)) => by(v, w, |x| float_key(f64::from(x))),
        (Data::F64(v), Data::F64(w)) => by(v, w, float_key),
        (Data::Sym(v), Data::Sym(w)) => by(v, w, |x| u64::from(x.id())),
        (Data::Guid(v), Data::Guid(w)) => by(v, w, |x| x),
        (list, what) => vec![missing(list.len()); what.len()],
    }
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
fn depth(k: &K) -> usize {
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
    // Numbers both tables' rows together: equal rows have equal numbers.
    let rows = table.rows();
    let mut joined = Vec::with_capacity(columns.len());
    for (a, b) in table.columns.iter().zip(columns) {
        joined.push(match (a, b) {
            (K::Vec(v), K::Vec(w)) if v.ty == w.ty => {
                let mut data = v.data.clone();
                let _same = data.append(&w.data);
                K::vec(v.ty, data)
            }
            _ => K::list(a.items().chain(b.items()).collect()),
        });
    }
    let all = K::table(table.names.to_vec(), joined)?;
    let groups = super::group::groups(&all)?;
    let none = missing(rows);
    let first = |id: &u32| groups.firsts.get(*id as usize).copied().filter(|f| *f < none);
    let ids = groups.ids.get(rows..rows + count).unwrap_or_default();
    Ok(K::longs(ids.iter().map(|id| first(id).unwrap_or(none)).collect()))
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

/// The place of the last item not after `what` in an ascending list; -1 before the first.
/// With `right` the place of the first item not before it.
pub(crate) fn bin(list: &K, what: &K, right: bool) -> Result {
    if let K::Dict(d) = list {
        let places = bin(&d.values, what, right)?;
        return crate::eval::at(&d.keys, &places);
    }
    let whole = list.ty() == Some(Type::List)
        && depth(what) <= list.as_list().and_then(<[K]>::first).map_or(0, depth);
    match what {
        K::Vec(_) if whole => Ok(K::long(place_of(list, what, right))),
        K::Vec(_) => {
            let items = what.items().map(|w| bin(list, &w, right)).collect::<Result<Vec<_>>>()?;
            Ok(if items.is_empty() { K::longs(Vec::new()) } else { K::collapse(items) })
        }
        K::Atom(ty, _) => {
            let K::Vec(v) = list else { return Err(type_error()) };
            let what = if v.ty == *ty || v.ty == Type::List {
                what.clone()
            } else {
                crate::convert::cast::cast(v.ty, what)?
            };
            Ok(K::long(place_of(list, &what, right)))
        }
        _ => Err(type_error()),
    }
}

/// The place by halving.
fn place_of(list: &K, what: &K, right: bool) -> i64 {
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let order = order::values(&list.at(middle), what);
        if if right { order.is_lt() } else { order.is_le() } {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    missing(low) - i64::from(!right)
}
