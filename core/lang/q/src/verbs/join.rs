//! `,`: putting values together.

pub(crate) mod cut;

use self::cut::Cut;
use super::{Class, Verb};
use crate::error::{QError, Result, type_error};
use crate::kernel::{find, order};
use crate::session::Session;
use formats::k::{Attr, Data, K, Sym, Table, Type, Vector};
use formats::on_k_data;
use std::sync::Arc;

/// `x,y`: lists end to end, dictionaries by key, tables row by row.
pub(crate) fn join(cx: &mut Session, mut x: K, y: K) -> Result {
    append(cx, &mut x, y)?;
    Ok(x)
}

/// The same where `x` is, which is as it was after an error.
pub(crate) fn append(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    if let (K::Table(t), K::Table(u)) = (&mut *x, &y) {
        return tables(cx, t, u);
    }
    match (&*x, &y) {
        (K::Dict(_), K::Dict(_)) => return dicts(cx, x, &y),
        (K::Table(_), K::Dict(_)) if y.keyed().is_none() => {
            let row = super::list::enlist(cx, vec![y])?;
            return append(cx, x, row);
        }
        (K::Dict(_), K::Table(_)) if x.keyed().is_none() => {
            let row = super::list::enlist(cx, vec![x.clone()])?;
            *x = join(cx, row, y)?;
        }
        (K::Dict(_) | K::Table(_), _) if !y.is_atom() && y.is_empty() => {}
        (_, K::Dict(_) | K::Table(_)) if !x.is_atom() && x.is_empty() => *x = y,
        (K::Dict(_), K::Vec(_) | K::Atom(..)) | (K::Atom(..), K::Dict(_)) => {
            return Err(type_error());
        }
        (K::Dict(_), K::Table(_)) | (K::Table(_), K::Dict(_)) => return Err(type_error()),
        _ => return lists(cx, x, y),
    }
    Ok(())
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

/// Whether `x,:y` can keep the type of `x`: a vector takes only items of its own type, even when
/// it has none yet, and a table rows of its columns' types.
pub(crate) fn fits(x: &K, y: &K) -> Result<()> {
    match (x, y) {
        (K::Vec(v), _) if v.ty == Type::List || y.ty() == Some(v.ty) => Ok(()),
        (K::Vec(_), K::Vec(w)) if w.ty == Type::List && w.data.is_empty() => Ok(()),
        (K::Vec(_), _) => Err(type_error()),
        (K::Table(t), K::Table(u)) => {
            t.iter().try_for_each(|(name, column)| match u.column(name) {
                Some(other) => fits(column, other),
                None => Ok(()),
            })
        }
        // An atom is no row.
        (K::Table(_), K::Atom(..)) => Err(type_error()),
        (K::Dict(d), K::Dict(e)) if x.keyed().is_none() => fits(&d.values, &e.values),
        _ => Ok(()),
    }
}

fn lists(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    // Items of a vector with one owner are not copied.
    let alone = match &*x {
        K::Vec(v) => on_k_data!(&v.data, v => Arc::strong_count(v) == 1),
        _ => false,
    };
    if alone {
        cx.more(x.len(), y.len())?
    } else {
        cx.room(x.len() + y.len())?
    }
    if let (K::Vec(v), K::Vec(w)) = (&mut *x, &y) {
        if v.ty == w.ty {
            let attr = match v.attr.domain() {
                Some(_) if v.attr == w.attr => v.attr,
                Some(_) => Attr::None,
                None => kept(cx, v, || w.data.clone())?,
            };
            if !v.data.append(&w.data) {
                return Err(type_error());
            }
            v.attr = attr;
            tighten(cx, x);
            return Ok(());
        }
        if w.data.is_empty() && (w.ty == Type::List || !v.data.is_empty()) {
            return Ok(());
        }
    }
    if let (K::Vec(v), K::Vec(_)) = (&*x, &y)
        && v.data.is_empty()
    {
        *x = y;
        return Ok(());
    }
    if let (K::Vec(_), K::Atom(..)) = (&*x, &y) {
        return push_to(cx, x, y);
    }
    if let (K::Atom(ty, scalar), K::Vec(w)) = (&*x, &y)
        && *ty == w.ty
    {
        let (ty, mut data) = (*ty, Data::repeat(*scalar, 1));
        if !data.append(&w.data) {
            return Err(type_error());
        }
        *x = K::vec(ty, data);
        return Ok(());
    }
    let spread = |k: &K| -> Vec<K> {
        if k.is_atom() || matches!(k, K::Dict(_)) { vec![k.clone()] } else { k.items().collect() }
    };
    cx.bytes((x.len() + y.len()).saturating_mul(size_of::<K>()))?;
    let mut items = spread(x);
    items.extend(spread(&y));
    *x = K::collapse(items);
    Ok(())
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
fn tighten(cx: &mut Session, k: &mut K) {
    let K::Vec(Vector { data: Data::List(items), .. }) = &*k else { return };
    // Mostly the first and the last tell.
    let Some(at) = items.len().checked_sub(1).filter(|at| may_be_alike(items, *at)) else {
        return;
    };
    cx.spent(1 + at / 8);
    if are_alike(items) {
        *k = K::collapse(items.to_vec());
    }
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
pub(crate) fn push(cx: &mut Session, mut list: K, item: K) -> Result {
    push_to(cx, &mut list, item)?;
    Ok(list)
}

/// Puts one more item behind a list, which is as it was after an error.
pub(crate) fn push_to(cx: &mut Session, list: &mut K, item: K) -> Result<()> {
    cx.charge(1)?;
    match (&mut *list, item) {
        (K::Vec(v), K::Atom(ty, scalar)) if v.ty == ty => {
            cx.room(1)?;
            let attr = match v.attr.domain() {
                Some(_) => Attr::None,
                None => kept(cx, v, || Data::repeat(scalar, 1))?,
            };
            if !v.data.push(scalar) {
                return Err(type_error());
            }
            v.attr = attr;
        }
        (K::Table(_), item) => {
            let row = as_row(item)?;
            return append(cx, list, row);
        }
        (list, item) if list.is_empty() => *list = item.enlist(),
        (K::Vec(v), item) if v.ty == Type::List => {
            v.attr = kept(cx, v, || Data::from(vec![item.clone()]))?;
            if let Data::List(items) = &mut v.data {
                Arc::make_mut(items).push(item);
            }
        }
        (list, item) => *list = K::collapse(list.items().chain([item]).collect()),
    }
    Ok(())
}

fn as_row(item: K) -> Result {
    match item {
        K::Dict(_) => Ok(item),
        _ => Err(type_error()),
    }
}

/// Columns end to end; both tables have the same columns, perhaps in another order.
fn tables(cx: &mut Session, t: &mut Arc<Table>, u: &Table) -> Result<()> {
    if t.names.len() != u.names.len() {
        return Err(QError::new("mismatch"));
    }
    let mut others = Vec::with_capacity(t.names.len());
    for name in t.names.iter() {
        others.push(u.column(*name).cloned().ok_or_else(|| QError::new("mismatch"))?);
    }
    let columns = &mut Arc::make_mut(t).columns;
    let before = Cut::of_columns(columns);
    let done = cx.guarded(|cx| {
        let mut pairs = columns.iter_mut().zip(others);
        pairs.try_for_each(|(column, other)| match column.ty() {
            Some(ty) if ty != Type::List && other.is_empty() => Ok(()),
            _ => append(cx, column, other),
        })
    });
    if done.is_err() {
        // Some columns have become longer than others.
        before.restore_columns(columns);
    }
    done
}

/// Entries of the right dictionary replace and follow those of the left.
fn dicts(cx: &mut Session, x: &mut K, y: &K) -> Result<()> {
    if x.keyed().is_some() && y.keyed().is_some() {
        return super::upsert::put_keyed(cx, x, y);
    }
    let (K::Dict(d), K::Dict(e)) = (&*x, y) else { return Err(type_error()) };
    if d.keys.is_empty() && d.keys.ty() == Some(Type::List) {
        *x = y.clone();
        return Ok(());
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
    *x = K::dict(keys, values);
    Ok(())
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
