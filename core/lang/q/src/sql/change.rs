//! `update` and `delete`.

use super::{Scope, Target};
use crate::ast::Query;
use crate::error::{Result, length_error, type_error};
use crate::eval::{Flow, Frame, table_k};
use crate::session::Session;
use crate::verbs::{self, join::with_column};
use formats::k::{Attr, Data, K, Scalar, Sym, Table, Type, Vector};
use std::sync::Arc;

impl Session {
    pub(super) fn update(
        &mut self,
        query: &Query,
        target: &Target,
        scope: Scope,
        frame: &mut Frame,
    ) -> Flow {
        let by = match &query.by {
            Some(by) => Some(self.by(by, &scope, frame)?),
            None => None,
        };
        let mut columns: Vec<(Sym, K)> = Vec::with_capacity(query.columns.len());
        for (name, node) in &query.columns {
            let value = match &by {
                Some(by) => {
                    let value = self.in_groups(node, &scope, by, frame)?;
                    self.by_row(value, by).map_err(|e| e.at(node.span))?
                }
                None => self.in_scope(node, &scope, frame)?,
            };
            columns.push((*name, value));
        }
        let rows = scope.len();
        let mut table = Table::clone(&target.table);
        for (name, value) in columns {
            let new = full(value, rows)?;
            let column = match scope.places() {
                None => new,
                Some(places) => {
                    merged(target.table.column(name), &new, places, target.table.rows())?
                }
            };
            table = with_column(&table, name, column);
        }
        Ok(self.replaced(target, table)?)
    }

    pub(super) fn delete(&mut self, query: &Query, target: &Target, scope: &Scope) -> Result {
        let table = if query.columns.is_empty() {
            let mut kept = vec![scope.places().is_some(); target.table.rows()];
            for row in scope.places().unwrap_or_default() {
                if let Some(slot) = usize::try_from(*row).ok().and_then(|r| kept.get_mut(r)) {
                    *slot = false;
                }
            }
            let places: Vec<i64> =
                (0..).zip(&kept).filter(|(_, kept)| **kept).map(|(row, _)| row).collect();
            target.table.gather(&places)
        } else {
            let gone: Vec<Sym> = query.columns.iter().map(|(n, _)| *n).collect();
            if !gone.iter().all(|n| target.table.position(*n).is_some()) {
                let name = gone.iter().find(|n| target.table.position(**n).is_none());
                return Err(crate::error::QError::new(name.map_or("", |n| n.as_str())));
            }
            let kept = target.table.iter().filter(|(n, _)| !gone.contains(n));
            let (names, columns): (Vec<Sym>, Vec<K>) = kept.map(|(n, c)| (n, c.clone())).unzip();
            Table { names: Arc::new(names), columns }
        };
        self.replaced(target, table)
    }

    /// The changed table, keyed as before; or its name, if it was given by name.
    fn replaced(&mut self, target: &Target, table: Table) -> Result {
        let keyed = verbs::key_by(&table_k(table), target.keys)?;
        match target.name {
            Some(name) => {
                self.store_global(name, keyed)?;
                Ok(K::sym(name))
            }
            None => Ok(keyed),
        }
    }
}

/// A column for `rows` rows: atoms are repeated.
fn full(value: K, rows: usize) -> Result {
    match value {
        K::Atom(ty, scalar) => Ok(K::repeat(ty, scalar, rows)),
        K::Func(_) | K::Null => Ok(K::list(vec![value; rows])),
        K::Vec(_) if value.len() == rows => Ok(value),
        K::Vec(_) => Err(length_error()),
        K::Dict(_) => Ok(K::list(vec![value; rows])),
        K::Table(_) if value.len() == rows => Ok(K::list(value.items().collect())),
        K::Table(_) => Err(length_error()),
    }
}

/// A column with new values at some rows; rows of a new column that get none are null.
fn merged(old: Option<&K>, new: &K, places: &[i64], rows: usize) -> Result {
    let mut column = match old {
        Some(old) => old.clone().with_attr(Attr::None),
        None => new.slice(0, 0).gather(&vec![-1; rows]),
    };
    if places.is_empty() {
        return Ok(column);
    }
    let (K::Vec(v), K::Vec(w)) = (&mut column, new) else { return Err(type_error()) };
    for (n, place) in places.iter().enumerate() {
        let at = usize::try_from(*place).map_err(|_| type_error())?;
        if !put(v, at, w, n) {
            return Err(type_error());
        }
    }
    Ok(column)
}

/// Copies an item between lists of one type.
fn put(to: &mut Vector, at: usize, from: &Vector, n: usize) -> bool {
    if let Data::List(items) = &mut to.data {
        if let Some(slot) = Arc::make_mut(items).get_mut(at) {
            *slot = from.at(n);
        }
        return true;
    }
    match from.data.scalar(n) {
        Some(scalar) if to.ty == from.ty => to.data.set(at, scalar),
        // A null of the column's own type may stand for any.
        Some(Scalar::I64(i64::MIN)) if from.ty == Type::Long => to.data.set(at, to.ty.null()),
        _ => false,
    }
}
