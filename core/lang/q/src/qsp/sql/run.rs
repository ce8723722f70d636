//! A query over a table.

use super::lower::{aggregates, lower};
use super::parse::{Expr as Sql, Item, Select};
use super::wrong;
use crate::ast::{Expr, Node, Query, Verb};
use crate::error::{QError, Result, type_error};
use crate::eval::{Frame, Stop, table_k};
use crate::kernel::order;
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Sym, Table};
use std::sync::Arc;

/// What is computed: what is shown, and what is only there to sort or choose rows by.
struct Columns {
    shown: Vec<(Sym, Sql)>,
    having: Option<Sql>,
    order: Vec<(Sql, bool)>,
}

/// The result of a query, a table.
pub(super) fn select(cx: &mut Session, query: &Select, table: Arc<Table>) -> Result {
    let columns = columns(query, &table)?;
    let grouped = !query.groups.is_empty()
        || columns.shown.iter().any(|(_, e)| aggregates(e))
        || columns.having.as_ref().is_some_and(aggregates);
    let all: Vec<&Sql> = columns
        .shown
        .iter()
        .map(|(_, e)| e)
        .chain(&columns.having)
        .chain(columns.order.iter().map(|(e, _)| e))
        .collect();
    let made =
        if grouped { in_groups(cx, query, &all, table)? } else { by_row(cx, query, &all, table)? };
    finished(cx, query, &columns, made)
}

/// Whether everything in a query means something, whatever columns there are.
pub(super) fn check(query: &Select) -> Result<()> {
    for item in &query.items {
        if let Item::Named(_, expr) = item {
            lower(expr)?;
        }
    }
    let order = query.order.iter().map(|(expr, _)| expr);
    for expr in query.filter.iter().chain(&query.groups).chain(&query.having).chain(order) {
        lower(expr)?;
    }
    Ok(())
}

/// What `*` stands for, what names in `order by` and `having` mean.
fn columns(query: &Select, table: &Table) -> Result<Columns> {
    let mut shown: Vec<(Sym, Sql)> = Vec::new();
    for item in &query.items {
        match item {
            Item::All => shown.extend(table.names.iter().map(|n| (*n, Sql::Column(*n)))),
            Item::Named(name, expr) => shown.push((free(&shown, *name), expr.clone())),
        }
    }
    let meant = |expr: &Sql| match expr {
        Sql::Column(name) => {
            let found = shown.iter().find(|(n, _)| n == name).map(|(_, e)| e.clone());
            Ok(found.unwrap_or_else(|| expr.clone()))
        }
        // A number is the place of a column that is shown.
        Sql::Value(k) if k.as_long().is_some() => {
            let place = k.as_long().and_then(|p| usize::try_from(p - 1).ok());
            let found = place.and_then(|p| shown.get(p)).map(|(_, e)| e.clone());
            found.ok_or_else(|| wrong("order by: there is no such column"))
        }
        other => Ok(other.clone()),
    };
    let order = query.order.iter().map(|(e, down)| Ok((meant(e)?, *down)));
    let order = order.collect::<Result<Vec<_>>>()?;
    Ok(Columns { having: query.having.clone(), order, shown })
}

/// A name that no column has yet: the second `x` is `x1`.
fn free(shown: &[(Sym, Sql)], name: Sym) -> Sym {
    let taken = |name: Sym| shown.iter().any(|(n, _)| *n == name);
    if !taken(name) {
        return name;
    }
    let numbered = (1..).map(|n| Sym::new(&format!("{name}{n}")));
    numbered.take(shown.len() + 1).find(|n| !taken(*n)).unwrap_or(name)
}

fn query(table: Arc<Table>, select: &Select) -> Result<Query> {
    Ok(Query {
        verb: Verb::Select,
        distinct: false,
        limit: None,
        order: None,
        columns: Vec::new(),
        named: true,
        keyed: false,
        by: None,
        from: Node::new(Expr::Const(K::Table(table)), (0, 0)),
        filters: select.filter.iter().map(lower).collect::<Result<_>>()?,
    })
}

fn evaluated(cx: &mut Session, query: &Query) -> Result<Arc<Table>> {
    let mut frame = Frame::default();
    let value = match cx.query(query, &mut frame) {
        Ok(value) | Err(Stop::Return(value)) => value,
        Err(Stop::Error(error)) => return Err(error),
    };
    match verbs::unkeyed(&value)? {
        K::Table(table) => Ok(table),
        _ => Err(type_error()),
    }
}

/// A name that no query can have.
fn place(n: usize) -> Sym {
    Sym::new(&format!("\u{1}{n}"))
}

