//! Making lists and taking them apart.

use super::{Class, Verb};
use crate::convert::numeric::{Column, ints};
use crate::error::{QError, Result, domain_error, length_error, type_error};
use crate::kernel::attribute;
use crate::kernel::group::{Groups, groups};
use crate::kernel::places;
use crate::kernel::segments::Segments;
use crate::session::Session;
use formats::budget;
use formats::k::{Data, K, Scalar, Sym, Table, Type, Vector};
use std::sync::Arc;

fn til(cx: &mut Session, x: K) -> Result {
    let count = x.as_long().ok_or_else(type_error)?;
    let size = usize::try_from(count).map_err(|_| domain_error())?;
    cx.room(size)?;
    Ok(K::longs((0..count).collect()))
}

/// A list of the arguments.
pub(crate) fn enlist(_: &mut Session, args: Vec<K>) -> Result {
    Ok(K::collapse(args))
}

fn reverse(_: &mut Session, x: K) -> Result {
    Ok(match x {
        K::Vec(v) => K::vec(v.ty, v.data.reversed()),
        K::Table(t) => {
            let index: Vec<i64> = (0..t.rows() as i64).rev().collect();
            K::Table(Arc::new(t.gather(&index)))
        }
        K::Dict(d) => {
            let index: Vec<i64> = (0..d.keys.len() as i64).rev().collect();
            K::Dict(d).gather(&index)
        }
        other => other,
    })
}

/// The items of a list's items in one list.
pub(super) fn raze(cx: &mut Session, x: K) -> Result {
    let x = if let K::Dict(d) = &x { d.values.clone() } else { x };
    if x.is_atom() {
        return Ok(x.enlist());
    }
    let K::Vec(Vector { data: Data::List(items), .. }) = &x else { return Ok(x) };
    let mut items = items.iter();
    let Some(first) = items.next() else { return Ok(x.clone()) };
    if first.is_atom() && items.clone().any(|i| matches!(i, K::Dict(_))) {
        return Err(type_error());
    }
    let mut out = if first.is_atom() { first.clone().enlist() } else { first.clone() };
    for item in items {
        out = super::join::join(cx, out, item.clone())?;
    }
    Ok(out)
}

fn whole(k: &K) -> Result<i64> {
    k.as_long().ok_or_else(type_error)
}

/// `n` items from the start, or from the end when negative, beginning anew when they run out.
fn take_count(cx: &mut Session, n: i64, y: &K) -> Result {
    let size = usize::try_from(n.unsigned_abs()).map_err(|_| domain_error())?;
    cx.room(size)?;
    match y {
        K::Atom(ty, scalar) => return Ok(K::repeat(*ty, *scalar, size)),
        K::Func(_) | K::Null => {
            cx.bytes(size.saturating_mul(size_of::<K>()))?;
            return Ok(K::list(vec![y.clone(); size]));
        }
        _ => {}
    }
    let len = y.len();
    if n >= 0 && size <= len {
        return Ok(y.slice(0, size));
    }
    if n < 0 && size <= len {
        return Ok(y.slice(len - size, len));
    }
    let len = len as i64;
    let start = if n < 0 && len > 0 { n.rem_euclid(len) } else { 0 };
    let at = |i: i64| if len == 0 { -1 } else { (start + i) % len };
    let index: Vec<i64> = (0..size as i64).map(at).collect();
    Ok(y.gather(&index))
}

/// The shape `dims` filled with items; one null dimension is as long as needed.
fn reshape(cx: &mut Session, dims: &[i64], y: &K) -> Result {
    let y = if y.is_atom() { y.clone().enlist() } else { y.clone() };
    match *dims {
        [i64::MIN, columns] if columns > 0 => {
            let items = (0..y.len()).step_by(columns as usize);
            let cut = |i: usize| y.slice(i, i + columns as usize);
            Ok(K::list(items.map(cut).collect()))
        }
        [rows, i64::MIN] if rows > 0 => {
            // Rows as even as they can be.
            let (len, rows) = (y.len(), usize::try_from(rows).map_err(|_| domain_error())?);
            cx.room(rows)?;
            let place = |row: usize| row.saturating_mul(len) / rows;
            Ok(K::list((0..rows).map(|row| y.slice(place(row), place(row + 1))).collect()))
        }
        [count] => take_count(cx, count, &y),
        // Only the last of several dimensions may be nothing, and of more than two none is open.
        [ref outer @ .., last] if outer.iter().any(|n| *n <= 0) || last < 0 => Err(domain_error()),
        [rows, ref rest @ ..] => {
            let rows = usize::try_from(rows).map_err(|_| domain_error())?;
            let size = rest.iter().try_fold(1i64, |a, b| a.checked_mul(*b));
            let size = size.and_then(|s| usize::try_from(s).ok()).ok_or_else(domain_error)?;
            cx.room(rows.saturating_mul(size))?;
            let all = take_count(cx, (rows * size) as i64, &y)?;
            let part = |cx: &mut Session, r: usize| {
                cx.deeper(|cx| reshape(cx, rest, &all.slice(r * size, (r + 1) * size)))
            };
            Ok(K::list((0..rows).map(|r| part(cx, r)).collect::<Result<_>>()?))
        }
        [] => Ok(y),
    }
}

