//! Places in what ascends: `bin`.

use super::asof::as_of;
use super::compare::strict_order;
use super::find::{depth, missing};
use super::order;
use crate::error::{Result, type_error};
use formats::k::{Data, K, Table, Type};
use std::cmp::Ordering;

/// The place of the last item not after `what` in an ascending list; -1 before the first.
/// With `right` the place of the first item not before it.
pub(crate) fn bin(list: &K, what: &K, right: bool) -> Result {
    if let K::Dict(d) = list {
        let places = bin(&d.values, what, right)?;
        return crate::eval::at(&d.keys, &places);
    }
    if let (K::Table(t), false) = (list, right) {
        return rows(t, what);
    }
    if let (K::Vec(v), K::Vec(w)) = (list, what)
        && v.ty != Type::List
        && w.ty != Type::List
    {
        if v.ty == w.ty || w.data.is_empty() {
            return Ok(K::longs(places(&v.data, &w.data, right)));
        }
        return bin(list, &crate::convert::cast::cast(v.ty, what)?, right);
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

/// The places of rows in a table: of those whose last column is not after the row's, the others
/// being equal, the last; null where there is none.
fn rows(t: &Table, what: &K) -> Result {
    let found = |columns: &[K]| -> Result<Vec<i64>> {
        let (Some((left_last, left)), Some((right_last, right))) =
            (columns.split_last(), t.columns.split_last())
        else {
            return Err(type_error());
        };
        let places = as_of((left, left_last), (right, right_last))?;
        Ok(places.into_iter().map(|place| if place < 0 { i64::MIN } else { place }).collect())
    };
    match what {
        K::Dict(d) if d.keys.as_syms() == Some(&t.names) => {
            let row: Vec<K> = d.values.items().map(|item| K::collapse(vec![item])).collect();
            Ok(K::longs(found(&row)?).at(0))
        }
        K::Table(other) if other.names == t.names => Ok(K::longs(found(&other.columns)?)),
        _ => Err(type_error()),
    }
}

/// The places of the items of a vector in another of its type.
fn places(list: &Data, what: &Data, right: bool) -> Vec<i64> {
    fn by<T: Copy>(v: &[T], w: &[T], right: bool, order: impl Fn(&T, &T) -> Ordering) -> Vec<i64> {
        let at = |at: usize, x: &T| v.get(at).map_or(Ordering::Greater, |y| order(y, x));
        w.iter().map(|x| halved(v.len(), right, |middle| at(middle, x))).collect()
    }
    match (list, what) {
        (Data::U8(v), Data::U8(w)) => by(v, w, right, u8::cmp),
        (Data::I16(v), Data::I16(w)) => by(v, w, right, i16::cmp),
        (Data::I32(v), Data::I32(w)) => by(v, w, right, i32::cmp),
        (Data::I64(v), Data::I64(w)) => by(v, w, right, i64::cmp),
        (Data::F32(v), Data::F32(w)) => {
            by(v, w, right, |x, y| strict_order(f64::from(*x), f64::from(*y)))
        }
        (Data::F64(v), Data::F64(w)) => by(v, w, right, |x, y| strict_order(*x, *y)),
        (Data::Sym(v), Data::Sym(w)) => by(v, w, right, |x, y| x.order(*y)),
        (Data::Guid(v), Data::Guid(w)) => by(v, w, right, Ord::cmp),
        _ => Vec::new(),
    }
}

/// The place of an item.
fn place_of(list: &K, what: &K, right: bool) -> i64 {
    halved(list.len(), right, |middle| order::values(&list.at(middle), what))
}

/// A place by halving, from how the item at a place is to what is sought.
fn halved(len: usize, right: bool, order: impl Fn(usize) -> Ordering) -> i64 {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        let order = order(middle);
        if if right { order.is_lt() } else { order.is_le() } {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    missing(low) - i64::from(!right)
}
