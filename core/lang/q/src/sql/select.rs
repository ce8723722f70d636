//! `select` and `exec`.

use super::grouped::By;
use super::{Scope, Target, into_longs};
use crate::ast::Query;
use crate::error::QError;
use crate::eval::{Flow, Frame, table_k, table_of};
use crate::kernel::order;
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Sym, Table, Type};

impl Session {
    pub(super) fn select(
        &mut self,
        query: &Query,
        target: &Target,
        scope: Scope,
        frame: &mut Frame,
    ) -> Flow {
        let result = match &query.by {
            Some(by) => {
                let by = self.by(by, &scope, frame)?;
                let values = self.group_columns(query, &scope, &by, frame)?;
                K::dict(table_k(by.keys), values)
            }
            None => {
                let scope = self.ordered(query, scope, frame)?;
                let scope = self.limited(query, scope, frame)?;
                if query.columns.is_empty() {
                    let whole = K::Table(scope.whole());
                    verbs::key_by(&whole, if query.distinct { 0 } else { target.keys })?
                } else {
                    self.plain_columns(query, &scope, frame)?
                }
            }
        };
        let result = if query.distinct { verbs::distinct(self, result)? } else { result };
        if query.by.is_some() && (query.limit.is_some() || query.order.is_some()) {
            return self.rows_of_result(query, &result, frame);
        }
        Ok(result)
    }

    /// Order and limit of a result that has groups.
    fn rows_of_result(&mut self, query: &Query, result: &K, frame: &mut Frame) -> Flow {
        let keys = result.keyed().map_or(0, |(k, _)| k.names.len());
        let K::Table(flat) = verbs::unkeyed(result)? else { return Ok(result.clone()) };
        let scope = self.ordered(query, Scope::new(flat), frame)?;
        let scope = self.limited(query, scope, frame)?;
        Ok(verbs::key_by(&K::Table(scope.whole()), keys)?)
    }

    /// The rows in the order of `[>c]`.
    fn ordered(&mut self, query: &Query, scope: Scope, frame: &mut Frame) -> Flow<Scope> {
        let Some((descending, node)) = &query.order else { return Ok(scope) };
        let column = self.in_scope(node, &scope, frame)?;
        let len = scope.len() as i64;
        let mut places: Vec<i64> = (0..len).collect();
        order::sort(&column, &mut places, *descending).map_err(|e| e.at(node.span))?;
        Ok(scope.pick(places))
    }

    /// The rows that `[n]` or `[m n]` leaves.
    fn limited(&mut self, query: &Query, scope: Scope, frame: &mut Frame) -> Flow<Scope> {
        let Some(node) = &query.limit else { return Ok(scope) };
        let limit = self.node(node, frame)?;
        let all = K::longs((0..scope.len() as i64).collect());
        let places =
            self.call2(&verbs::value("sublist"), limit, all).map_err(|e| e.at(node.span))?;
        Ok(scope.pick(into_longs(places)))
    }

    fn plain_columns(&mut self, query: &Query, scope: &Scope, frame: &mut Frame) -> Flow {
        let mut columns: Vec<(Sym, K)> = Vec::with_capacity(query.columns.len());
        for (name, node) in &query.columns {
            let value = self.in_scope(node, scope, frame)?;
            // A keyed or plain table as a column is a column of its rows.
            columns.push((*name, value));
        }
        Ok(table_of(columns, 0)?)
    }

    /// The columns of a query with groups; without columns the last row of each group.
    fn group_columns(&mut self, query: &Query, scope: &Scope, by: &By, frame: &mut Frame) -> Flow {
        let mut names = Vec::new();
        let mut columns = Vec::new();
        if query.columns.is_empty() {
            let op = crate::kernel::aggregate::Aggregate::Last;
            for name in scope.names() {
                let column = scope.column(*name).filter(|_| by.keys.position(*name).is_none());
                if let Some(column) = column {
                    names.push(*name);
                    columns.push(crate::kernel::aggregate::grouped(op, &column, &by.groups)?);
                }
            }
        }
        for (name, node) in &query.columns {
            let value = self.in_groups(node, scope, by, frame)?;
            names.push(*name);
            columns.push(as_column(self.by_group(value, by)));
        }
        Ok(K::table(names, columns).map_err(QError::from)?)
    }

    pub(super) fn exec(&mut self, query: &Query, scope: Scope, frame: &mut Frame) -> Flow {
        let scope = self.ordered(query, scope, frame)?;
        let scope = self.limited(query, scope, frame)?;
        let Some(by) = &query.by else { return self.plain_exec(query, &scope, frame) };
        let unnamed = by.len() == 1 && !query.keyed;
        let by = self.by(by, &scope, frame)?;
        let keys = match by.keys.columns.first() {
            // Rows are keys that are a table.
            Some(only) if unnamed && only.ty() == Some(Type::List) => {
                K::collapse(only.items().collect())
            }
            Some(only) if unnamed => only.clone(),
            _ => table_k(Table::clone(&by.keys)),
        };
        if let ([(_, node)], false) = (query.columns.as_slice(), query.named) {
            let value = self.in_groups(node, &scope, &by, frame)?;
            return Ok(K::dict(keys, self.by_group(value, &by)));
        }
        Ok(K::dict(keys, self.group_columns(query, &scope, &by, frame)?))
    }

    fn plain_exec(&mut self, query: &Query, scope: &Scope, frame: &mut Frame) -> Flow {
        if query.columns.is_empty() {
            return scope.last_row().map_err(Into::into);
        }
        let mut values = Vec::with_capacity(query.columns.len());
        for (_, node) in &query.columns {
            values.push(self.in_scope(node, scope, frame)?);
        }
        if values.len() == 1 && !query.named {
            return Ok(values.pop().unwrap_or_default());
        }
        let names = query.columns.iter().map(|(n, _)| *n).collect();
        Ok(K::dict(K::syms(names), K::collapse(values)))
    }
}

/// A list for a column: rows that became a table stay a list of dictionaries.
fn as_column(k: K) -> K {
    match k {
        K::Vec(_) => k,
        other => K::list(other.items().collect()),
    }
}