/// The columns of expressions, a row for each row.
fn by_row(
    cx: &mut Session,
    select: &Select,
    all: &[&Sql],
    table: Arc<Table>,
) -> Result<Arc<Table>> {
    let mut query = query(table, select)?;
    // The number of the row is there so that constants are repeated.
    for (n, expr) in std::iter::once(&Sql::Star).chain(all.iter().copied()).enumerate() {
        query.columns.push((place(n), textual(lower(expr)?)));
    }
    let whole = evaluated(cx, &query)?;
    let mut made = Table::clone(&whole);
    made.columns.remove(0);
    made.names = Arc::new((0..made.columns.len()).map(place).collect());
    Ok(Arc::new(made))
}

/// A text as a column is a symbol on each row.
fn textual(node: Node) -> Node {
    match node.expr {
        Expr::Const(k) if k.as_text().is_some() => {
            let name = Sym::intern(k.as_text().unwrap_or_default()).unwrap_or_default();
            Node::new(Expr::Const(K::sym(name)), node.span)
        }
        expr => Node::new(expr, node.span),
    }
}

/// The columns of expressions, a row for each group.
fn in_groups(
    cx: &mut Session,
    select: &Select,
    all: &[&Sql],
    table: Arc<Table>,
) -> Result<Arc<Table>> {
    // Groups may be told by the names of what is shown.
    let names = |expr: &Sql| match expr {
        Sql::Column(name) if table.column(*name).is_none() => {
            let found = select.items.iter().find_map(|item| match item {
                Item::Named(n, e) if n == name => Some(e.clone()),
                _ => None,
            });
            found.unwrap_or_else(|| expr.clone())
        }
        other => other.clone(),
    };
    let groups: Vec<Sql> = select.groups.iter().map(names).collect();
    let mut query = query(Arc::clone(&table), select)?;
    for (n, expr) in all.iter().enumerate() {
        let node = lower(expr)?;
        let node = match expr {
            _ if groups.contains(expr) => first(node),
            Sql::Value(_) | Sql::Text(_) => textual(node),
            _ if aggregates(expr) => node,
            _ => return Err(wrong("a column is neither grouped nor put together")),
        };
        query.columns.push((place(n), node));
    }
    if !groups.is_empty() {
        let keys = groups.iter().enumerate();
        let keys = keys.map(|(n, e)| Ok((Sym::new(&format!("\u{2}{n}")), lower(e)?)));
        query.by = Some(keys.collect::<Result<_>>()?);
    }
    let made = evaluated(cx, &query)?;
    let columns = (0..all.len()).map(|n| made.column(place(n)).cloned().unwrap_or_default());
    let columns: Vec<K> = columns.collect();
    match K::table((0..all.len()).map(place).collect(), columns)? {
        K::Table(table) => Ok(table),
        _ => Err(type_error()),
    }
}

fn first(node: Node) -> Node {
    let f = Node::new(verbs::constant("first"), (0, 0));
    Node::new(Expr::Apply(Box::new(f), vec![node]), (0, 0))
}

/// Chooses and orders the rows, and leaves what is shown.
fn finished(cx: &mut Session, select: &Select, columns: &Columns, made: Arc<Table>) -> Result {
    let mut table = Table::clone(&made);
    let shown = columns.shown.len();
    let mut hidden = shown;
    if columns.having.is_some() {
        let flags = table.columns.get(hidden).cloned().unwrap_or_default();
        let places = verbs::where_true(cx, flags)?;
        table = table.gather(places.as_longs().unwrap_or_default());
        hidden += 1;
    }
    // The last thing to order by first: sorting keeps the order of what is equal.
    for (n, (_, down)) in columns.order.iter().enumerate().rev() {
        let key = table.columns.get(hidden + n).cloned().unwrap_or_default();
        let rows = table.rows() as i64;
        let mut places: Vec<i64> = (0..rows).collect();
        order::sort(&key, &mut places, *down)?;
        table = table.gather(&places);
    }
    table.columns.truncate(shown);
    table.names = Arc::new(columns.shown.iter().map(|(n, _)| *n).collect());
    let mut result = table_k(table);
    if select.distinct {
        result = verbs::distinct(cx, result)?;
    }
    let number = |n: i64| usize::try_from(n).map_err(|_| QError::new("limit"));
    let start = number(select.offset)?.min(result.len());
    let end = match select.limit {
        Some(limit) => start.saturating_add(number(limit)?).min(result.len()),
        None => result.len(),
    };
    Ok(if start == 0 && end == result.len() { result } else { result.slice(start, end) })
}
