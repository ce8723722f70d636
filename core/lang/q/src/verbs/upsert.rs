//! Adding rows to tables: `insert`, `upsert`.

mod place;
#[cfg(test)]
mod tests;

use self::place::{Known, put, put_each};
use super::table::in_place;
use super::{Class, Verb, join};
use crate::error::{QError, Result, length_error, type_error};
use crate::kernel::find;
use crate::session::Session;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// Rows for a table with the given columns: a table, a dictionary, a list of values of one row,
/// or a list of columns.
fn rows(cx: &mut Session, like: &Table, y: K) -> Result<Table> {
    let y = match y {
        K::Dict(_) if y.keyed().is_some() => super::dict::unkeyed(&y)?,
        K::Dict(_) => super::list::enlist(cx, vec![y])?,
        y => y,
    };
    if let K::Table(t) = &y {
        // Columns that are not given are null.
        let mut all = Table::clone(t);
        for (name, column) in like.iter().filter(|(n, _)| t.position(*n).is_none()) {
            let nulls = column.slice(0, 0).gather(&vec![-1; t.rows()]);
            all = join::with_column(&all, name, nulls);
        }
        // By name, in whatever order they are given.
        let column = |name: &Sym| all.column(*name).cloned();
        let ordered: Option<Vec<K>> = like.names.iter().map(column).collect();
        return Ok(match ordered.filter(|columns| columns.len() == all.columns.len()) {
            Some(columns) => Table { names: Arc::clone(&like.names), columns },
            None => all,
        });
    }
    let width = like.names.len();
    let list_of_rows = y
        .as_list()
        .is_some_and(|rows| rows.iter().all(|r| r.as_list().is_some_and(|r| r.len() == width)));
    if list_of_rows {
        let columns = cx.call1(&super::value("flip"), y)?;
        let named = like.names.iter().copied().zip(columns.items());
        return match crate::eval::table_of(named.collect(), 0)? {
            K::Table(t) => Ok(Table::clone(&t)),
            _ => Err(type_error()),
        };
    }
    let values: Vec<K> = if y.is_atom() { vec![y] } else { y.items().collect() };
    if values.len() != like.names.len() {
        return Err(length_error());
    }
    let named = like.names.iter().copied().zip(values);
    // Strings among atoms are values of one row, not columns.
    let single = named.clone().any(|(_, v)| v.is_atom())
        || named
            .clone()
            .zip(&like.columns)
            .all(|((_, v), c)| c.ty() == Some(formats::k::Type::List) && v.as_text().is_some());
    // A list in a list is a column of one row already.
    let column = |v: K| match v.as_list() {
        Some([_]) => v,
        _ => tight(K::list(vec![v])),
    };
    let columns = named.map(|(n, v)| (n, if single { column(v) } else { v })).collect();
    match crate::eval::table_of(columns, 0)? {
        K::Table(t) => Ok(Table::clone(&t)),
        _ => Err(type_error()),
    }
}

fn tight(k: K) -> K {
    K::collapse(k.items().collect())
}

/// The types of new rows must be those of the columns, even when those have no items yet; only a
/// column of general type takes any. The rows may lack columns.
fn check(table: &Table, rows: &Table) -> Result<()> {
    for (name, new) in rows.iter() {
        let column = table.column(name).ok_or_else(|| QError::new("mismatch"))?;
        let free = column.ty() == Some(Type::List) || new.is_empty();
        if !free && new.ty() != column.ty() {
            return Err(type_error());
        }
    }
    Ok(())
}

/// `x upsert y` of a table and rows.
pub(crate) fn upserted(cx: &mut Session, mut x: K, y: K) -> Result {
    upsert_into(cx, &mut x, y)?;
    Ok(x)
}

/// The same where the table is, which is as it was after an error.
fn upsert_into(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    if put(cx, x, &y, Known::Replaced)? { Ok(()) } else { joined(cx, x, y) }
}

