//! Items of values: taking them out, putting lists together, comparing.

use super::data::{Data, Scalar, Vector};
use super::ty::{Attr, Type};
use super::value::K;
use crate::budget;
use std::sync::Arc;

/// Levels that a comparison goes down before it calls two values different.
const DEPTH_MAX: usize = 256;

impl Vector {
    /// An item; beyond the end the null of the type, or of the first item in a general list.
    #[must_use]
    pub fn at(&self, at: usize) -> K {
        match &self.data {
            Data::List(items) => match items.get(at) {
                Some(item) => item.clone(),
                None => items.first().map_or_else(|| K::list(Vec::new()), K::null_like),
            },
            data => K::Atom(self.ty, data.scalar(at).unwrap_or_else(|| self.ty.null())),
        }
    }

    /// The items as values.
    pub fn iter(&self) -> impl Iterator<Item = K> + '_ {
        (0..self.data.len()).map(|i| self.at(i))
    }
}

impl K {
    /// What a missing item looks like, given a present one: a null atom, an empty list.
    #[must_use]
    pub fn null_like(&self) -> K {
        match self {
            K::Atom(ty, _) => K::null(*ty),
            K::Vec(v) => K::empty(v.ty),
            K::Dict(d) => K::dict(d.keys.slice(0, 0), d.values.slice(0, 0)),
            K::Table(t) => K::Table(Arc::new(t.slice(0, 0))),
            K::Func(_) | K::Null => K::Null,
        }
    }

    /// An item by position: of a list, a table's row, a dictionary's value; an atom is its own.
    #[must_use]
    pub fn at(&self, at: usize) -> K {
        match self {
            K::Vec(v) => v.at(at),
            K::Table(t) => t.row(at),
            K::Dict(d) => d.values.at(at),
            K::Atom(..) | K::Func(_) | K::Null => self.clone(),
        }
    }

    /// All items, as [`K::at`] gives them.
    pub fn items(&self) -> impl Iterator<Item = K> + '_ {
        (0..self.len()).map(|i| self.at(i))
    }

    /// The items at `start..end` of a list, table or dictionary; others are returned whole.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> K {
        match self {
            K::Vec(v) => K::Vec(Vector {
                ty: v.ty,
                // A part of an ascending, unique or enumerated vector is one, too.
                attr: match v.attr {
                    Attr::None | Attr::Parted | Attr::Grouped => Attr::None,
                    attr => attr,
                },
                data: v.data.slice(start, end),
            }),
            K::Table(t) => K::Table(Arc::new(t.slice(start, end))),
            K::Dict(d) => K::dict(d.keys.slice(start, end), d.values.slice(start, end)),
            K::Atom(..) | K::Func(_) | K::Null => self.clone(),
        }
    }

    /// The items at the places of `index` in order; places outside give nulls.
    #[must_use]
    pub fn gather(&self, index: &[i64]) -> K {
        match self {
            K::Vec(v) => {
                let fill = match &v.data {
                    Data::List(items) => {
                        items.first().map_or_else(|| K::list(vec![]), K::null_like)
                    }
                    _ => K::null(v.ty),
                };
                let attr = if v.attr.domain().is_some() { v.attr } else { Attr::None };
                K::Vec(Vector { ty: v.ty, attr, data: v.data.gather(index, &fill) })
            }
            K::Table(t) => K::Table(Arc::new(t.gather(index))),
            K::Dict(d) => K::dict(d.keys.gather(index), d.values.gather(index)),
            K::Atom(..) | K::Func(_) | K::Null => self.clone(),
        }
    }

    /// The list of these items in its tightest form: a vector when all are atoms of one type, a
    /// table when all are dictionaries of the same symbols, else a general list.
    #[must_use]
    pub fn collapse(items: Vec<K>) -> K {
        match items.first() {
            Some(K::Atom(ty, _)) => {
                let ty = *ty;
                if items.iter().all(|k| matches!(k, K::Atom(t, _) if *t == ty)) {
                    return collapse_atoms(ty, &items);
                }
                K::list(items)
            }
            Some(K::Dict(_)) => collapse_rows(&items).unwrap_or_else(|| K::list(items)),
            _ => K::list(items),
        }
    }

    /// A list of one item, as `enlist` makes it.
    #[must_use]
    pub fn enlist(self) -> K {
        K::collapse(vec![self])
    }

    /// The same value with an attribute, which only vectors keep.
    #[must_use]
    pub fn with_attr(self, attr: Attr) -> K {
        match self {
            K::Vec(v) => K::Vec(Vector { attr, ..v }),
            other => other,
        }
    }
}

