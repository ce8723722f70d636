//! Queries over tables: `select`, `exec`, `update`, `delete`.

mod change;
mod columnar;
mod filter;
mod grouped;
mod pieces;
mod scope;
mod select;
#[cfg(test)]
mod tests;

pub(crate) use self::pieces::{Pieced, same_columns};
pub(crate) use self::scope::Scope;

use crate::ast::{Expr, Node, Query, Verb};
use crate::error::{QError, Result, type_error};
use crate::eval::{Flow, Frame};
use crate::session::Session;
use crate::verbs;
use formats::k::{Data, K, Sym, Table, Vector};
use std::sync::Arc;

/// The parts of what a query is over.
struct Target {
    /// The name, when the table was given by name, which then changes.
    name: Option<Sym>,
    /// How many leading columns are the key.
    keys: usize,
    table: Arc<Table>,
}

impl Session {
    /// Runs a query.
    pub(crate) fn query(&mut self, query: &Query, frame: &mut Frame) -> Flow {
        let from = self.node(&query.from, frame)?;
        if let Some(name) = from.as_sym()
            && let Some(dict @ K::Dict(_)) = self.globals.get(&name).cloned()
            && dict.keyed().is_none()
        {
            let changed = self.query_over(query, dict, frame)?;
            if matches!(query.verb, Verb::Update | Verb::Delete) {
                self.store_global(name, changed)?;
                return Ok(from);
            }
            return Ok(changed);
        }
        self.query_over(query, from, frame)
    }

    fn query_over(&mut self, query: &Query, from: K, frame: &mut Frame) -> Flow {
        if let Some(value) = self.delete_names(query, &from)? {
            return Ok(value);
        }
        if let (K::Dict(d), None) = (&from, from.keyed())
            && query.verb != Verb::Select
        {
            return self.over_dict(query, &d.keys, &d.values, frame);
        }
        let target = self.target(from)?;
        let scope = Scope::new(Arc::clone(&target.table));
        let scope = self.filtered(query, scope, frame)?;
        match query.verb {
            Verb::Select => self.select(query, &target, scope, frame),
            Verb::Exec => self.exec(query, scope, frame),
            Verb::Update => self.update(query, &target, scope, frame),
            Verb::Delete => Ok(self.delete(query, &target, &scope)?),
        }
    }

    /// `delete name from `.`: removes a variable.
    fn delete_names(&mut self, query: &Query, from: &K) -> Result<Option<K>> {
        let Some(space) = from.as_sym() else { return Ok(None) };
        if query.verb != Verb::Delete || !query.filters.is_empty() {
            return Ok(None);
        }
        let root = space.as_str() == ".";
        if !root && self.namespace(space).is_none() {
            return Ok(None);
        }
        if self.frozen {
            return Err(QError::new("noupdate"));
        }
        for (name, _) in &query.columns {
            let full = if root { *name } else { Sym::new(&format!("{space}.{name}")) };
            self.globals.remove(&full);
            self.views.assigned(full);
        }
        Ok(Some(from.clone()))
    }

    /// A query over a dictionary: its entries are columns of one row.
    fn over_dict(&mut self, query: &Query, keys: &K, values: &K, frame: &mut Frame) -> Flow {
        if query.by.is_some() || !query.filters.is_empty() {
            return Err(QError::nyi("query over a dictionary").into());
        }
        let names = keys.as_syms().ok_or_else(type_error)?;
        let columns = values.items().map(|v| v.enlist()).collect();
        let table = K::table(names.to_vec(), columns).map_err(QError::from)?;
        let K::Table(table) = table else { return Err(type_error().into()) };
        if query.verb == Verb::Delete {
            let gone: Vec<Sym> = query.columns.iter().map(|(n, _)| *n).collect();
            let drop = verbs::value("_");
            let dict = K::dict(keys.clone(), values.clone());
            return Ok(self.call2(&drop, K::syms(gone), dict)?);
        }
        let mut dict = K::dict(keys.clone(), values.clone());
        let mut out = Vec::new();
        for (name, node) in &query.columns {
            frame.scopes.push(Scope::new(Arc::clone(&table)));
            let value = self.node(node, frame);
            frame.scopes.pop();
            let value = value?;
            let value = if value.is_atom() { value } else { value.at(0) };
            out.push(value.clone());
            let entry = K::dict(K::syms(vec![*name]), K::list(vec![value]));
            dict = verbs::join::join(self, dict, entry)?;
        }
        match (query.verb, out.len()) {
            (Verb::Exec, 1) => Ok(out.pop().unwrap_or_default()),
            (Verb::Exec, _) => {
                let names = query.columns.iter().map(|(n, _)| *n).collect();
                Ok(K::dict(K::syms(names), K::collapse(out)))
            }
            _ => Ok(dict),
        }
    }

    fn target(&mut self, from: K) -> Result<Target> {
        let name = from.as_sym();
        let value = match name {
            Some(name) => self.global(name)?,
            None => from,
        };
        let keys = value.keyed().map_or(0, |(k, _)| k.names.len());
        match verbs::unkeyed(&value)? {
            K::Table(table) => Ok(Target { name, keys, table }),
            _ => Err(type_error()),
        }
    }

    /// The value of a node with a table's columns as names.
    fn in_scope(&mut self, node: &Node, scope: &Scope, frame: &mut Frame) -> Flow {
        self.charge(1 + scope.len() / 16)?;
        frame.scopes.push(scope.clone());
        let value = self.node(node, frame);
        frame.scopes.pop();
        value
    }
}

/// The items of a vector of longs, without copying what nobody else has.
fn into_longs(k: K) -> Vec<i64> {
    match k {
        K::Vec(Vector { data: Data::I64(v), .. }) => {
            Arc::try_unwrap(v).unwrap_or_else(|shared| shared.to_vec())
        }
        _ => Vec::new(),
    }
}

/// The names of columns that a node mentions.
fn mentioned(node: &Node, names: &mut Vec<Sym>) {
    match &node.expr {
        Expr::Column(name, further) => {
            if !names.contains(name) {
                names.push(*name);
            }
            mentioned(further, names);
        }
        Expr::Assign(a) => {
            a.index.iter().flatten().chain(&a.through).for_each(|n| mentioned(n, names));
            mentioned(&a.value, names);
        }
        Expr::Query(q) => {
            mentioned(&q.from, names);
            let columns = q.columns.iter().chain(q.by.iter().flatten()).map(|(_, n)| n);
            columns.chain(&q.filters).for_each(|n| mentioned(n, names));
        }
        _ => node.children().into_iter().for_each(|n| mentioned(n, names)),
    }
}
