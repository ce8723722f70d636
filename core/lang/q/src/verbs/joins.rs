//! Joins of tables.

use super::dict::{key_by, unkeyed};
use super::table::{has_columns, symbols};
use super::{Class, Verb, arith, join};
use crate::convert::numeric::{Column, ints};
use crate::error::{QError, Result, rank_error, type_error};
use crate::kernel::{find, order};
use crate::session::Session;
use formats::k::{K, Sym, Table};
use std::sync::Arc;

/// For each row of `left` the place of its key in the keyed table; none is the number of keys.
fn places(left: &K, keys: &Table) -> Result<Vec<i64>> {
    let K::Table(t) = left else { return Err(type_error()) };
    if !has_columns(left, &keys.names)? {
        let missing = keys.names.iter().find(|n| t.position(**n).is_none());
        return Err(QError::new(missing.map_or("", |n| n.as_str())));
    }
    let found = find::find(&K::Table(Arc::new(keys.clone())), left)?;
    match ints(&found) {
        Some(Column::Vec(v)) => Ok(v.into_owned()),
        _ => Err(type_error()),
    }
}

/// Runs a join on the plain form of a table and keys the result as it was.
pub(super) fn plain(x: &K, f: impl FnOnce(&K, &Table) -> Result) -> Result {
    let keys = x.keyed().map_or(0, |(k, _)| k.names.len());
    let flat = unkeyed(x)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    let out = f(&flat, t)?;
    key_by(&out, keys)
}

/// The other column where there is a match, else the own one.
fn overlay(own: &K, other: &K, places: &[i64], count: i64) -> K {
    let item = |(row, at): (usize, &i64)| match *at < count {
        true => other.at(usize::try_from(*at).unwrap_or(usize::MAX)),
        false => own.at(row),
    };
    let items: Vec<K> = places.iter().enumerate().map(item).collect();
    if items.is_empty() { own.clone() } else { K::collapse(items) }
}

pub(super) fn lj(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + x.len() + y.len())?;
    let (keys, values) = y.keyed().ok_or_else(type_error)?;
    plain(&x, |flat, t| {
        let places = places(flat, keys)?;
        let count = keys.rows() as i64;
        let mut out = t.clone();
        for (name, column) in values.iter() {
            let new = match t.column(name) {
                Some(own) => overlay(own, column, &places, count),
                None => column.gather(&places),
            };
            out = join::with_column(&out, name, new);
        }
        Ok(K::Table(Arc::new(out)))
    })
}

pub(super) fn ij(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + x.len() + y.len())?;
    let (keys, values) = y.keyed().ok_or_else(type_error)?;
    plain(&x, |flat, t| {
        let places = places(flat, keys)?;
        let count = keys.rows() as i64;
        let rows = (0i64..).zip(&places).filter(|(_, p)| **p < count);
        let (rows, places): (Vec<i64>, Vec<i64>) = rows.map(|(r, p)| (r, *p)).unzip();
        let mut out = t.gather(&rows);
        for (name, column) in values.iter() {
            out = join::with_column(&out, name, column.gather(&places));
        }
        Ok(K::Table(Arc::new(out)))
    })
}

fn pj(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + x.len() + y.len())?;
    let (keys, values) = y.keyed().ok_or_else(type_error)?;
    plain(&x, |flat, t| {
        let places = places(flat, keys)?;
        let mut out = t.clone();
        for (name, column) in values.iter() {
            // What is not there adds nothing.
            let found = column.gather(&places);
            let ty = column.ty().ok_or_else(type_error)?;
            let zero = K::Atom(ty, crate::convert::numeric::scalar_of(ty, 0));
            let addend = cx.call2(&super::value("^"), zero, found)?;
            let new = match t.column(name) {
                Some(own) => arith::add(cx, own.clone(), addend)?,
                None => addend,
            };
            out = join::with_column(&out, name, new);
        }
        Ok(K::Table(Arc::new(out)))
    })
}

pub(super) fn uj(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + x.len() + y.len())?;
    if let (Some((keys, _)), Some(_)) = (x.keyed(), y.keyed()) {
        let count = keys.names.len();
        let (left, right) = widened(&unkeyed(&x)?, &unkeyed(&y)?)?;
        return super::upsert::keyed(cx, key_by(&left, count)?, &key_by(&right, count)?);
    }
    let (left, right) = widened(&unkeyed(&x)?, &unkeyed(&y)?)?;
    join::join(cx, left, right)
}

