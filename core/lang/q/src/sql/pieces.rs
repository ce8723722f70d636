//! Queries over tables in pieces, which nobody puts end to end for that: aggregates by symbol.

use crate::ast::{Expr, Node, Query, Verb};
use crate::func::Fun;
use crate::kernel::aggregate::Aggregate;
use crate::kernel::pieces::{Column, Keys, alike};
use crate::session::Session;
use crate::verbs::Class;
use formats::k::{K, Sym, Table};

/// A function that is one query, of a kind that can be computed piece by piece.
#[derive(Clone, Debug)]
pub(crate) struct Pieced {
    /// The name of the key, and the column that it is.
    by: (Sym, Sym),
    columns: Vec<(Sym, Part)>,
}

/// A column of the result.
#[derive(Clone, Debug)]
enum Part {
    Aggregate(Aggregate, Sym),
    /// A mean: the weights, and of what.
    Weighted(Sym, Sym),
}

impl Pieced {
    /// The query that a function of one table is.
    pub(crate) fn of(f: &K) -> Option<Self> {
        let Some(Fun::Lambda(lambda)) = Fun::of(f) else { return None };
        let ([Node { expr: Expr::Query(query), .. }], 1, 1) =
            (lambda.body.as_slice(), lambda.params, lambda.locals.len())
        else {
            return None;
        };
        let Query { verb: Verb::Select, distinct: false, limit: None, order: None, .. } = &**query
        else {
            return None;
        };
        let ([(name, key)], Expr::Local(0), true) =
            (query.by.as_deref()?, &query.from.expr, query.filters.is_empty())
        else {
            return None;
        };
        let by = (*name, column(key)?);
        let part = |(name, node): &(Sym, Node)| Some((*name, Part::of(node)?));
        let columns: Option<Vec<_>> = query.columns.iter().map(part).collect();
        Some(Self { by, columns: columns.filter(|columns| !columns.is_empty())? })
    }

    /// The result of the query over the rows of all tables; `None` where it takes another way, and
    /// where it signals an error, which that way finds, too.
    pub(crate) fn run(&self, cx: &mut Session, tables: &[&Table]) -> Option<K> {
        let keys = Keys::of(&pieces(tables, self.by.1)?)?;
        let rows: usize = tables.iter().map(|table| table.rows()).sum();
        cx.charge(1 + rows).ok()?;
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        for (name, part) in &self.columns {
            cx.charge(1 + rows / 8).ok()?;
            names.push(*name);
            columns.push(part.over(&keys, tables)?);
        }
        let by = K::table(vec![self.by.0], vec![keys.groups()]).ok()?;
        Some(K::dict(by, K::table(names, columns).ok()?))
    }
}

impl Part {
    fn of(node: &Node) -> Option<Self> {
        let Expr::Apply(f, args) = &node.expr else { return None };
        let Expr::Const(f) = &f.expr else { return None };
        let verb = Fun::verb(f)?;
        match (args.as_slice(), verb.class) {
            ([x], Class::Aggregate(op)) => Some(Self::Aggregate(op, column(x)?)),
            ([x, y], _) if verb.name == "wavg" => Some(Self::Weighted(column(x)?, column(y)?)),
            _ => None,
        }
    }

    fn over<'a>(&self, keys: &Keys<'a>, tables: &[&'a Table]) -> Option<K> {
        match self {
            Self::Aggregate(Aggregate::Count, name) if is_number(tables, *name) => {
                Some(keys.counts())
            }
            Self::Aggregate(op, name) => keys.aggregate(*op, &pieces(tables, *name)?),
            Self::Weighted(x, y) => {
                let number =
                    |column: &Column<'_>| column.first().is_some_and(|piece| piece.ty.is_numeric());
                let (x, y) = (pieces(tables, *x)?, pieces(tables, *y)?);
                if number(&x) && number(&y) { keys.weighted(&x, &y) } else { None }
            }
        }
    }
}

/// The name of the column that a node is.
fn column(node: &Node) -> Option<Sym> {
    match node.expr {
        Expr::Column(name, _) => Some(name),
        _ => None,
    }
}

/// Whether a name means the numbers of the rows.
fn is_number(tables: &[&Table], name: Sym) -> bool {
    name.as_str() == "i" && tables.first().is_some_and(|table| table.position(name).is_none())
}

/// The pieces of a column with items of one type; `None` where there is no such column.
fn pieces<'a>(tables: &[&'a Table], name: Sym) -> Option<Column<'a>> {
    let at = tables.first()?.position(name)?;
    let piece = |table: &&'a Table| match table.columns.get(at) {
        Some(K::Vec(vector)) => Some(vector),
        _ => None,
    };
    let column: Column<'a> = tables.iter().map(piece).collect::<Option<_>>()?;
    alike(&column).then_some(column)
}

/// Whether tables have the same columns in the same order.
pub(crate) fn same_columns(tables: &[&Table]) -> bool {
    tables.windows(2).all(|pair| match pair {
        [a, b] => std::sync::Arc::ptr_eq(&a.names, &b.names) || a.names == b.names,
        _ => true,
    })
}
