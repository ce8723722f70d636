//! Expressions in groups: by kernels over all groups at once where possible, else group by group.

use super::{Scope, mentioned};
use crate::ast::{Expr, Node};
use crate::error::{Result, length_error};
use crate::eval::{Flow, Frame};
use crate::func::Fun;
use crate::kernel::aggregate::grouped;
use crate::kernel::group::{Groups, groups};
use crate::kernel::order;
use crate::session::Session;
use crate::verbs::{self, Class};
use formats::k::{Data, K, Sym, Table, Type, Vector};
use std::sync::Arc;

/// The groups of a query: their keys in ascending order, and which row is in which.
pub(super) struct By {
    /// The key columns, a row for each group.
    pub(super) keys: Table,
    pub(super) groups: Groups,
}

/// What an expression is, seen over all groups.
pub(super) enum Value {
    /// The same for every group: an atom or a function.
    Same(K),
    /// A value for each row, in the order of the rows.
    Rows(K),
    /// A value for each group.
    Each(K),
}

impl Session {
    /// Evaluates the columns of `by` and finds the groups.
    pub(super) fn by(&mut self, by: &[(Sym, Node)], scope: &Scope, frame: &mut Frame) -> Flow<By> {
        let rows = scope.table.rows();
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
        let found = groups(&all)?;
        let keys = all.gather(&found.firsts);
        let order = order::ascending(&keys)?;
        let groups = found.reordered(&order);
        match keys.gather(&order) {
            K::Table(keys) => Ok(By { keys: Table::clone(&keys), groups }),
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
        let kept: (Vec<Sym>, Vec<K>) = scope
            .table
            .iter()
            .enumerate()
            // One column must stay, to know the number of rows.
            .filter(|(at, (name, _))| *at == 0 || names.contains(name))
            .map(|(_, (name, column))| (name, column.clone()))
            .unzip();
        let table = Table { names: Arc::new(kept.0), columns: kept.1 };
        let scope = Scope { table: Arc::new(table), origin: scope.origin.clone() };
        let mut out = Vec::with_capacity(by.groups.firsts.len());
        for rows in by.groups.rows() {
            out.push(self.in_scope(node, &scope.rows(&rows), frame)?);
        }
        Ok(Value::Each(K::collapse(out)))
    }

    /// The value by kernels over whole columns, if the expression is made of what has such.
    fn columnar(
        &mut self,
        node: &Node,
        scope: &Scope,
        by: &By,
        frame: &mut Frame,
    ) -> Flow<Option<Value>> {
        match &node.expr {
            Expr::Const(k) if k.is_atom() => Ok(Some(Value::Same(k.clone()))),
            Expr::Local(_) | Expr::Global(_) => {
                let value = self.node(node, frame)?;
                Ok(if value.is_atom() { Some(Value::Same(value)) } else { None })
            }
            Expr::Column(name, further) => match scope.column(*name) {
                Some(column) => Ok(Some(Value::Rows(column))),
                None => self.columnar(further, scope, by, frame),
            },
            Expr::Apply(f, args) => {
                let Expr::Const(f) = &f.expr else { return Ok(None) };
                let Some(verb) = Fun::verb(f) else { return Ok(None) };
                let known = matches!(verb.class, Class::Atomic | Class::Aggregate(_))
                    || matches!(verb.name, "wavg" | "wsum");
                if !known || args.len() != verb.rank() {
                    return Ok(None);
                }
                let mut values = Vec::with_capacity(args.len());
                for arg in args.iter().rev() {
                    let inner = self.deeper(|cx| cx.columnar(arg, scope, by, frame))?;
                    let Some(value) = inner else { return Ok(None) };
                    values.push(value);
                }
                values.reverse();
                let out = self.grouped_call(f, values, by);
                Ok(out.map_err(|e| e.at(node.span))?)
            }
            _ => Ok(None),
        }
    }

    fn grouped_call(&mut self, f: &K, values: Vec<Value>, by: &By) -> Result<Option<Value>> {
        let Some(verb) = Fun::verb(f) else { return Ok(None) };
        let mut values = values.into_iter();
        match (verb.class, values.next(), values.next()) {
            (Class::Aggregate(op), Some(Value::Rows(column)), None) => {
                let flat = column.ty().is_some_and(|t| t != Type::List);
                let any = matches!(verb.name, "count" | "first" | "last");
                if !flat && !any {
                    return Ok(None);
                }
                self.charge(1 + column.len() / 8)?;
                Ok(Some(Value::Each(grouped(op, &column, &by.groups)?)))
            }
            (Class::Atomic, Some(x), None) => Ok(match x {
                Value::Same(k) => Some(Value::Same(self.call1(f, k)?)),
                Value::Rows(k) => Some(Value::Rows(self.call1(f, k)?)),
                Value::Each(k) => Some(Value::Each(self.call1(f, k)?)),
            }),
            (Class::Atomic, Some(x), Some(y)) => Ok(Some(match (x, y) {
                (Value::Same(x), Value::Same(y)) => Value::Same(self.call2(f, x, y)?),
                (Value::Each(x), Value::Each(y)) => Value::Each(self.call2(f, x, y)?),
                (Value::Each(x), Value::Same(y)) | (Value::Same(x), Value::Each(y)) => {
                    Value::Each(self.call2(f, x, y)?)
                }
                (x, y) => {
                    let x = spread(x, &by.groups);
                    let y = spread(y, &by.groups);
                    Value::Rows(self.call2(f, x, y)?)
                }
            })),
            (_, Some(Value::Rows(w)), Some(Value::Rows(x))) => weighted(self, verb.name, w, x, by),
            _ => Ok(None),
        }
    }

    /// The values as a column with an item for each group.
    pub(super) fn by_group(&mut self, value: Value, by: &By) -> K {
        match value {
            Value::Each(k) => k,
            Value::Same(K::Atom(ty, scalar)) => K::repeat(ty, scalar, by.groups.firsts.len()),
            Value::Same(k) => K::list(vec![k; by.groups.firsts.len()]),
            Value::Rows(k) => K::list(by.groups.rows().iter().map(|r| k.gather(r)).collect()),
        }
    }

    /// The values as a column with an item for each row, as an update needs it.
    pub(super) fn by_row(&mut self, value: Value, by: &By) -> Result {
        match value {
            Value::Rows(k) => Ok(k),
            Value::Same(K::Atom(ty, scalar)) => Ok(K::repeat(ty, scalar, by.groups.ids.len())),
            Value::Same(k) => Ok(K::list(vec![k; by.groups.ids.len()])),
            Value::Each(K::Vec(Vector { ty: Type::List, data: Data::List(items), .. })) => {
                let mut out = vec![K::Null; by.groups.ids.len()];
                for (item, rows) in items.iter().zip(by.groups.rows()) {
                    if !item.is_atom() && item.len() != rows.len() {
                        return Err(length_error());
                    }
                    for (n, row) in rows.iter().enumerate() {
                        let value = if item.is_atom() { item.clone() } else { item.at(n) };
                        if let Some(slot) = usize::try_from(*row).ok().and_then(|r| out.get_mut(r))
                        {
                            *slot = value;
                        }
                    }
                }
                Ok(K::collapse(out))
            }
            Value::Each(k) => Ok(spread(Value::Each(k), &by.groups)),
        }
    }
}

/// A value for each row; an atom stays one.
fn spread(value: Value, groups: &Groups) -> K {
    match value {
        Value::Same(k) | Value::Rows(k) => k,
        Value::Each(k) => k.gather(&groups.ids.iter().map(|id| i64::from(*id)).collect::<Vec<_>>()),
    }
}

/// `wavg` and `wsum` of each group; pairs with a null count for nothing.
fn weighted(cx: &mut Session, name: &str, w: K, x: K, by: &By) -> Result<Option<Value>> {
    let number = |k: &K| k.ty().is_some_and(|t| t.is_numeric() && !t.is_temporal());
    if !number(&w) || !number(&x) {
        return Ok(None);
    }
    let products = cx.call2(&verbs::value("*"), w.clone(), x)?;
    let op = crate::kernel::aggregate::Aggregate::Sum;
    let top = grouped(op, &products, &by.groups)?;
    if name == "wsum" {
        let top = crate::convert::cast::cast(Type::Float, &top)?;
        return Ok(Some(Value::Each(top)));
    }
    // Weights of absent values do not count: zero times a product is null where that is.
    let zero = cx.call2(&verbs::value("*"), K::float(0.0), products)?;
    let present = cx.call2(&verbs::value("+"), w, zero)?;
    let bottom = grouped(op, &present, &by.groups)?;
    Ok(Some(Value::Each(cx.call2(&verbs::value("%"), top, bottom)?)))
}