/// Two plain tables, each with the columns of both, nulls where it had none.
pub(super) fn widened(x: &K, y: &K) -> Result<(K, K)> {
    let (K::Table(t), K::Table(u)) = (x, y) else { return Err(type_error()) };
    let nulls = |like: &K, rows: usize| like.slice(0, 0).gather(&vec![-1; rows]);
    let mut left = Table::clone(t);
    for (name, column) in u.iter() {
        if t.position(name).is_none() {
            left = join::with_column(&left, name, nulls(column, t.rows()));
        }
    }
    let mut columns = Vec::with_capacity(left.names.len());
    for (name, column) in left.iter() {
        columns.push(u.column(name).cloned().unwrap_or_else(|| nulls(column, u.rows())));
    }
    let right = K::table(left.names.to_vec(), columns)?;
    Ok((K::Table(Arc::new(left)), right))
}

/// The group of equal keys of each left row, and for each group its right rows by time.
pub(super) fn groups_of(
    names: &[Sym],
    t: &Table,
    u: &Table,
    times: &K,
) -> Result<(Vec<u32>, Vec<Vec<i64>>)> {
    let Some((_, exact)) = names.split_last() else { return Err(rank_error()) };
    let column = |t: &Table, n: Sym| t.column(n).cloned().ok_or_else(|| QError::new(n.as_str()));
    let (left, right) = if exact.is_empty() {
        (vec![0; t.rows()], vec![0; u.rows()])
    } else {
        let mut columns = Vec::new();
        for name in exact {
            let both = column(t, *name)?.items().chain(column(u, *name)?.items()).collect();
            columns.push(K::collapse(both));
        }
        let groups = crate::kernel::group::groups(&K::table(exact.to_vec(), columns)?)?;
        let (left, right) = groups.ids.split_at(t.rows());
        (left.to_vec(), right.to_vec())
    };
    let groups = left.iter().chain(&right).max().map_or(0, |m| *m as usize + 1);
    let mut rows: Vec<Vec<i64>> = vec![Vec::new(); groups];
    for (row, id) in (0..).zip(&right) {
        if let Some(list) = rows.get_mut(*id as usize) {
            list.push(row);
        }
    }
    for list in &mut rows {
        list.sort_by(|a, b| order::values(&at(times, *a), &at(times, *b)));
    }
    Ok((left, rows))
}

fn at(k: &K, row: i64) -> K {
    k.at(usize::try_from(row).unwrap_or(usize::MAX))
}

/// For each left row the last right row with equal keys and a time not after it; -1 for none.
fn as_of(names: &[Sym], t: &Table, u: &Table) -> Result<Vec<i64>> {
    let Some(time) = names.last() else { return Err(rank_error()) };
    let column = |t: &Table, n: Sym| t.column(n).cloned().ok_or_else(|| QError::new(n.as_str()));
    let (left_time, right_time) = (column(t, *time)?, column(u, *time)?);
    let (left, rows) = groups_of(names, t, u, &right_time)?;
    let last = |(row, id): (usize, &u32)| {
        let list = rows.get(*id as usize).map(Vec::as_slice).unwrap_or_default();
        let when = left_time.at(row);
        let end = list.partition_point(|r| order::values(&at(&right_time, *r), &when).is_le());
        end.checked_sub(1).and_then(|i| list.get(i)).copied().unwrap_or(-1)
    };
    Ok(left.iter().enumerate().map(last).collect())
}

/// The rows of a table whose key is known.
pub(super) fn known(flat: &K, keys: &Table) -> Result<Vec<i64>> {
    let count = keys.rows() as i64;
    let places = places(flat, keys)?;
    Ok((0..).zip(places).filter(|(_, p)| *p < count).map(|(row, _)| row).collect())
}

fn as_of_join(cx: &mut Session, args: Vec<K>, own_time: bool, fill: bool) -> Result {
    let [names, x, y] = args.as_slice() else { return Err(rank_error()) };
    cx.charge(1 + 8 * (x.len() + y.len()))?;
    let names = symbols(names)?;
    let right = unkeyed(y)?;
    let K::Table(u) = &right else { return Err(type_error()) };
    plain(x, |_, t| {
        let places = as_of(&names, t, u)?;
        let mut out = t.clone();
        for (name, column) in u.iter() {
            let joined = names.contains(&name);
            if joined && (own_time || names.last() != Some(&name)) {
                continue;
            }
            let new = match out.column(name) {
                Some(own) if !joined => {
                    let count = u.rows() as i64;
                    let real = |p: &i64| if *p < 0 { count } else { *p };
                    let places: Vec<i64> = places.iter().map(real).collect();
                    let new = overlay(own, column, &places, count);
                    if fill { cx.call2(&super::value("^"), own.clone(), new)? } else { new }
                }
                _ => column.gather(&places),
            };
            out = join::with_column(&out, name, new);
        }
        Ok(K::Table(Arc::new(out)))
    })
}

