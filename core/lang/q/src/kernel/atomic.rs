//! Implicit iteration: atomic verbs go down into lists, dictionaries and tables.

use crate::error::{Result, length_error, type_error};
use crate::session::Session;
use crate::verbs::join;
use formats::k::{K, Table, Type};

/// A kernel over atoms and vectors of one operand.
pub(crate) type Kernel1<'f> = &'f dyn Fn(&K) -> Result;
/// A kernel over atoms and vectors of two operands.
pub(crate) type Kernel2<'f> = &'f dyn Fn(&K, &K) -> Result;

/// Whether a kernel takes the value as it is.
fn simple(k: &K) -> bool {
    k.ty().is_some_and(|ty| ty != Type::List)
}

/// Applies a kernel to all atoms of a value.
pub(crate) fn monad(cx: &mut Session, k: &K, f: Kernel1<'_>) -> Result {
    match k {
        _ if simple(k) => {
            cx.charge(1 + k.len() / 8)?;
            f(k)
        }
        K::Vec(_) => {
            let items = k.as_list().unwrap_or_default();
            let items: Vec<K> =
                items.iter().map(|i| cx.deeper(|cx| monad(cx, i, f))).collect::<Result<_>>()?;
            Ok(K::collapse(items))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), monad(cx, &d.values, f)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| monad(cx, c, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        _ => Err(type_error()),
    }
}

/// Applies a kernel to the pairs of atoms of two values: lists by position, dictionaries by key,
/// an atom with everything.
pub(crate) fn dyad(cx: &mut Session, a: &K, b: &K, f: Kernel2<'_>) -> Result {
    if simple(a) && simple(b) {
        cx.charge(1 + a.len().max(b.len()) / 8)?;
        return f(a, b);
    }
    cx.deeper(|cx| match (a, b) {
        (K::Dict(_), K::Dict(_)) => dicts(cx, a, b, f),
        (K::Table(t), K::Table(u)) => tables(cx, t, u, f),
        // The empty list is a dictionary without keys, too.
        (K::Dict(_), K::Vec(v)) if v.ty == Type::List && b.is_empty() => Ok(a.clone()),
        (K::Vec(v), K::Dict(_)) if v.ty == Type::List && a.is_empty() => Ok(b.clone()),
        (K::Dict(d), _) => {
            if !b.is_atom() && !matches!(d.values, K::Table(_)) && b.len() != d.keys.len() {
                return Err(length_error());
            }
            Ok(K::dict(d.keys.clone(), dyad(cx, &d.values, b, f)?))
        }
        (_, K::Dict(d)) => {
            if !a.is_atom() && !matches!(d.values, K::Table(_)) && a.len() != d.keys.len() {
                return Err(length_error());
            }
            Ok(K::dict(d.keys.clone(), dyad(cx, a, &d.values, f)?))
        }
        (K::Table(t), _) => {
            let columns =
                t.columns.iter().map(|c| dyad(cx, c, b, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        (_, K::Table(u)) => {
            let columns =
                u.columns.iter().map(|c| dyad(cx, a, c, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(u.names.to_vec(), columns)?)
        }
        (K::Vec(_), K::Vec(_)) => {
            if a.len() != b.len() {
                return Err(length_error());
            }
            let pairs = a.items().zip(b.items());
            let items = pairs.map(|(x, y)| dyad(cx, &x, &y, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::collapse(items))
        }
        (K::Vec(_), K::Atom(..)) => {
            let items = a.items().map(|x| dyad(cx, &x, b, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::collapse(items))
        }
        (K::Atom(..), K::Vec(_)) => {
            let items = b.items().map(|y| dyad(cx, a, &y, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::collapse(items))
        }
        _ => Err(type_error()),
    })
}

/// Two tables: the columns of one name.
fn tables(cx: &mut Session, t: &Table, u: &Table, f: Kernel2<'_>) -> Result {
    if t.rows() != u.rows() {
        return Err(length_error());
    }
    let mut columns = Vec::with_capacity(t.columns.len());
    for (name, column) in t.iter() {
        let other = u.column(name).ok_or_else(type_error)?;
        columns.push(dyad(cx, column, other, f)?);
    }
    Ok(K::table(t.names.to_vec(), columns)?)
}

/// Two dictionaries: pairs where both have a key, the one value where one has.
fn dicts(cx: &mut Session, a: &K, b: &K, f: Kernel2<'_>) -> Result {
    let (K::Dict(d), K::Dict(e)) = (a, b) else { return Err(type_error()) };
    if crate::kernel::compare::matches(&d.keys, &e.keys) {
        return Ok(K::dict(d.keys.clone(), dyad(cx, &d.values, &e.values, f)?));
    }
    let places = crate::kernel::find::find(&e.keys, &d.keys)?;
    let mut values = Vec::with_capacity(d.keys.len());
    for (i, place) in places.items().enumerate() {
        let own = d.values.at(i);
        let place = place.as_long().and_then(|p| usize::try_from(p).ok()).unwrap_or(usize::MAX);
        values.push(if place < e.keys.len() {
            dyad(cx, &own, &e.values.at(place), f)?
        } else {
            own
        });
    }
    let back = crate::kernel::find::find(&d.keys, &e.keys)?;
    let mut keys = d.keys.clone();
    for (i, place) in back.items().enumerate() {
        if place.as_long().is_none_or(|p| p as usize >= d.keys.len()) {
            keys = join::push(cx, keys, e.keys.at(i))?;
            values.push(e.values.at(i));
        }
    }
    Ok(K::dict(keys, K::collapse(values)))
}