fn take(cx: &mut Session, x: K, y: K) -> Result {
    match (&x, &y) {
        (K::Atom(Type::Symbol, Scalar::Sym(s)), K::Vec(_) | K::Table(_) | K::Atom(..)) => {
            if let K::Table(t) = &y
                && t.position(*s).is_some()
            {
                return columns(t, &[*s]);
            }
            attribute::set(s.as_str(), &y)
        }
        (K::Vec(Vector { data: Data::Sym(names), .. }), K::Table(t)) => columns(t, names),
        (K::Atom(Type::Symbol, _) | K::Vec(_) | K::Table(_), K::Dict(d))
            if !numeric(&x) || x.ty() == d.keys.ty() && !x.is_atom() =>
        {
            if let Some(s) = x.as_sym()
                && crate::kernel::find::is_in(&x, &d.keys)?.as_long() == Some(0)
            {
                return attribute::set(s.as_str(), &y);
            }
            let keys = if x.is_atom() { x.enlist() } else { x };
            let values = crate::eval::at(&y, &keys)?;
            Ok(K::dict(keys, values))
        }
        (K::Atom(..), _) => take_count(cx, whole(&x)?, &y),
        (K::Vec(_), _) => match ints(&x) {
            Some(Column::Vec(dims)) => reshape(cx, &dims, &y),
            _ => Err(type_error()),
        },
        _ => Err(type_error()),
    }
}

fn numeric(k: &K) -> bool {
    matches!(k.ty(), Some(Type::Bool | Type::Byte | Type::Short | Type::Int | Type::Long))
}

fn columns(t: &Table, names: &[Sym]) -> Result {
    let column = |n: &Sym| t.column(*n).cloned().ok_or_else(|| QError::new(n.as_str()));
    let columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(K::table(names.to_vec(), columns)?)
}

fn drop_items(cx: &mut Session, x: K, y: K) -> Result {
    match (&x, &y) {
        (K::Vec(Vector { data: Data::Sym(names), .. }), K::Table(t)) => Ok(without(t, names)),
        (K::Dict(d), K::Atom(..) | K::Table(_)) => drop_keys(d, &y),
        (K::Dict(d), _) if d.keys.ty() == Some(Type::List) => drop_keys(d, &y),
        (K::Atom(ty, _), K::Dict(d)) if *ty == Type::Symbol || !numeric(&x) => drop_keys(d, &x),
        (K::Vec(_) | K::Table(_), K::Dict(d)) => drop_keys(d, &x),
        (K::Atom(..), _) if numeric(&x) => {
            let n = whole(&x)?;
            let len = y.len();
            let size = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX).min(len);
            if y.is_atom() {
                return if n == 0 { Ok(y) } else { Err(type_error()) };
            }
            Ok(if n >= 0 { y.slice(size, len) } else { y.slice(0, len - size) })
        }
        (K::Vec(_), K::Atom(..)) => {
            // One item goes.
            let at = whole(&y)?;
            let index: Vec<i64> = (0..x.len() as i64).filter(|i| *i != at).collect();
            Ok(x.gather(&index))
        }
        (K::Vec(_), _) => cut_at(cx, &x, &y),
        _ => Err(type_error()),
    }
}

fn without(t: &Table, names: &[Sym]) -> K {
    let kept: Vec<(Sym, &K)> = t.iter().filter(|(n, _)| !names.contains(n)).collect();
    let names = Arc::new(kept.iter().map(|(n, _)| *n).collect());
    K::Table(Arc::new(Table { names, columns: kept.into_iter().map(|(_, c)| c.clone()).collect() }))
}