/// As `aj` or `aj0`, but nulls of a column that both have are filled from the left.
pub(super) fn as_of_filled(cx: &mut Session, args: Vec<K>, own_time: bool) -> Result {
    as_of_join(cx, args, own_time, true)
}

fn aj(cx: &mut Session, args: Vec<K>) -> Result {
    as_of_join(cx, args, true, false)
}

fn aj0(cx: &mut Session, args: Vec<K>) -> Result {
    as_of_join(cx, args, false, false)
}

fn asof(cx: &mut Session, x: K, y: K) -> Result {
    let (K::Table(t), one) = (&x, matches!(&y, K::Dict(_)) && y.keyed().is_none()) else {
        return Err(type_error());
    };
    let rows = if one { super::list::enlist(cx, vec![y])? } else { y };
    let K::Table(u) = &rows else { return Err(type_error()) };
    let places = as_of(&u.names, u, t)?;
    let kept = t.iter().filter(|(n, _)| u.position(*n).is_none());
    let (names, columns): (Vec<Sym>, Vec<K>) = kept.map(|(n, c)| (n, c.gather(&places))).unzip();
    let out = K::table(names, columns)?;
    Ok(if one { out.at(0) } else { out })
}

fn ej(cx: &mut Session, args: Vec<K>) -> Result {
    let [names, x, y] = args.as_slice() else { return Err(rank_error()) };
    let names = symbols(names)?;
    let (left, right) = (unkeyed(x)?, unkeyed(y)?);
    let (K::Table(t), K::Table(u)) = (&left, &right) else { return Err(type_error()) };
    let part = |t: &Table| -> Result {
        let column = |n: &Sym| t.column(*n).cloned().ok_or_else(|| QError::new(n.as_str()));
        Ok(K::table(names.clone(), names.iter().map(column).collect::<Result<_>>()?)?)
    };
    let (lk, rk) = (part(t)?, part(u)?);
    let both = join::join(cx, lk, rk)?;
    let groups = crate::kernel::group::groups(&both)?;
    let rows = groups.rows();
    let count = t.rows() as i64;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (row, id) in (0..count).zip(&groups.ids) {
        for other in rows.get(*id as usize).into_iter().flatten().filter(|r| **r >= count) {
            cx.room(a.len())?;
            a.push(row);
            b.push(other - count);
        }
    }
    let mut out = t.gather(&a);
    for (name, column) in u.iter().filter(|(n, _)| !names.contains(n)) {
        out = join::with_column(&out, name, column.gather(&b));
    }
    Ok(K::Table(Arc::new(out)))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "lj",
        Class::Other,
        lj,
        "Adds what a keyed table has for each row.",
        "q)([]k:`a`c;v:1 2) lj ([k:`a`b]w:10 20)\nk v w\n------\na 1 10\nc 2",
    ),
    Verb::infix(
        "ij",
        Class::Other,
        ij,
        "The rows that a keyed table knows, with what it has.",
        "q)([]k:`a`c;v:1 2) ij ([k:`a`b]w:10 20)\nk v w\n------\na 1 10",
    ),
    Verb::infix(
        "pj",
        Class::Other,
        pj,
        "Adds the numbers of a keyed table.",
        "q)([]k:`a`b;v:1 2) pj ([k:`a`c]v:10 20)\nk v\n----\na 11\nb 2",
    ),
    Verb::infix(
        "uj",
        Class::Other,
        uj,
        "Rows of both tables with the columns of both.",
        "q)([]a:1 2) uj ([]a:enlist 3;b:enlist`x)\na b\n---\n1\n2\n3 x",
    ),
    Verb::function(
        "aj",
        (3, 3),
        aj,
        "Adds the latest row up to the time of each row.",
        "q)aj[`t;([]t:2 5);([]t:1 4;v:`a`b)]\nt v\n---\n2 a\n5 b",
    ),
    Verb::function(
        "aj0",
        (3, 3),
        aj0,
        "As aj, with the time of the row that was found.",
        "q)aj0[`t;([]t:2 5);([]t:1 4;v:`a`b)]\nt v\n---\n1 a\n4 b",
    ),
    Verb::infix(
        "asof",
        Class::Other,
        asof,
        "The latest row up to a time.",
        "q)([]t:1 4;v:`a`b) asof enlist[`t]!enlist 5\nv| b",
    ),
    Verb::function(
        "ej",
        (3, 3),
        ej,
        "Pairs of rows with equal keys.",
        "q)ej[`k;([]k:`a`b;v:1 2);([]k:`a`a;w:3 4)]\nk v w\n-----\na 1 3\na 1 4",
    ),
];
