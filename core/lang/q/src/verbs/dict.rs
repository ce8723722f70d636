//! Dictionaries and the keys of tables.

use super::{Class, Verb};
use crate::error::{QError, Result, length_error, type_error};
use crate::func::Fun;
use crate::session::Session;
use formats::k::ipc::{self, Endian};
use formats::k::{Attr, Data, K, Sym, Type, Vector};

/// `x!y` and, with more arguments, functional updates.
fn bang(cx: &mut Session, args: Vec<K>) -> Result {
    if args.len() > 2 {
        return super::functional::update(cx, args);
    }
    let mut args = args.into_iter();
    let (x, y) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    if super::aggregate::is_null_long(&x) {
        let text = crate::display::text(&y) + "\n";
        cx.print(&text);
        return Ok(y);
    }
    if let Some(n) = x.as_long() {
        return numbered(cx, n, y);
    }
    match x.as_sym() {
        Some(name) if matches!(y, K::Atom(..) | K::Vec(_)) => super::enums::by_number(cx, name, &y),
        _ => make(x, y),
    }
}

fn make(x: K, y: K) -> Result {
    match (&x, &y) {
        (K::Atom(..), _) => Err(type_error()),
        (_, K::Atom(..)) => Err(type_error()),
        _ if x.len() != y.len() => Err(length_error()),
        (K::Vec(_) | K::Table(_) | K::Dict(_), K::Vec(_) | K::Table(_) | K::Dict(_)) => {
            Ok(K::dict(x, y))
        }
        _ => Err(type_error()),
    }
}

/// `n!t`: a table keyed by its first columns; negative numbers are internal functions.
fn numbered(cx: &mut Session, n: i64, y: K) -> Result {
    match (n, &y) {
        (0.., K::Atom(Type::Symbol, _)) => {
            super::table::in_place(cx, y, |cx, table| numbered(cx, n, table))
        }
        (0.., K::Table(_) | K::Dict(_)) => key_by(&y, usize::try_from(n).unwrap_or(usize::MAX)),
        (-8, _) => {
            let mut body = Vec::new();
            ipc::encode(&y, Endian::Little, &mut body).map_err(|_| type_error())?;
            let length = u32::try_from(body.len() + 8).map_err(|_| QError::limit("limit"))?;
            let mut bytes = vec![1, 0, 0, 0];
            bytes.extend(length.to_le_bytes());
            bytes.extend(body);
            Ok(K::vec(Type::Byte, bytes))
        }
        (-9, K::Vec(Vector { ty: Type::Byte, data: Data::U8(bytes), .. })) => {
            let body = bytes.get(8..).ok_or_else(|| QError::new("badmsg"))?;
            let value = ipc::decode(body, Endian::Little).map_err(|_| QError::new("badmsg"))?;
            cx.received(value)
        }
        (-3, _) => Ok(K::str(crate::display::text(&y))),
        (-4, _) => {
            let text = y.as_text().ok_or_else(type_error)?;
            let text = String::from_utf8_lossy(text);
            cx.charge(1 + text.len())?;
            Ok(K::list(crate::lex::pieces(&text)?.into_iter().map(K::str).collect()))
        }
        (-5, _) => super::tree::parse(cx, y),
        (-6, _) => super::functional::eval(cx, &y),
        (-22, _) => sent_bytes(cx, y).map(K::long),
        (-33, _) => super::text::sha1(cx, y),
        (-27, _) => {
            let args: Vec<K> = y.items().collect();
            super::system::formatted(cx, args)
        }
        (0.., _) => Err(type_error()),
        _ => Err(QError::nyi(&format!("{n}!"))),
    }
}

/// The bytes of a value when it is sent.
pub(crate) fn sent_bytes(cx: &mut Session, k: K) -> Result<i64> {
    Ok(numbered(cx, -8, k)?.len() as i64)
}

/// A table whose first `n` columns are the key.
pub(crate) fn key_by(k: &K, n: usize) -> Result {
    let flat = unkeyed(k)?;
    let K::Table(t) = &flat else { return Err(type_error()) };
    if n == 0 {
        return Ok(flat);
    }
    if n >= t.columns.len() {
        return Err(length_error());
    }
    let (names, rest) = t.names.split_at(n);
    let (keys, values) = t.columns.split_at(n);
    let keys = K::table(names.to_vec(), keys.to_vec())?;
    Ok(K::dict(keys, K::table(rest.to_vec(), values.to_vec())?))
}

/// The columns of a keyed table in one table; a plain table is returned as it is.
pub(crate) fn unkeyed(k: &K) -> Result {
    match k {
        K::Table(_) => Ok(k.clone()),
        _ => {
            let (keys, values) = k.keyed().ok_or_else(type_error)?;
            let mut names = keys.names.to_vec();
            names.extend(values.names.iter());
            let mut columns = keys.columns.clone();
            columns.extend(values.columns.iter().cloned());
            Ok(K::table(names, columns)?)
        }
    }
}