fn drop_keys(d: &formats::k::Dict, keys: &K) -> Result {
    let keys = if keys.is_atom() { keys.clone().enlist() } else { keys.clone() };
    let gone = crate::kernel::find::is_in(&d.keys, &keys)?;
    let kept = gone.items().zip(0i64..).filter(|(g, _)| g.as_long() == Some(0));
    let index: Vec<i64> = kept.map(|(_, i)| i).collect();
    Ok(K::dict(d.keys.gather(&index), d.values.gather(&index)))
}

/// A list cut before the given places.
fn cut_at(_: &mut Session, x: &K, y: &K) -> Result {
    let Some(Column::Vec(places)) = ints(x) else { return Err(type_error()) };
    if places.windows(2).any(|w| w.first() > w.last()) || places.iter().any(|p| *p < 0) {
        return Err(domain_error());
    }
    let end = |i: usize| places.get(i + 1).map_or(y.len(), |p| *p as usize);
    if places.iter().any(|p| *p as usize > y.len()) {
        return Err(length_error());
    }
    let pieces = places.iter().enumerate().map(|(i, p)| y.slice(*p as usize, end(i)));
    Ok(K::list(pieces.collect()))
}

fn cut(cx: &mut Session, x: K, y: K) -> Result {
    if !x.is_atom() {
        return drop_items(cx, x, y);
    }
    let width = usize::try_from(whole(&x)?).ok().filter(|w| *w > 0).ok_or_else(domain_error)?;
    let starts = (0..y.len()).step_by(width);
    Ok(K::list(starts.map(|s| y.slice(s, s + width)).collect()))
}

fn sublist(_: &mut Session, x: K, y: K) -> Result {
    let len = y.len();
    let clip = |n: i64| usize::try_from(n).unwrap_or(0).min(len);
    match ints(&x) {
        Some(Column::Atom(n)) if n >= 0 => Ok(y.slice(0, clip(n))),
        Some(Column::Atom(n)) => Ok(y.slice(len - clip(n.saturating_neg()), len)),
        Some(Column::Vec(v)) => match *v {
            [start, count] if count >= 0 => {
                Ok(y.slice(clip(start), clip(start.max(0).saturating_add(count))))
            }
            _ => Err(length_error()),
        },
        None => Err(type_error()),
    }
}

fn rotate(_: &mut Session, x: K, y: K) -> Result {
    match y {
        K::Atom(..) => return Err(crate::error::rank_error()),
        K::Dict(_) | K::Func(_) | K::Null => return Err(type_error()),
        K::Vec(_) | K::Table(_) => {}
    }
    let len = y.len() as i64;
    if len == 0 {
        return Ok(y);
    }
    let by = whole(&x)?;
    let index: Vec<i64> = (0..len).map(|i| (i + by.rem_euclid(len)) % len).collect();
    Ok(y.gather(&index))
}

fn flip(cx: &mut Session, x: K) -> Result {
    match &x {
        K::Table(t) => Ok(K::dict(K::syms(t.names.to_vec()), K::list(t.columns.clone()))),
        K::Dict(d) => {
            let names = d.keys.as_syms().ok_or_else(type_error)?;
            let columns = names.iter().copied().zip(d.values.items());
            if d.values.items().all(|v| v.is_atom()) {
                return Err(QError::new("rank"));
            }
            crate::eval::table_of(columns.collect(), 0)
        }
        K::Vec(Vector { data: Data::List(rows), .. }) => {
            let lists: Vec<&K> = rows.iter().filter(|r| !r.is_atom()).collect();
            let Some(width) = lists.first().map(|r| r.len()) else {
                return Err(QError::new("rank"));
            };
            if lists.iter().any(|r| r.len() != width) {
                return Err(length_error());
            }
            cx.room(width.saturating_mul(rows.len()))?;
            let item = |r: &K, i: usize| if r.is_atom() { r.clone() } else { r.at(i) };
            let column = |i: usize| K::collapse(rows.iter().map(|r| item(r, i)).collect());
            Ok(K::list((0..width).map(column).collect()))
        }
        _ => Err(QError::new("rank")),
    }
}

