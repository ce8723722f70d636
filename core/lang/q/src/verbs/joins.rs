//! Joins of tables.

use super::dict::{key_by, unkeyed};
use super::table::{has_columns, symbols};
use super::{Class, Verb, arith, join, upsert};
use crate::error::{QError, Result, rank_error, type_error};
use crate::kernel::asof::{Numbered, as_of, numbered};
use crate::kernel::overlay::overlay;
use crate::kernel::segments::Segments;
use crate::kernel::{attribute, find};
use crate::session::Session;
use formats::k::{Data, K, Sym, Table, Type, Vector};
use std::sync::Arc;

/// For each row of `left` the place of its key in the keyed table; none is the number of keys.
fn places(left: &K, keys: &Table) -> Result<Vec<i64>> {
    let K::Table(t) = left else { return Err(type_error()) };
    if !has_columns(left, &keys.names)? {
        let missing = keys.names.iter().find(|n| t.position(**n).is_none());
        return Err(QError::new(missing.map_or("", |n| n.as_str())));
    }
    let found = find::find(&K::Table(Arc::new(keys.clone())), left)?;
    match found {
        K::Vec(Vector { data: Data::I64(places), .. }) => {
            Ok(Arc::try_unwrap(places).unwrap_or_else(|shared| shared.to_vec()))
        }
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

pub(super) fn lj(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + x.len() + y.len())?;
    let (keys, values) = y.keyed().ok_or_else(type_error)?;
    plain(&x, |flat, t| {
        let places = places(flat, keys)?;
        let mut out = t.clone();
        for (name, column) in values.iter() {
            let new = match t.column(name) {
                Some(own) => overlay(own, column, &places),
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
        let (mut out, places) = if places.iter().all(|place| *place < count) {
            // As if rows had been left out, which ends attributes.
            (attribute::bare(t), places)
        } else {
            let rows = (0i64..).zip(&places).filter(|(_, place)| **place < count);
            let (rows, places): (Vec<i64>, Vec<i64>) = rows.map(|(r, p)| (r, *p)).unzip();
            (t.gather(&rows), places)
        };
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
        let (left, _) = widened(&unkeyed(&x)?, &unkeyed(&y)?)?;
        let left = key_by(&left, count)?;
        // What the right table has no column for stays as it is.
        let right = upsert::complete(cx, &left, y, upsert::Types::Any)?;
        return upsert::keyed(cx, left, &right);
    }
    let (left, right) = widened(&unkeyed(&x)?, &unkeyed(&y)?)?;
    join::join(cx, left, right)
}

/// All pairs of a left and a right row with one number.
fn pairs(cx: &mut Session, numbers: Numbered) -> Result<(Vec<i64>, Vec<i64>)> {
    let (left, right, count) = numbers;
    // Right rows that no left row is like are a group of their own, behind the others.
    let others = right.iter().map(|id| (*id).min(count as u32)).collect::<Vec<_>>();
    let segments = Segments::new(&others, count + 1);
    let rows = |id: &u32| {
        let id = *id as usize;
        let start = id.checked_sub(1).map_or(Some(0), |i| segments.ends.get(i).copied());
        let end = segments.ends.get(id).copied();
        segments.places.get(start.unwrap_or(0)..end.unwrap_or(0)).unwrap_or_default()
    };
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (row, id) in (0..).zip(&left) {
        let rows = rows(id);
        if rows.is_empty() {
            continue;
        }
        cx.more(a.len(), rows.len())?;
        a.extend(std::iter::repeat_n(row, rows.len()));
        b.extend_from_slice(rows);
    }
    Ok((a, b))
}

/// Two plain tables, each with the columns of both, nulls where it had none.
pub(super) fn widened(x: &K, y: &K) -> Result<(K, K)> {
    let (K::Table(t), K::Table(u)) = (x, y) else { return Err(type_error()) };
    let nulls = |like: &K, rows: usize| match like {
        K::Vec(v) if v.ty != Type::List => K::repeat(v.ty, v.ty.null(), rows),
        _ => like.slice(0, 0).gather(&vec![-1; rows]),
    };
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

/// The columns of some names.
pub(super) fn columns_of(t: &Table, names: &[Sym]) -> Result<Vec<K>> {
    let column = |n: &Sym| t.column(*n).cloned().ok_or_else(|| QError::new(n.as_str()));
    names.iter().map(column).collect()
}

/// For each left row the last right row with equal keys and a time not after it; -1 for none.
fn matched(names: &[Sym], t: &Table, u: &Table) -> Result<Vec<i64>> {
    let (left, right) = (columns_of(t, names)?, columns_of(u, names)?);
    let (Some((left_time, left)), Some((right_time, right))) =
        (left.split_last(), right.split_last())
    else {
        return Err(rank_error());
    };
    as_of((left, left_time), (right, right_time))
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
        let places = matched(&names, t, u)?;
        let mut out = t.clone();
        for (name, column) in u.iter() {
            let joined = names.contains(&name);
            if joined && (own_time || names.last() != Some(&name)) {
                continue;
            }
            let new = match out.column(name) {
                Some(own) if !joined => {
                    let new = overlay(own, column, &places);
                    if fill { cx.call2(&super::value("^"), own.clone(), new)? } else { new }
                }
                // The time of a row for which nothing was found stays.
                Some(own) if places.iter().any(|place| *place < 0) => {
                    if own.ty() != column.ty() {
                        return Err(type_error());
                    }
                    overlay(own, column, &places)
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
    let places = matched(&u.names, u, t)?;
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
    let (a, b) = pairs(cx, numbered(&columns_of(t, &names)?, &columns_of(u, &names)?)?)?;
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
        "q)aj0[`t;([]t:2 5);([]t:1 4;v:`a`b)]\nt v\n---\n1 a\n4 b\n\
         q)aj0[`t;([]t:0 5);([]t:1 4;v:`a`b)]\nt v\n---\n0\n4 b\n\
         q)aj0[`t;([]t:00:00 00:05);([]t:1#00:01:00;v:1#`a)]\n'type",
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
