//! Indexing: items of lists, values of dictionaries, rows and columns of tables.

use crate::error::{QError, Result, rank_error, type_error};
use crate::kernel::find;
use crate::session::Session;
use crate::verbs::join::are_alike;
use formats::k::{Data, K, Table, Type, Vector};
use std::sync::Arc;

impl Session {
    /// `x[a;b;...]`: the items at `a`, of each the items at `b`, and so on. The generic null
    /// selects everything.
    pub(crate) fn index(&mut self, x: &K, path: &[K]) -> Result {
        match path {
            [] => Ok(x.clone()),
            [one] => at(x, one),
            [first, rest @ ..] => {
                if let (K::Table(t), K::Null) = (x, first)
                    && let [one] = rest
                {
                    return column(t, one);
                }
                if let (Some(_), K::Null) = (x.keyed(), first) {
                    let K::Dict(d) = x else { return Err(type_error()) };
                    return Ok(K::dict(d.keys.clone(), self.index(&d.values, path)?));
                }
                let several = match first {
                    K::Null => true,
                    K::Atom(..) | K::Func(_) => false,
                    K::Dict(_) => false,
                    K::Vec(_) => key_shape(x, first),
                    K::Table(_) => true,
                };
                let picked = at(x, first)?;
                if !several {
                    return self.call(&picked, rest.to_vec());
                }
                if let K::Table(t) = &picked
                    && let [one] = rest
                {
                    return match one {
                        K::Vec(Vector { data: Data::Sym(_), .. }) => rows(t, one),
                        _ => column(t, one),
                    };
                }
                let (keys, values) = match &picked {
                    K::Dict(d) => (Some(d.keys.clone()), d.values.clone()),
                    _ => (None, picked),
                };
                let items = values.items().map(|item| self.call(&item, rest.to_vec()));
                let items = K::collapse(items.collect::<Result<Vec<_>>>()?);
                Ok(keys.map_or(items.clone(), |k| K::dict(k, items)))
            }
        }
    }
}

/// Whether a list as an index means several keys rather than one that is a list.
fn key_shape(x: &K, index: &K) -> bool {
    match x {
        K::Dict(d) => match (&d.keys, index) {
            (K::Vec(Vector { ty: Type::List, .. }), K::Vec(Vector { ty, .. })) => {
                // Keys that are lists are looked up whole.
                !(d.keys.at(0).len() > 1 && *ty != Type::List)
            }
            _ => true,
        },
        _ => true,
    }
}

/// Items by one index, which may be a list of indices of any shape.
pub(crate) fn at(x: &K, index: &K) -> Result {
    if matches!(index, K::Null) {
        return Ok(x.clone());
    }
    match x {
        K::Vec(v) => match index {
            K::Atom(ty, _) if is_index(*ty) => Ok(v.at(place(index))),
            K::Vec(Vector { data: Data::List(items), .. }) => {
                let items = items.iter().map(|i| at(x, i)).collect::<Result<Vec<_>>>()?;
                Ok(K::collapse(items))
            }
            K::Vec(i) if is_index(i.ty) => gather(x, index),
            K::Dict(d) => Ok(K::dict(d.keys.clone(), at(x, &d.values)?)),
            K::Table(t) => {
                let columns = t.columns.iter().map(|c| at(x, c)).collect::<Result<Vec<_>>>()?;
                Ok(K::table(t.names.to_vec(), columns)?)
            }
            _ => Err(type_error()),
        },
        K::Table(t) => match index {
            K::Atom(Type::Symbol, _) => column(t, index),
            K::Vec(Vector { ty: Type::Symbol, .. }) => column(t, index),
            K::Atom(ty, _) if is_index(*ty) => Ok(t.row(place(index))),
            K::Vec(i) if is_index(i.ty) => gather(x, index),
            K::Vec(Vector { data: Data::List(items), .. }) => {
                let items = items.iter().map(|i| at(x, i)).collect::<Result<Vec<_>>>()?;
                Ok(K::collapse(items))
            }
            _ => Err(type_error()),
        },
        K::Dict(d) if d.sorted => crate::kernel::attribute::step(d, index),
        K::Dict(d) => {
            let rows = row_keys(&d.keys, index)?;
            let places = find::find(&d.keys, rows.as_ref().unwrap_or(index))?;
            match places {
                K::Atom(..) => Ok(d.values.at(place(&places))),
                _ => at(&d.values, &places),
            }
        }
        K::Atom(..) | K::Func(_) | K::Null => Err(rank_error()),
    }
}

/// The keys that a list stands for as an index of a table with one key column: it is one row of
/// the key, or a list of such rows. Nothing where the list is to be sought as it is.
fn row_keys(keys: &K, index: &K) -> Result<Option<K>> {
    let (K::Table(t), K::Vec(v)) = (keys, index) else { return Ok(None) };
    let [K::Vec(column)] = t.columns.as_slice() else { return Ok(None) };
    if column.ty == Type::List || v.data.is_empty() {
        return Ok(None);
    }
    match &v.data {
        Data::List(rows) if rows.iter().all(|r| matches!(r, K::Vec(_)) && r.len() == 1) => {
            Ok(Some(K::collapse(rows.iter().map(|r| r.at(0)).collect())))
        }
        _ if v.data.len() == 1 => Ok(Some(v.at(0))),
        _ => Err(crate::error::length_error()),
    }
}

/// Types whose atoms may index a list.
fn is_index(ty: Type) -> bool {
    matches!(ty, Type::Bool | Type::Byte | Type::Short | Type::Int | Type::Long)
}

/// The place an atom names; what is none lies beyond every list.
fn place(index: &K) -> usize {
    index.as_long().and_then(|i| usize::try_from(i).ok()).unwrap_or(usize::MAX)
}

fn gather(x: &K, index: &K) -> Result {
    match crate::convert::numeric::ints(index) {
        Some(crate::convert::numeric::Column::Vec(places)) => Ok(match x.gather(&places) {
            // Atoms of one type are a vector, wherever they were before.
            K::Vec(Vector { data: Data::List(items), .. })
                if !items.is_empty() && are_alike(&items) =>
            {
                K::collapse(items.to_vec())
            }
            picked => picked,
        }),
        _ => Err(type_error()),
    }
}

/// The items of each row in some columns.
fn rows(t: &Arc<Table>, names: &K) -> Result {
    let columns = column(t, names)?;
    let row = |at: usize| K::collapse(columns.items().map(|c| c.at(at)).collect());
    Ok(K::list((0..t.rows()).map(row).collect()))
}

/// A column, or a list of columns, by name.
fn column(t: &Arc<Table>, name: &K) -> Result {
    match name {
        K::Null => Ok(K::list(t.columns.clone())),
        K::Atom(Type::Symbol, _) => {
            let name = name.as_sym().unwrap_or_default();
            t.column(name).cloned().ok_or_else(|| QError::new(name.as_str()))
        }
        K::Vec(Vector { data: Data::Sym(names), .. }) => {
            let one =
                |n: &formats::k::Sym| t.column(*n).cloned().ok_or_else(|| QError::new(n.as_str()));
            Ok(K::collapse(names.iter().map(one).collect::<Result<Vec<_>>>()?))
        }
        _ => Err(type_error()),
    }
}
