//! `,`: putting values together.

use super::{Class, Verb};
use crate::error::{QError, Result, type_error};
use crate::kernel::{find, order};
use crate::session::Session;
use formats::k::{Attr, Data, K, Sym, Table, Type, Vector};
use formats::on_k_data;
use std::sync::Arc;

/// `x,y`: lists end to end, dictionaries by key, tables row by row.
pub(crate) fn join(cx: &mut Session, x: K, y: K) -> Result {
    match (x, y) {
        (x @ K::Dict(_), y @ K::Dict(_)) => dicts(cx, x, &y),
        (K::Table(t), K::Table(u)) => tables(cx, t, &u),
        (K::Table(t), y @ K::Dict(_)) if y.keyed().is_none() => {
            let row = super::list::enlist(cx, vec![y])?;
            join(cx, K::Table(t), row)
        }
        (x @ K::Dict(_), K::Table(u)) if x.keyed().is_none() => {
            let row = super::list::enlist(cx, vec![x])?;
            join(cx, row, K::Table(u))
        }
        (x @ (K::Dict(_) | K::Table(_)), y) if !y.is_atom() && y.is_empty() => Ok(x),
        (x, y @ (K::Dict(_) | K::Table(_))) if !x.is_atom() && x.is_empty() => Ok(y),
        (K::Dict(_), K::Vec(_) | K::Atom(..)) | (K::Atom(..), K::Dict(_)) => Err(type_error()),
        (K::Dict(_), K::Table(_)) | (K::Table(_), K::Dict(_)) => Err(type_error()),
        (x, y) => lists(cx, x, y),
    }
}

/// What [`join`] would signal of two lists or tables, without joining them: whoever gives one of
/// them away can know before that it will not be lost.
pub(crate) fn joinable(x: &K, y: &K) -> Result<()> {
    match (x, y) {
        (K::Table(t), K::Table(u)) => {
            if t.names.len() != u.names.len() {
                return Err(QError::new("mismatch"));
            }
            for (name, column) in t.iter() {
                let other = u.column(name).ok_or_else(|| QError::new("mismatch"))?;
                joinable(column, other)?;
            }
            Ok(())
        }
        // Rows and what are no rows: `join` would take the table apart.
        (K::Table(_), y) | (y, K::Table(_)) if !y.is_empty() => Err(QError::new("mismatch")),
        (K::Dict(_), K::Vec(_)) | (K::Vec(_), K::Dict(_)) if !x.is_empty() && !y.is_empty() => {
            Err(type_error())
        }
        _ => Ok(()),
    }
}

/// Whether `x,:y` can keep the type of `x`: a vector takes only items of its own type, and a
/// table rows of its columns' types.
pub(crate) fn fits(x: &K, y: &K) -> Result<()> {
    match (x, y) {
        (K::Vec(v), _) if v.ty == Type::List || y.ty() == Some(v.ty) => Ok(()),
        (K::Vec(_), K::Vec(w)) if w.ty == Type::List && w.data.is_empty() => Ok(()),
        (K::Vec(v), _) if !v.data.is_empty() => Err(type_error()),
        (K::Table(t), K::Table(u)) => {
            t.iter().try_for_each(|(name, column)| match u.column(name) {
                Some(other) if !column.is_empty() => fits(column, other),
                _ => Ok(()),
            })
        }
        // An atom is no row.
        (K::Table(_), K::Atom(..)) => Err(type_error()),
        (K::Dict(d), K::Dict(e)) if x.keyed().is_none() => fits(&d.values, &e.values),
        _ => Ok(()),
    }
}

