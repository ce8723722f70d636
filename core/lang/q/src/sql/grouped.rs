//! Expressions in groups: by kernels over all groups at once where possible, else group by group.

use super::columnar::spread;
use super::{Scope, mentioned};
use crate::ast::Node;
use crate::error::{Result, length_error};
use crate::eval::{Flow, Frame};
use crate::kernel::dense::{Dense, runs};
use crate::kernel::group::{Groups, groups};
use crate::kernel::order;
use crate::kernel::segments::Segments;
use crate::session::Session;
use formats::k::{Data, K, Sym, Table, Type, Vector};
use std::cell::OnceCell;
use std::sync::Arc;

/// The groups of a query: their keys in ascending order, and which row is in which.
pub(super) struct By {
    /// The key columns, a row for each group.
    pub(super) keys: Table,
    pub(super) groups: Groups,
    segments: OnceCell<Segments>,
}

impl By {
    /// The rows of each group.
    pub(super) fn segments(&self) -> &Segments {
        let groups = &self.groups;
        self.segments.get_or_init(|| Segments::new(&groups.ids, groups.firsts.len()))
    }
}

/// What an expression is, seen over all groups.
pub(super) enum Value {
    /// The same for every group: an atom or a function.
    Same(K),
    /// A value for each row, in the order of the rows.
    Rows(K),
    /// Some values of each group, in the order of the rows, and the group of each.
    Some(K, Vec<u32>),
    /// A value for each group.
    Each(K),
}

impl Session {
    /// Evaluates the columns of `by` and finds the groups.
    pub(super) fn by(&mut self, by: &[(Sym, Node)], scope: &Scope, frame: &mut Frame) -> Flow<By> {
        let rows = scope.len();
        let mut names = Vec::with_capacity(by.len());
        let mut columns = Vec::with_capacity(by.len());
        for (name, node) in by {
            let column = self.in_scope(node, scope, frame)?;
            names.push(*name);
            columns.push(match column {
                K::Atom(ty, scalar) => K::repeat(ty, scalar, rows),
                K::Dict(_) | K::Table(_) => K::list(column.items().collect()),
                column => column,
            });
            if columns.last().is_some_and(|c| c.len() != rows) {
                return Err(length_error().at(node.span).into());
            }
        }
        Ok(self.groups_of(names, columns)?)
    }

    /// The groups of key columns, in ascending order of the keys.
    fn groups_of(&mut self, names: Vec<Sym>, columns: Vec<K>) -> Result<By> {
        let all = K::table(names, columns)?;
        self.charge(1 + all.len())?;
        let K::Table(table) = &all else { return Err(crate::error::type_error()) };
        // Words of symbols are not in the order of their texts.
        let symbols = table.columns.iter().any(|c| c.ty() == Some(Type::Symbol));
        let direct = match table.columns.as_slice() {
            [K::Vec(Vector { data: Data::Sym(v), .. })] => Some(order::ranked(v)),
            _ if symbols => None,
            columns => runs(columns).or_else(|| Dense::of(columns).map(Dense::ordered_groups)),
        };
        if let Some(groups) = direct {
            let keys = table.gather(&groups.firsts);
            return Ok(By { keys, groups, segments: OnceCell::new() });
        }
        let found = groups(&all)?;
        let keys = all.gather(&found.firsts);
        let order = order::ascending(&keys)?;
        let groups = found.reordered(&order);
        match keys.gather(&order) {
            K::Table(keys) => {
                Ok(By { keys: Table::clone(&keys), groups, segments: OnceCell::new() })
            }
            _ => Err(crate::error::type_error()),
        }
    }

    /// The values of an expression: by group, or by row when it does not aggregate.
    pub(super) fn in_groups(
        &mut self,
        node: &Node,
        scope: &Scope,
        by: &By,
        frame: &mut Frame,
    ) -> Flow<Value> {
        if let Some(value) = self.columnar(node, scope, by, frame)? {
            return Ok(value);
        }
        let mut names = Vec::new();
        mentioned(node, &mut names);
        let segments = by.segments();
        let column = |name: &Sym| Some((*name, scope.column(*name)?.gather(&segments.places)));
        // One column must stay, to know the number of rows.
        let kept = scope.names().iter().enumerate();
        let kept = kept.filter(|(at, name)| *at == 0 || names.contains(name));
        let (own, columns) = kept.filter_map(|(_, name)| column(name)).unzip();
        let table = Table { names: Arc::new(own), columns };
        let numbers = match names.iter().any(|name| name.as_str() == "i") {
            true => K::longs(scope.numbers()).gather(&segments.places),
            false => K::longs(Vec::new()),
        };
        let numbers = numbers.as_longs().unwrap_or_default();
        let mut out = Vec::with_capacity(by.groups.firsts.len());
        for (start, end) in segments.ranges() {
            let part = Arc::new(table.slice(start, end));
            let numbers = numbers.get(start..end).unwrap_or_default().to_vec();
            out.push(self.in_scope(node, &Scope::numbered(part, numbers), frame)?);
        }
        Ok(Value::Each(K::collapse(out)))
    }

    /// The values as a column with an item for each group.
    pub(super) fn by_group(&mut self, value: Value, by: &By) -> K {
        match value {
            Value::Each(k) => k,
            Value::Same(K::Atom(ty, scalar)) => K::repeat(ty, scalar, by.groups.firsts.len()),
            Value::Same(k) => K::list(vec![k; by.groups.firsts.len()]),
            Value::Rows(k) => K::list(by.segments().lists(&k)),
            Value::Some(k, ids) => K::list(Segments::new(&ids, by.groups.firsts.len()).lists(&k)),
        }
    }

    /// The values as a column with an item for each row, as an update needs it.
    pub(super) fn by_row(&mut self, value: Value, by: &By) -> Result {
        match value {
            Value::Rows(k) => Ok(k),
            Value::Same(K::Atom(ty, scalar)) => Ok(K::repeat(ty, scalar, by.groups.ids.len())),
            Value::Same(k) => Ok(K::list(vec![k; by.groups.ids.len()])),
            Value::Some(k, ids) => {
                let lists = self.by_group(Value::Some(k, ids), by);
                self.by_row(Value::Each(lists), by)
            }
            Value::Each(K::Vec(Vector { ty: Type::List, data: Data::List(items), .. })) => {
                let mut out = Vec::with_capacity(by.groups.ids.len());
                for (item, (start, end)) in items.iter().zip(by.segments().ranges()) {
                    if !item.is_atom() && item.len() != end - start {
                        return Err(length_error());
                    }
                    let value = |n| if item.is_atom() { item.clone() } else { item.at(n) };
                    out.extend((0..end - start).map(value));
                }
                Ok(K::collapse(out_of_order(out, by.segments())))
            }
            Value::Each(k) => Ok(spread(Value::Each(k), &by.groups)),
        }
    }
}

/// Items that go group by group, in the order of the rows.
fn out_of_order(items: Vec<K>, segments: &Segments) -> Vec<K> {
    let mut out = vec![K::Null; items.len()];
    for (item, place) in items.into_iter().zip(&segments.places) {
        if let Some(slot) = usize::try_from(*place).ok().and_then(|p| out.get_mut(p)) {
            *slot = item;
        }
    }
    out
}