/// Places of true values; with counts each place as often as it counts.
pub(crate) fn where_true(cx: &mut Session, x: K) -> Result {
    if let K::Dict(d) = &x {
        let places = where_true(cx, d.values.clone())?;
        return crate::eval::at(&d.keys, &places);
    }
    let x = if x.ty() == Some(Type::List) && x.is_empty() { K::longs(vec![]) } else { x };
    if let K::Vec(Vector { ty: Type::Bool, data: Data::U8(v), .. }) = &x {
        return Ok(K::longs(places::of(v)));
    }
    match (&x, ints(&x)) {
        (K::Vec(_), Some(Column::Vec(counts))) if numeric(&x) => {
            let mut out = Vec::new();
            for (i, n) in (0..).zip(counts.iter()) {
                let n = usize::try_from(*n).unwrap_or(0);
                cx.more(out.len(), n)?;
                budget::ask_for::<i64>(out.len().saturating_add(n));
                out.extend(std::iter::repeat_n(i, n));
            }
            Ok(K::longs(out))
        }
        _ => Err(type_error()),
    }
}

pub(crate) fn distinct(_: &mut Session, x: K) -> Result {
    match &x {
        K::Vec(_) | K::Table(_) => Ok(x.gather(&groups(&x)?.firsts)),
        K::Dict(d) => Ok(d.values.gather(&groups(&d.values)?.firsts)),
        _ => Err(type_error()),
    }
}

fn group(_: &mut Session, x: K) -> Result {
    let segments = |found: &Groups| {
        // The places of all, and a list of them for each group.
        budget::ask_for::<K>(found.firsts.len());
        budget::ask_for::<i64>(found.ids.len() + found.firsts.len());
        Segments::new(&found.ids, found.firsts.len())
    };
    if let K::Dict(d) = &x {
        let found = groups(&d.values)?;
        let rows = segments(&found).lists(&d.keys);
        return Ok(K::dict(d.values.gather(&found.firsts), K::list(rows)));
    }
    if x.is_atom() {
        return Err(type_error());
    }
    let found = groups(&x)?;
    let segments = segments(&found);
    let places = |(start, end)| segments.places.get(start..end).unwrap_or_default().to_vec();
    let rows = segments.ranges().map(|range| K::longs(places(range))).collect();
    Ok(K::dict(x.gather(&found.firsts), K::list(rows)))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("til", Class::Other, til, "The numbers below one.", "q)til 5\n0 1 2 3 4"),
    Verb::function(
        "enlist",
        (1, 1000),
        enlist,
        "A list of the arguments.",
        "q)enlist 5\n,5\nq)enlist[1;`a]\n1\n`a",
    ),
    Verb::word(
        "reverse",
        Class::Other,
        reverse,
        "The items from the last to the first.",
        "q)reverse 1 2 3\n3 2 1",
    ),
    Verb::word(
        "raze",
        Class::Other,
        raze,
        "The items of the items.",
        "q)raze (1 2;3 4)\n1 2 3 4\nq)raze (1;`a`b!1 2)\n'type",
    ),
    Verb::infix(
        "#",
        Class::Other,
        take,
        "Takes items, or sets an attribute.",
        "q)2#1 2 3\n1 2\nq)2 3#til 6\n0 1 2\n3 4 5",
    ),
    Verb::infix(
        "_",
        Class::Other,
        drop_items,
        "Drops items, or cuts a list.",
        "q)1_1 2 3\n2 3\nq)0 2_1 2 3\n1 2\n,3",
    ),
    Verb::infix("cut", Class::Other, cut, "Cuts into pieces.", "q)2 cut til 5\n0 1\n2 3\n,4"),
    Verb::infix(
        "sublist",
        Class::Other,
        sublist,
        "A part of a list.",
        "q)1 2 sublist 10 20 30 40\n20 30",
    ),
    Verb::infix(
        "rotate",
        Class::Other,
        rotate,
        "Moves items from the front to the end.",
        "q)1 rotate 1 2 3\n2 3 1\nq)1 rotate 5\n'rank\nq)1 rotate `a`b!1 2\n'type",
    ),
    Verb::word("flip", Class::Other, flip, "Swaps rows and columns.", "q)flip (1 2;3 4)\n1 3\n2 4"),
    Verb::word(
        "where",
        Class::Other,
        where_true,
        "The places of true values.",
        "q)where 0110b\n1 2",
    ),
    Verb::word("distinct", Class::Other, distinct, "The different items.", "q)distinct 1 2 1\n1 2"),
    Verb::word(
        "group",
        Class::Other,
        group,
        "The places of each different item.",
        "q)group `a`b`a\na| 0 2\nb| ,1",
    ),
];