fn lists(cx: &mut Session, x: K, y: K) -> Result {
    // Items of a vector with one owner are not copied.
    let alone = |k: &K| match k {
        K::Vec(v) => on_k_data!(&v.data, v => Arc::strong_count(v) == 1),
        _ => false,
    };
    if alone(&x) {
        cx.more(x.len(), y.len())?
    } else {
        cx.room(x.len() + y.len())?
    }
    if let (K::Vec(mut v), K::Vec(w)) = (x.clone(), &y)
        && (v.ty == w.ty || x.is_empty() || y.is_empty())
    {
        if v.ty == w.ty {
            // The clone for matching must not make a shared vector of it.
            drop(x);
            v.attr = match v.attr.domain() {
                Some(_) => {
                    if v.attr == w.attr {
                        v.attr
                    } else {
                        Attr::None
                    }
                }
                None => kept(cx, &v, || w.data.clone())?,
            };
            return if v.data.append(&w.data) { tight(cx, K::Vec(v)) } else { Err(type_error()) };
        }
        return Ok(if x.is_empty() { y } else { x });
    }
    if let (K::Vec(_), K::Atom(..)) = (&x, &y) {
        return push(cx, x, y);
    }
    if let (K::Atom(ty, scalar), K::Vec(w)) = (&x, &y)
        && *ty == w.ty
    {
        let mut data = Data::repeat(*scalar, 1);
        return if data.append(&w.data) { Ok(K::vec(*ty, data)) } else { Err(type_error()) };
    }
    let spread = |k: K| -> Vec<K> {
        if k.is_atom() || matches!(k, K::Dict(_)) { vec![k] } else { k.items().collect() }
    };
    cx.bytes((x.len() + y.len()).saturating_mul(size_of::<K>()))?;
    let mut items = spread(x);
    items.extend(spread(y));
    Ok(K::collapse(items))
}

/// The attribute that a vector keeps when these items are appended: grouped always, sorted and
/// unique while they hold; unique only for one item, since more would have to be looked up; any
/// when there are no items.
pub(crate) fn kept(cx: &mut Session, v: &Vector, more: impl FnOnce() -> Data) -> Result<Attr> {
    let next = || Vector { ty: v.ty, attr: Attr::None, data: more() };
    let holds = match v.attr {
        Attr::Grouped => true,
        Attr::Sorted => {
            let next = K::Vec(next());
            match v.data.len().checked_sub(1) {
                _ if next.is_empty() => true,
                Some(last) => {
                    cx.charge(1 + next.len() / 8)?;
                    order::values(&v.at(last), &next.at(0)).is_le() && order::is_ascending(&next)
                }
                None => false,
            }
        }
        Attr::Unique => {
            let next = next();
            match next.data.len() {
                0 => true,
                1 => {
                    let (item, count) = (next.at(0), v.data.len());
                    let all = K::Vec(Vector { attr: Attr::None, ..v.clone() });
                    if v.ty == Type::List {
                        cx.charge(1 + count)?;
                        find::is_in(&item, &all).is_ok_and(|k| k.as_long() == Some(0))
                    } else {
                        cx.charge(1 + count / 8)?;
                        find::find(&all, &item).is_ok_and(|k| k.as_long() == Some(count as i64))
                    }
                }
                _ => false,
            }
        }
        Attr::Parted => next().data.is_empty(),
        Attr::Domain(name) => {
            super::enums::enumerate(cx, name, &K::Vec(next()))?;
            true
        }
        Attr::Linked(_) => true,
        Attr::None => false,
    };
    Ok(if holds { v.attr } else { Attr::None })
}

/// A general list whose items turned out to be atoms of one type becomes a vector.
fn tight(cx: &mut Session, k: K) -> Result {
    let K::Vec(Vector { data: Data::List(items), .. }) = &k else { return Ok(k) };
    // Mostly the first and the last tell.
    let Some(at) = items.len().checked_sub(1).filter(|at| may_be_alike(items, *at)) else {
        return Ok(k);
    };
    cx.charge(1 + at / 8)?;
    Ok(if are_alike(items) { K::collapse(items.to_vec()) } else { k })
}

/// Whether the item at a place does not keep a list from being a vector.
pub(crate) fn may_be_alike(items: &[K], at: usize) -> bool {
    match (items.first(), items.get(at)) {
        (Some(K::Atom(first, _)), Some(K::Atom(other, _))) => first == other,
        _ => false,
    }
}

/// Whether the items are atoms of one type.
pub(crate) fn are_alike(items: &[K]) -> bool {
    (0..items.len()).all(|at| may_be_alike(items, at))
}