/// The same for rows of any shape, which may give a general column a type.
fn joined(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    cx.charge(1 + y.len())?;
    match &*x {
        K::Table(t) => {
            let rows = rows(cx, t, y)?;
            check(t, &rows)?;
            join::append(cx, x, K::Table(Arc::new(rows)))
        }
        // What finds the key below is made once and for all.
        K::Dict(d) if d.sorted && x.keyed().is_none() => Err(QError::new("step")),
        K::Dict(_) if x.keyed().is_none() && matches!(y, K::Dict(_)) => join::append(cx, x, y),
        K::Dict(_) => {
            let rows = complete(cx, x, y, Types::Same)?;
            put_keyed(cx, x, &rows)
        }
        _ => Err(type_error()),
    }
}

/// `x,:y`: as a join, but tables take rows in any form, of which columns may be missing, and a
/// list of lists takes a list as one item. After an error `x` is as it was.
pub(crate) fn append(cx: &mut Session, x: &mut K, y: K) -> Result<()> {
    if x.keyed().is_some() && put(cx, x, &y, Known::Replaced)? {
        return Ok(());
    }
    match (&*x, &y) {
        (K::Table(t), K::Vec(_)) if !y.is_empty() => {
            let rows = rows_of(cx, t, y)?;
            upsert_into(cx, x, rows)
        }
        (K::Table(_), K::Dict(_)) => upsert_into(cx, x, y),
        (K::Table(t), K::Table(u)) if t.names.len() > u.names.len() => upsert_into(cx, x, y),
        (K::Dict(_), K::Vec(_) | K::Table(_) | K::Dict(_))
            if x.keyed().is_some() && !y.is_empty() =>
        {
            let rows = complete(cx, x, y, Types::Same)?;
            put_keyed(cx, x, &rows)
        }
        (K::Vec(v), K::Vec(_))
            if v.ty == Type::List && !x.is_empty() && rank(x) == rank(&y) + 1 =>
        {
            join::push_to(cx, x, y)
        }
        _ => join::append(cx, x, y),
    }
}

/// How deep the first item of a list lies, counting at most to the limit of nesting.
fn rank(k: &K) -> usize {
    let (mut depth, mut at) = (0, k.clone());
    while matches!(at, K::Vec(_)) && depth < crate::session::DEPTH_MAX {
        depth += 1;
        at = at.at(0);
    }
    depth
}

/// A list of rows as a table; anything else as it is.
fn rows_of(cx: &mut Session, like: &Table, y: K) -> Result {
    let width = like.names.len();
    let row = |k: &K| matches!(k, K::Vec(_)) && k.as_text().is_none() && k.len() == width;
    if !y.as_list().is_some_and(|items| items.iter().all(row)) {
        return Ok(y);
    }
    let columns = cx.call1(&super::value("flip"), y)?;
    Ok(K::table(like.names.to_vec(), columns.items().collect())?)
}

/// Whether rows may have columns of other types than the table they go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    Same,
    Any,
}

/// Rows for a keyed table with all of its columns: what is missing stays as it is for keys that
/// are there, and is null for others.
pub(super) fn complete(cx: &mut Session, x: &K, y: K, types: Types) -> Result {
    let count = x.keyed().ok_or_else(type_error)?.0.names.len();
    let flat = super::dict::unkeyed(x)?;
    let K::Table(all) = &flat else { return Err(type_error()) };
    let y = match y {
        K::Vec(_) => rows_of(cx, all, y)?,
        K::Dict(_) if y.keyed().is_some() => super::dict::unkeyed(&y)?,
        K::Dict(_) => super::list::enlist(cx, vec![y])?,
        y => y,
    };
    let y = match y {
        K::Table(_) => y,
        list => K::Table(Arc::new(rows(cx, all, list)?)),
    };
    let K::Table(u) = &y else { return Err(type_error()) };
    if types == Types::Same {
        check(all, u)?;
    }
    let column = |n: &Sym| u.column(*n).cloned().ok_or_else(|| QError::new("mismatch"));
    let names = all.names.get(..count).unwrap_or_default().to_vec();
    let keys = K::table(names.clone(), names.iter().map(column).collect::<Result<_>>()?)?;
    if u.names.len() == all.names.len() && count < all.names.len() {
        return super::dict::key_by(&table_in_order(all, u)?, count);
    }
    let own = crate::eval::at(x, &keys)?;
    let K::Table(own) = &own else { return Err(type_error()) };
    let mut values = Table::clone(own);
    for (name, column) in u.iter().filter(|(n, _)| !names.contains(n)) {
        if values.position(name).is_none() {
            return Err(QError::new("mismatch"));
        }
        values = join::with_column(&values, name, column.clone());
    }
    Ok(K::dict(keys, K::Table(Arc::new(values))))
}