fn key(cx: &mut Session, x: K) -> Result {
    match &x {
        K::Dict(d) => Ok(d.keys.clone()),
        K::Table(_) => Err(type_error()),
        K::Atom(Type::Symbol, _) => {
            let name = x.as_sym().unwrap_or_default();
            if name.is_null() {
                return Ok(K::syms(cx.namespaces()));
            }
            if let Some(K::Dict(d)) = cx.globals.get(&name).cloned().or_else(|| cx.namespace(name))
            {
                return Ok(d.keys.clone());
            }
            Ok(if cx.globals.contains_key(&name) { x } else { K::list(Vec::new()) })
        }
        K::Atom(..) => {
            let n = x.as_long().ok_or_else(type_error)?;
            let size = usize::try_from(n).map_err(|_| type_error())?;
            cx.room(size)?;
            Ok(K::longs((0..n).collect()))
        }
        K::Vec(v) if v.attr.domain().is_some() => Ok(K::sym(v.attr.domain().unwrap_or_default())),
        K::Vec(v) if v.ty == Type::List => Err(type_error()),
        K::Vec(v) => Ok(K::sym(v.ty.name())),
        _ => Err(type_error()),
    }
}

/// `value`: what a name, a text, a list of function and arguments, or a dictionary stands for.
pub(super) fn value(cx: &mut Session, x: K) -> Result {
    if let Some(text) = x.as_text() {
        let text = String::from_utf8_lossy(text).into_owned();
        return Ok(cx.statements(&text).map_err(|e| e.located(&text))?.0);
    }
    match &x {
        // The first of the functions of one argument.
        K::Null => Ok(K::long(0)),
        K::Dict(d) => Ok(d.values.clone()),
        K::Table(t) => Ok(K::list(t.columns.clone())),
        K::Atom(Type::Symbol, _) => cx.global(x.as_sym().unwrap_or_default()),
        K::Vec(v) if v.attr.domain().is_some() => Ok(x.with_attr(Attr::None)),
        K::Vec(_) if !x.is_empty() => {
            let head = x.at(0);
            let args = x.items().skip(1).collect();
            let head = match head.as_text() {
                Some(text) => {
                    let text = String::from_utf8_lossy(text).into_owned();
                    cx.statements(&text)?.0
                }
                None => head,
            };
            cx.call(&head, args)
        }
        K::Func(_) => match Fun::of(&x) {
            Some(Fun::Projection(f, args)) => {
                let args = args.iter().map(|a| a.clone().unwrap_or_default());
                Ok(K::list(std::iter::once(f.clone()).chain(args).collect()))
            }
            Some(Fun::Composition(parts)) => Ok(K::list(parts.clone())),
            Some(Fun::Derived(_, f)) => Ok(f.clone()),
            Some(Fun::Lambda(lambda)) => Ok(super::tree::parts(lambda)),
            Some(Fun::View(_, parts)) => Ok(parts.clone()),
            Some(Fun::Verb(verb)) => match super::wire_index(verb) {
                Some(index) => Ok(K::long(i64::from(index))),
                None => Ok(x),
            },
            _ => Ok(x),
        },
        _ => Ok(x),
    }
}

fn keys(cx: &mut Session, x: K) -> Result {
    match named(cx, x)?.keyed() {
        Some((keys, _)) => Ok(K::syms(keys.names.to_vec())),
        None => Ok(K::syms(Vec::new())),
    }
}

/// The table that a value is or names.
pub(super) fn named(cx: &mut Session, x: K) -> Result {
    match x.as_sym() {
        Some(name) => cx.global(name),
        None => Ok(x),
    }
}

/// The names of the columns of a table, keyed or not.
pub(crate) fn column_names(x: &K) -> Result<Vec<Sym>> {
    match x {
        K::Table(t) => Ok(t.names.to_vec()),
        K::Dict(d) if x.keyed().is_none() => {
            d.keys.as_syms().map(<[Sym]>::to_vec).ok_or_else(type_error)
        }
        _ => {
            let (keys, values) = x.keyed().ok_or_else(type_error)?;
            Ok(keys.names.iter().chain(values.names.iter()).copied().collect())
        }
    }
}

fn cols(cx: &mut Session, x: K) -> Result {
    let x = named(cx, x)?;
    Ok(K::syms(column_names(&x)?))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::operator("!", 6, bang, "Makes a dictionary, or keys a table.", "q)`a`b!1 2\na| 1\nb| 2"),
    Verb::word("key", Class::Other, key, "The keys of a dictionary.", "q)key `a`b!1 2\n`a`b"),
    Verb::word(
        "value",
        Class::Other,
        value,
        "The values of a dictionary, or what a name or text stands for.",
        "q)value `a`b!1 2\n1 2\nq)value (+;1;2)\n3",
    ),
    Verb::word(
        "keys",
        Class::Other,
        keys,
        "The names of a table's key columns.",
        "q)keys ([k:`a`b]v:1 2)\n,`k",
    ),
    Verb::word(
        "cols",
        Class::Other,
        cols,
        "The names of a table's columns.",
        "q)cols ([]a:1 2;b:3 4)\n`a`b",
    ),
];
