//! Columns and rows of tables.

use super::dict::{column_names, key_by, named, unkeyed};
use super::{Class, Verb};
use crate::error::{QError, Result, length_error, type_error};
use crate::kernel::order;
use crate::kernel::segments::Segments;
use crate::session::Session;
use formats::k::{Attr, Data, K, Sym, Table, Type, Vector};
use std::sync::Arc;

/// One or more symbols.
pub(super) fn symbols(k: &K) -> Result<Vec<Sym>> {
    match (k.as_sym(), k.as_syms()) {
        (Some(one), _) => Ok(vec![one]),
        (_, Some(several)) => Ok(several.to_vec()),
        _ if k.ty() == Some(Type::List) && k.is_empty() => Ok(Vec::new()),
        _ => Err(type_error()),
    }
}

/// Runs `f` on a table, or on the one that a name stands for, which then changes.
pub(super) fn in_place(
    cx: &mut Session,
    target: K,
    f: impl FnOnce(&mut Session, K) -> Result,
) -> Result {
    match target.as_sym() {
        Some(name) => {
            let table = cx.global(name)?;
            let changed = f(cx, table)?;
            cx.store_global(name, changed)?;
            Ok(target)
        }
        None => f(cx, target),
    }
}

fn xkey(cx: &mut Session, x: K, y: K) -> Result {
    let names = symbols(&x)?;
    in_place(cx, y, |_, y| {
        let flat = unkeyed(&y)?;
        let front = to_front(&flat, &names)?;
        key_by(&front, names.len())
    })
}

/// A plain table with some columns first.
fn to_front(k: &K, names: &[Sym]) -> Result {
    let K::Table(t) = k else { return Err(type_error()) };
    let mut order = Vec::with_capacity(t.names.len());
    for name in names {
        let at = t.position(*name).ok_or_else(|| QError::new(name.as_str()))?;
        order.push(at);
    }
    let rest: Vec<usize> = (0..t.names.len()).filter(|i| !order.contains(i)).collect();
    order.extend(rest);
    let names = order.iter().filter_map(|i| t.names.get(*i).copied()).collect();
    let columns = order.iter().filter_map(|i| t.columns.get(*i).cloned()).collect();
    Ok(K::Table(Arc::new(Table { names: Arc::new(names), columns })))
}

fn xcols(_: &mut Session, x: K, y: K) -> Result {
    if let (K::Dict(d), Some(_)) = (&y, y.keyed()) {
        return Ok(K::dict(d.keys.clone(), to_front(&d.values, &symbols(&x)?)?));
    }
    to_front(&y, &symbols(&x)?)
}

fn xcol(_: &mut Session, x: K, y: K) -> Result {
    if let Some((keys, _)) = y.keyed() {
        let count = keys.names.len();
        let flat = unkeyed(&y)?;
        return key_by(&renamed(&x, &flat)?, count);
    }
    renamed(&x, &y)
}

/// A plain table with other names.
fn renamed(x: &K, y: &K) -> Result {
    let K::Table(t) = y else { return Err(type_error()) };
    let mut names = t.names.to_vec();
    if let K::Dict(d) = x {
        let (from, to) = (symbols(&d.keys)?, symbols(&d.values)?);
        for (from, to) in from.iter().zip(to) {
            let at = t.position(*from).ok_or_else(|| QError::new("length"))?;
            if let Some(slot) = names.get_mut(at) {
                *slot = to;
            }
        }
    } else {
        let new = symbols(x)?;
        if new.len() > names.len() {
            return Err(length_error());
        }
        names.iter_mut().zip(new).for_each(|(slot, name)| *slot = name);
    }
    Ok(K::table(names, t.columns.clone())?)
}

/// Rows sorted by columns, the first one counting most.
fn sorted(cx: &mut Session, x: &K, y: &K, descending: bool) -> Result {
    let names = symbols(x)?;
    let keys = y.keyed().map(|(k, _)| k.names.len());
    let flat = unkeyed(y)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    cx.charge(1 + t.rows() * names.len().max(1))?;
    let len = t.rows() as i64;
    let mut places: Vec<i64> = (0..len).collect();
    for name in names.iter().rev() {
        let column = t.column(*name).ok_or_else(|| QError::new(name.as_str()))?;
        order::sort(column, &mut places, descending)?;
    }
    let mut out = t.gather(&places);
    if let (false, Some(first)) = (descending, names.first())
        && let Some(at) = out.position(*first)
        && let Some(slot) = out.columns.get_mut(at)
    {
        *slot = std::mem::take(slot).with_attr(Attr::Sorted);
    }
    key_by(&K::Table(Arc::new(out)), keys.unwrap_or(0))
}

fn xasc(cx: &mut Session, x: K, y: K) -> Result {
    in_place(cx, y, |cx, y| sorted(cx, &x, &y, false))
}

fn xdesc(cx: &mut Session, x: K, y: K) -> Result {
    in_place(cx, y, |cx, y| sorted(cx, &x, &y, true))
}

/// The letter of a column's type; upper case for lists of vectors of one type.
pub(super) fn letter(column: &K) -> u8 {
    match column {
        K::Vec(Vector { ty: Type::List, data: Data::List(items), .. }) => {
            let Some(K::Vec(first)) = items.first() else { return b' ' };
            let uniform = items.iter().all(|i| matches!(i, K::Vec(v) if v.ty == first.ty));
            if uniform { first.ty.letter().to_ascii_uppercase() } else { b' ' }
        }
        K::Vec(v) => v.ty.letter(),
        _ => b' ',
    }
}