/// A list with one more item, whatever the item is.
pub(crate) fn push(cx: &mut Session, list: K, item: K) -> Result {
    cx.charge(1)?;
    match (list, item) {
        (K::Vec(mut v), K::Atom(ty, scalar)) if v.ty == ty => {
            cx.room(1)?;
            v.attr = match v.attr.domain() {
                Some(_) => Attr::None,
                None => kept(cx, &v, || Data::repeat(scalar, 1))?,
            };
            if v.data.push(scalar) { Ok(K::Vec(v)) } else { Err(type_error()) }
        }
        (list, item) if list.is_empty() && !matches!(list, K::Table(_)) => Ok(item.enlist()),
        (K::Vec(mut v), item) if v.ty == Type::List => {
            v.attr = kept(cx, &v, || Data::from(vec![item.clone()]))?;
            if let Data::List(items) = &mut v.data {
                Arc::make_mut(items).push(item);
            }
            Ok(K::Vec(v))
        }
        (K::Table(t), item) => join(cx, K::Table(t), as_row(item)?),
        (list, item) => {
            let items = list.items().chain([item]).collect();
            Ok(K::collapse(items))
        }
    }
}

fn as_row(item: K) -> Result {
    match item {
        K::Dict(_) => Ok(item),
        _ => Err(type_error()),
    }
}

/// Columns end to end; both tables have the same columns, perhaps in another order.
fn tables(cx: &mut Session, t: Arc<Table>, u: &Table) -> Result {
    if t.names.len() != u.names.len() {
        return Err(QError::new("mismatch"));
    }
    let mut order = Vec::with_capacity(t.names.len());
    for name in t.names.iter() {
        order.push(u.position(*name).ok_or_else(|| QError::new("mismatch"))?);
    }
    let mut table = Arc::try_unwrap(t).unwrap_or_else(|t| Table::clone(&t));
    for (slot, at) in table.columns.iter_mut().zip(order) {
        let other = u.columns.get(at).cloned().unwrap_or_default();
        *slot = column(cx, std::mem::take(slot), other)?;
    }
    Ok(K::Table(Arc::new(table)))
}

/// Two columns end to end; unlike [`join`] an empty general column takes the other's type.
fn column(cx: &mut Session, x: K, y: K) -> Result {
    join(cx, x, y)
}

/// Entries of the right dictionary replace and follow those of the left.
fn dicts(cx: &mut Session, x: K, y: &K) -> Result {
    if x.keyed().is_some() && y.keyed().is_some() {
        return super::upsert::keyed(cx, x, y);
    }
    let (K::Dict(d), K::Dict(e)) = (&x, y) else { return Err(type_error()) };
    if d.keys.is_empty() && d.keys.ty() == Some(Type::List) {
        return Ok(y.clone());
    }
    let mut keys = d.keys.clone();
    let mut values = d.values.clone();
    let mut known = d.keys.len();
    for i in 0..e.keys.len() {
        let (key, value) = (e.keys.at(i), e.values.at(i));
        let place = find::find(&keys, &key).ok().and_then(|p| p.as_long());
        match place.and_then(|p| usize::try_from(p).ok()).filter(|p| *p < known) {
            Some(at) => values = replaced(values, at, value),
            None => {
                keys = push(cx, keys, key)?;
                values = push(cx, values, value)?;
                known += 1;
            }
        }
    }
    Ok(K::dict(keys, values))
}

fn replaced(values: K, at: usize, value: K) -> K {
    let mut items: Vec<K> = values.items().collect();
    if let Some(slot) = items.get_mut(at) {
        *slot = value;
    }
    K::collapse(items)
}

/// A table with some of its columns replaced or added, by name.
pub(crate) fn with_column(table: &Table, name: Sym, column: K) -> Table {
    let mut out = table.clone();
    match out.position(name) {
        Some(at) => {
            if let Some(slot) = out.columns.get_mut(at) {
                *slot = column;
            }
        }
        None => {
            Arc::make_mut(&mut out.names).push(name);
            out.columns.push(column);
        }
    }
    out
}

pub(super) const VERBS: &[Verb] = &[Verb::infix(
    ",",
    Class::Other,
    join,
    "Puts lists, dictionaries or tables together.",
    "q)1 2,3\n1 2 3\nq)(`a`b!1 2),`c`a!3 9\na| 9\nb| 2\nc| 3",
)];