/// A vector of atoms that have the type `ty`.
fn collapse_atoms(ty: Type, items: &[K]) -> K {
    macro_rules! layout {
        ($variant:ident) => {
            items
                .iter()
                .filter_map(
                    |k| if let K::Atom(_, Scalar::$variant(x)) = k { Some(*x) } else { None },
                )
                .collect::<Vec<_>>()
                .into()
        };
    }
    let data: Data = match ty.null() {
        Scalar::U8(_) => layout!(U8),
        Scalar::I16(_) => layout!(I16),
        Scalar::I32(_) => layout!(I32),
        Scalar::I64(_) => layout!(I64),
        Scalar::F32(_) => layout!(F32),
        Scalar::F64(_) => layout!(F64),
        Scalar::Sym(_) => layout!(Sym),
        Scalar::Guid(_) => layout!(Guid),
    };
    K::vec(ty, data)
}

/// A table of dictionaries that all have the symbols of the first as keys.
fn collapse_rows(items: &[K]) -> Option<K> {
    let K::Dict(first) = items.first()? else { return None };
    let names = first.keys.as_syms().filter(|names| !names.is_empty())?;
    for item in items {
        let K::Dict(row) = item else { return None };
        if row.keys.as_syms()? != names {
            return None;
        }
    }
    let column = |c: usize| K::collapse(items.iter().map(|row| row.at(c)).collect());
    K::table(names.to_vec(), (0..names.len()).map(column).collect()).ok()
}

impl PartialEq for Scalar {
    /// Whether two scalars are the same item: nulls are equal, also those that are NaN.
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::U8(a), Self::U8(b)) => a == b,
            (Self::I16(a), Self::I16(b)) => a == b,
            (Self::I32(a), Self::I32(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::F32(a), Self::F32(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::F64(a), Self::F64(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::Sym(a), Self::Sym(b)) => a == b,
            (Self::Guid(a), Self::Guid(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for K {
    /// Whether two values are the same in type and content; attributes do not matter.
    fn eq(&self, other: &Self) -> bool {
        same(self, other, DEPTH_MAX)
    }
}

fn same(a: &K, b: &K, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    if !matches!(a, K::Atom(..)) {
        // Lists that hold one another again and again have no end.
        budget::step(1);
    }
    match (a, b) {
        (K::Atom(s, x), K::Atom(t, y)) => s == t && x == y,
        (K::Vec(v), K::Vec(w)) => v.ty == w.ty && same_items(&v.data, &w.data, depth),
        (K::Dict(d), K::Dict(e)) => {
            same(&d.keys, &e.keys, depth - 1) && same(&d.values, &e.values, depth - 1)
        }
        (K::Table(t), K::Table(u)) => {
            t.names == u.names
                && t.columns.len() == u.columns.len()
                && t.columns.iter().zip(&u.columns).all(|(x, y)| same(x, y, depth - 1))
        }
        (K::Func(f), K::Func(g)) => {
            let (xs, ys) = (f.items(), g.items());
            let primitive = matches!(f.code(), 101..=103);
            f.code() == g.code()
                && f.source() == g.source()
                && f.context() == g.context()
                && (!primitive || f.index() == g.index())
                && xs.len() == ys.len()
                && xs.iter().zip(&ys).all(|(x, y)| same(x, y, depth - 1))
        }
        (K::Null, K::Null) => true,
        _ => false,
    }
}

fn same_items(a: &Data, b: &Data, depth: usize) -> bool {
    match (a, b) {
        (Data::U8(x), Data::U8(y)) => x == y,
        (Data::I16(x), Data::I16(y)) => x == y,
        (Data::I32(x), Data::I32(y)) => x == y,
        (Data::I64(x), Data::I64(y)) => x == y,
        (Data::Sym(x), Data::Sym(y)) => x == y,
        (Data::Guid(x), Data::Guid(y)) => x == y,
        (Data::F32(x), Data::F32(y)) => {
            x.len() == y.len()
                && x.iter().zip(&**y).all(|(x, y)| x == y || x.is_nan() && y.is_nan())
        }
        (Data::F64(x), Data::F64(y)) => {
            x.len() == y.len()
                && x.iter().zip(&**y).all(|(x, y)| x == y || x.is_nan() && y.is_nan())
        }
        (Data::List(x), Data::List(y)) => {
            x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| same(x, y, depth - 1))
        }
        _ => false,
    }
}