/// The columns of the second table in the order of the first, which has the same.
fn table_in_order(all: &Table, u: &Table) -> Result {
    let column = |n: &Sym| u.column(*n).cloned().ok_or_else(|| QError::new("mismatch"));
    Ok(K::table(all.names.to_vec(), all.names.iter().map(column).collect::<Result<_>>()?)?)
}

/// Puts rows into the table of a name, unless they need the general way. Taken out of the session
/// meanwhile, the table has one owner and is changed where it is. `more` items are to come.
fn put_by_name<T: Default>(
    cx: &mut Session,
    name: Sym,
    more: usize,
    put: impl FnOnce(&mut Session, &mut K) -> Result<T>,
) -> Result<T> {
    if cx.frozen {
        return Err(QError::new("noupdate"));
    }
    if cx.views.is_stale(name) {
        cx.refresh(name)?;
    }
    let Some(slot) = cx.globals.get_mut(&name) else { return Ok(T::default()) };
    let mut table = std::mem::take(slot);
    let done = cx.guarded(|cx| {
        cx.room_for(&table, more)?;
        put(cx, &mut table)
    });
    // It is there still: nothing else ran.
    if let Some(slot) = cx.globals.get_mut(&name) {
        *slot = table;
    }
    cx.views.assigned(name);
    done
}

/// Puts rows, each a list or a table, into the table of a name, as if each of them was put alone:
/// tells how many of the first of them it has put. `order` has the items that lists are to have,
/// where that is not all of them.
///
/// # Errors
/// What the next of them signals; none was put.
pub(crate) fn upsert_each(
    cx: &mut Session,
    name: Sym,
    rows: &[K],
    order: Option<&[usize]>,
) -> Result<usize> {
    let more = rows.iter().map(|row| if let K::Table(_) = row { row.len() } else { 1 }).sum();
    put_by_name(cx, name, more, |cx, table| put_each(cx, table, rows, order))
}

fn upsert(cx: &mut Session, x: K, y: K) -> Result {
    let Some(name) = x.as_sym() else { return upserted(cx, x, y) };
    if put_by_name(cx, name, y.len(), |cx, table| put(cx, table, &y, Known::Replaced))? {
        return Ok(x);
    }
    if is_new(cx, name, &y) {
        cx.store_global(name, y)?;
        return Ok(x);
    }
    in_place(cx, x, |cx, x| upserted(cx, x, y))
}

/// Whether a table is to be the first value of a variable.
fn is_new(cx: &Session, name: Sym, y: &K) -> bool {
    let is_table = matches!(y, K::Table(_)) || y.keyed().is_some();
    is_table && !cx.globals.contains_key(&name)
}

fn insert(cx: &mut Session, x: K, y: K) -> Result {
    let name = x.as_sym().ok_or_else(type_error)?;
    let count = cx.globals.get(&name).map_or(0, K::len) as i64;
    if put_by_name(cx, name, y.len(), |cx, table| put(cx, table, &y, Known::Refused))? {
        let after = cx.globals.get(&name).map_or(0, K::len) as i64;
        return Ok(K::longs((count..after).collect()));
    }
    let before = match cx.globals.get(&name) {
        Some(table) => table.clone(),
        None if is_new(cx, name, &y) => y.slice(0, 0),
        None => return Err(QError::new(name.as_str())),
    };
    if let Some((keys, _)) = before.keyed() {
        let rows = complete(cx, &before, y.clone(), Types::Same)?;
        let (new, _) = rows.keyed().ok_or_else(type_error)?;
        let known =
            find::is_in(&K::Table(Arc::new(new.clone())), &K::Table(Arc::new(keys.clone())))?;
        if known.items().any(|k| k.as_long() == Some(1)) {
            return Err(QError::new("insert"));
        }
    }
    let after = upserted(cx, before, y)?;
    let added = (count..after.len() as i64).collect();
    cx.store_global(name, after)?;
    Ok(K::longs(added))
}