fn meta(cx: &mut Session, x: K) -> Result {
    let x = named(cx, x)?;
    let flat = unkeyed(&x)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    let attr = |c: &K| match c {
        K::Vec(v) => v.attr.letter().map_or(Sym::default(), |l| Sym::new(&l.to_string())),
        _ => Sym::default(),
    };
    let keys = K::table(vec![Sym::new("c")], vec![K::syms(t.names.to_vec())])?;
    let types = K::vec(Type::Char, t.columns.iter().map(letter).collect::<Vec<u8>>());
    let foreign = K::syms(t.columns.iter().map(|c| super::enums::foreign(cx, c)).collect());
    let attrs = K::syms(t.columns.iter().map(attr).collect());
    let names = ["t", "f", "a"].map(Sym::new).to_vec();
    Ok(K::dict(keys, K::table(names, vec![types, foreign, attrs])?))
}

fn ungroup(cx: &mut Session, x: K) -> Result {
    let flat = unkeyed(&x)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    let nested: Vec<bool> = t.columns.iter().map(|c| c.ty() == Some(Type::List)).collect();
    let mut index = Vec::new();
    for row in 0..t.rows() {
        let lens = t.columns.iter().zip(&nested).filter(|(_, n)| **n).map(|(c, _)| c.at(row).len());
        let mut lens = lens.collect::<Vec<_>>();
        lens.dedup();
        let len = match lens.as_slice() {
            [] => 1,
            [one] => *one,
            _ => return Err(length_error()),
        };
        cx.room(index.len().saturating_add(len))?;
        index.extend(std::iter::repeat_n(row as i64, len));
    }
    let mut columns = Vec::with_capacity(t.columns.len());
    for (column, nested) in t.columns.iter().zip(nested) {
        columns.push(if nested {
            super::list::raze(cx, column.clone())?
        } else {
            column.gather(&index)
        });
    }
    Ok(K::table(t.names.to_vec(), columns)?)
}

fn xgroup(_: &mut Session, x: K, y: K) -> Result {
    let names = symbols(&x)?;
    let flat = unkeyed(&y)?;
    let front = to_front(&flat, &names)?;
    let keyed = key_by(&front, names.len())?;
    let (keys, values) = keyed.keyed().ok_or_else(type_error)?;
    let groups = crate::kernel::group::groups(&K::Table(Arc::new(keys.clone())))?;
    let segments = Segments::new(&groups.ids, groups.firsts.len());
    let column = |c: &K| K::list(segments.lists(c));
    let columns = values.columns.iter().map(column).collect();
    let values = K::table(values.names.to_vec(), columns)?;
    Ok(K::dict(K::Table(Arc::new(keys.gather(&groups.firsts))), values))
}

fn tables(cx: &mut Session, x: K) -> Result {
    let is_table = |k: &K| matches!(k, K::Table(_)) || k.keyed().is_some();
    let space = x.as_sym().map_or("", |s| s.as_str()).trim_start_matches('.');
    let prefix = if space.is_empty() { String::new() } else { format!(".{space}.") };
    let inside = |n: &Sym| -> Option<Sym> {
        let rest = n.as_str().strip_prefix(prefix.as_str())?;
        (!rest.starts_with('.')).then(|| Sym::new(rest))
    };
    let mut names: Vec<Sym> =
        cx.globals.iter().filter(|(_, k)| is_table(k)).filter_map(|(n, _)| inside(n)).collect();
    names.sort_by(|a, b| a.order(*b));
    Ok(K::syms(names).with_attr(Attr::Sorted))
}

/// Whether a value has columns of the given names.
pub(super) fn has_columns(x: &K, names: &[Sym]) -> Result<bool> {
    let columns = column_names(x)?;
    Ok(names.iter().all(|n| columns.contains(n)))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "xkey",
        Class::Other,
        xkey,
        "Makes columns the key of a table.",
        "q)`a xkey ([]a:1 2;b:3 4)\na| b\n-| -\n1| 3\n2| 4",
    ),
    Verb::infix(
        "xcols",
        Class::Other,
        xcols,
        "Puts columns first.",
        "q)`b xcols ([]a:1 2;b:3 4)\nb a\n---\n3 1\n4 2",
    ),
    Verb::infix(
        "xcol",
        Class::Other,
        xcol,
        "Renames columns.",
        "q)`x`y xcol ([]a:1 2;b:3 4)\nx y\n---\n1 3\n2 4",
    ),
    Verb::infix(
        "xasc",
        Class::Other,
        xasc,
        "Sorts rows upwards by columns.",
        "q)`a xasc ([]a:2 1;b:3 4)\na b\n---\n1 4\n2 3",
    ),
    Verb::infix(
        "xdesc",
        Class::Other,
        xdesc,
        "Sorts rows downwards by columns.",
        "q)`b xdesc ([]a:2 1;b:3 4)\na b\n---\n1 4\n2 3",
    ),
    Verb::infix(
        "xgroup",
        Class::Other,
        xgroup,
        "Groups rows by columns.",
        "q)`a xgroup ([]a:1 2 1;b:3 4 5)\na| b\n-| ---\n1| 3 5\n2| ,4",
    ),
    Verb::word(
        "meta",
        Class::Other,
        meta,
        "The types of a table's columns.",
        "q)meta ([]a:1 2)\nc| t f a\n-| -----\na| j",
    ),
    Verb::word(
        "ungroup",
        Class::Other,
        ungroup,
        "A row for each item of nested columns.",
        "q)ungroup ([]a:1 2;b:(3 4;enlist 5))\na b\n---\n1 3\n1 4\n2 5",
    ),
    Verb::word(
        "tables",
        Class::Other,
        tables,
        "The names of the tables.",
        "q)t:([]a:1 2)\nq)tables`\n`s#,`t",
    ),
];
