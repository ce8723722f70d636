//! Queries and expressions as data: `?[t;c;b;a]`, `![t;c;b;a]`, `eval`.

use super::{Class, Verb};
use crate::ast::{Expr, Node, Query, Verb as Word};
use crate::error::{Result, type_error};
use crate::eval::{Frame, Stop};
use crate::session::Session;
use formats::k::{Data, K, Scalar, Sym, Type, Vector};

fn node(expr: Expr) -> Node {
    Node::new(expr, (0, 0))
}

/// The node that a parse tree stands for.
fn tree(cx: &mut Session, k: &K, query: bool) -> Result<Node> {
    cx.deeper(|cx| {
        Ok(node(match k {
            K::Atom(Type::Symbol, Scalar::Sym(name)) => name_node(*name, query),
            K::Vec(Vector { data: Data::Sym(names), .. }) if names.len() == 1 => {
                Expr::Const(k.at(0))
            }
            K::Vec(Vector { data: Data::List(items), .. }) => match items.as_slice() {
                [] => Expr::Const(k.clone()),
                [only] => Expr::Const(only.clone()),
                [head, args @ ..] => {
                    if let Some(expr) = super::tree::statement(items, |k| tree(cx, k, query))? {
                        return Ok(node(expr));
                    }
                    let args = args.iter().map(|a| tree(cx, a, query)).collect::<Result<_>>()?;
                    Expr::Apply(Box::new(tree(cx, head, query)?), args)
                }
            },
            other => Expr::Const(other.clone()),
        }))
    })
}

fn name_node(name: Sym, query: bool) -> Expr {
    if super::find(name.as_str()).is_some() {
        return super::constant(name.as_str());
    }
    if name.is_null() {
        return Expr::Const(K::sym(name));
    }
    let global = Expr::Global(name);
    if query { Expr::Column(name, Box::new(node(global))) } else { global }
}

fn run(cx: &mut Session, node: &Node) -> Result {
    let mut frame = Frame::default();
    match cx.node(node, &mut frame) {
        Ok(value) | Err(Stop::Return(value)) => Ok(value),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// The value of a parse tree.
pub(super) fn eval(cx: &mut Session, k: &K) -> Result {
    let node = tree(cx, k, false)?;
    run(cx, &node)
}

/// Named columns of a dictionary of parse trees.
fn named(cx: &mut Session, k: &K) -> Result<Vec<(Sym, Node)>> {
    let K::Dict(d) = k else { return Err(type_error()) };
    let names = d.keys.as_syms().ok_or_else(type_error)?;
    let pairs = names.iter().zip(d.values.items());
    pairs.map(|(n, v)| Ok((*n, tree(cx, &v, true)?))).collect()
}

fn query(cx: &mut Session, word: Word, table: &K, filters: &K) -> Result<Query> {
    let filters = filters.items().map(|f| tree(cx, &f, true)).collect::<Result<Vec<_>>>();
    Ok(Query {
        verb: word,
        distinct: false,
        limit: None,
        order: None,
        columns: Vec::new(),
        named: false,
        keyed: false,
        by: None,
        from: node(Expr::Const(table.clone())),
        filters: filters?,
    })
}

fn flag(k: &K) -> Option<bool> {
    match k {
        K::Atom(Type::Bool, Scalar::U8(x)) => Some(*x != 0),
        _ => None,
    }
}

fn is_empty_list(k: &K) -> bool {
    k.ty() == Some(Type::List) && k.is_empty()
}

/// `?[table;conditions;by;columns;limit;order]`.
pub(super) fn select(cx: &mut Session, args: Vec<K>) -> Result {
    let [table, filters, by, columns, rest @ ..] = args.as_slice() else {
        return Err(crate::error::rank_error());
    };
    let exec = flag(by).is_none() && !matches!(by, K::Dict(d) if !d.keys.is_empty())
        || matches!(columns, K::Atom(Type::Symbol, _));
    let mut q = query(cx, if exec { Word::Exec } else { Word::Select }, table, filters)?;
    q.distinct = flag(by) == Some(true);
    q.by = match by {
        K::Dict(d) if !d.keys.is_empty() => Some(named(cx, by)?),
        K::Atom(Type::Symbol, Scalar::Sym(name)) => Some(vec![(*name, tree(cx, by, true)?)]),
        // A list of names is no column: all rows are one group, which has no name.
        K::Vec(Vector { data: Data::Sym(names), .. }) if !names.is_empty() => {
            Some(vec![(Sym::default(), node(Expr::Const(K::sym(""))))])
        }
        _ => None,
    };
    q.keyed = matches!(by, K::Dict(_));
    match columns {
        _ if is_empty_list(columns) => {}
        K::Dict(_) => {
            q.columns = named(cx, columns)?;
            q.named = true;
        }
        other => q.columns = vec![(Sym::new("x"), tree(cx, other, true)?)],
    }
    if let [limit, order @ ..] = rest {
        if !matches!(limit, K::Atom(_, Scalar::I64(i64::MAX))) {
            q.limit = Some(node(Expr::Const(limit.clone())));
        }
        if let [order] = order {
            let first = order.at(0);
            let descending = crate::func::Fun::verb(&first).map(|v| v.name);
            let descending = matches!(descending, Some(">:" | "idesc"));
            q.order = Some((descending, tree(cx, &order.at(1), true)?));
        }
    }
    run(cx, &node(Expr::Query(Box::new(q))))
}

/// `![table;conditions;by;columns]`.
pub(super) fn update(cx: &mut Session, args: Vec<K>) -> Result {
    let [table, filters, by, columns] = args.as_slice() else {
        return Err(crate::error::rank_error());
    };
    let delete = columns.as_syms().is_some() || is_empty_list(columns);
    let mut q = query(cx, if delete { Word::Delete } else { Word::Update }, table, filters)?;
    if matches!(by, K::Dict(_)) {
        q.by = Some(named(cx, by)?);
    }
    q.columns = match columns.as_syms() {
        Some(names) => names.iter().map(|n| (*n, node(Expr::Const(K::Null)))).collect(),
        None if delete => Vec::new(),
        None => named(cx, columns)?,
    };
    run(cx, &node(Expr::Query(Box::new(q))))
}

fn identity(_: &mut Session, x: K) -> Result {
    Ok(x)
}

pub(super) const VERBS: &[Verb] =
    &[Verb::word("::", Class::Other, identity, "The argument itself.", "q)(::)1\n1")];