/// A keyed table with the rows of another: those it knows replaced, others added.
pub(super) fn keyed(cx: &mut Session, mut x: K, y: &K) -> Result {
    put_keyed(cx, &mut x, y)?;
    Ok(x)
}

/// The same where the table is, which is as it was after an error.
pub(super) fn put_keyed(cx: &mut Session, x: &mut K, y: &K) -> Result<()> {
    let names = |k: &K| k.keyed().map(|(keys, _)| keys.names.len());
    if names(x) == names(y) && put(cx, x, y, Known::Replaced)? {
        return Ok(());
    }
    *x = keyed_by_search(cx, x, y)?;
    Ok(())
}

fn keyed_by_search(cx: &mut Session, x: &K, y: &K) -> Result {
    let ((xk, xv), (yk, yv)) =
        (x.keyed().ok_or_else(type_error)?, y.keyed().ok_or_else(type_error)?);
    let (xk, yk) = (K::Table(Arc::new(xk.clone())), K::Table(Arc::new(yk.clone())));
    // Of rows with one key the last counts.
    let groups = crate::kernel::group::groups(&yk)?;
    let mut last = groups.firsts.clone();
    for (row, id) in (0..).zip(&groups.ids) {
        if let Some(slot) = last.get_mut(*id as usize) {
            *slot = row;
        }
    }
    let keys = yk.gather(&groups.firsts);
    let values = yv.gather(&last);
    let found = find::find(&xk, &keys)?;
    let count = xk.len() as i64;
    let mut source: Vec<i64> = (0..count).collect();
    let mut fresh = Vec::new();
    for (row, place) in (0i64..).zip(found.items()) {
        match place.as_long().filter(|p| *p < count) {
            Some(p) => {
                if let Some(slot) = usize::try_from(p).ok().and_then(|p| source.get_mut(p)) {
                    *slot = count + row;
                }
            }
            None => fresh.push(row),
        }
    }
    source.extend(fresh.iter().map(|r| count + r));
    let keys = join::join(cx, xk, keys.gather(&fresh))?;
    let own = K::Table(Arc::new(xv.clone()));
    let values = reordered(&own, &K::Table(Arc::new(values)))?;
    let all = join::join(cx, own, values)?;
    // New keys only: nothing moves.
    let as_is = (0i64..).zip(&source).all(|(at, row)| at == *row) && all.len() == source.len();
    Ok(K::dict(keys, if as_is { all } else { all.gather(&source) }))
}

/// The columns of the second table in the order of the first.
fn reordered(own: &K, other: &K) -> Result {
    let (K::Table(t), K::Table(u)) = (own, other) else { return Err(type_error()) };
    if t.names.len() != u.names.len() {
        return Err(QError::new("mismatch"));
    }
    let column = |n| u.column(n).cloned().ok_or_else(|| QError::new("mismatch"));
    let columns = t.names.iter().map(|n| column(*n)).collect::<Result<Vec<_>>>()?;
    Ok(K::table(t.names.to_vec(), columns)?)
}

/// `x^y` of keyed tables: as an upsert, but nulls of `y` replace nothing.
pub(super) fn coalesce(cx: &mut Session, x: K, y: K) -> Result {
    let K::Dict(e) = &y else { return Err(type_error()) };
    let own = crate::eval::at(&x, &e.keys)?;
    let (K::Table(own), K::Table(new)) = (&own, &e.values) else { return Err(type_error()) };
    let mut columns = Vec::with_capacity(new.columns.len());
    for (name, column) in new.iter() {
        let before = own.column(name).cloned().ok_or_else(|| QError::new("mismatch"))?;
        columns.push(cx.call2(&super::value("^"), before, column.clone())?);
    }
    let filled = K::dict(e.keys.clone(), K::table(new.names.to_vec(), columns)?);
    keyed(cx, x, &filled)
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "insert",
        Class::Other,
        insert,
        "Adds rows to a table by name.",
        "q)t:([]a:1 2)\nq)`t insert 3\n,2\nq)t`a\n1 2 3",
    ),
    Verb::infix(
        "upsert",
        Class::Other,
        upsert,
        "Adds rows, or replaces those with the same key.",
        "q)([k:`a`b]v:1 2) upsert ([k:`b`c]v:3 4)\nk| v\n-| -\na| 1\nb| 3\nc| 4",
    ),
];
