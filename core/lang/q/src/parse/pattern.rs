//! Patterns: what may stand in parentheses to the left of a colon.

use crate::ast::{Assign, Expr, Match, Node, Pattern};
use crate::error::{QError, Result};
use crate::verbs;
use formats::k::K;

/// The assignment of a value to a pattern.
pub(super) fn assignment(target: Node, value: Node) -> Result<Expr> {
    Ok(Expr::Match(Box::new(Match { pattern: pattern(target)?, value })))
}

/// The pattern that was read as an expression.
fn pattern(node: Node) -> Result<Pattern> {
    let span = node.span;
    Ok(match node.expr {
        Expr::Hole => Pattern::Any,
        Expr::Name(_) => Pattern::Bind(bound(node, None, span)),
        Expr::Const(_) => Pattern::Value(node),
        Expr::List(items) => Pattern::List(patterns(items)?),
        Expr::Return(check) => Pattern::Checked(Box::new(Pattern::Any), *check),
        Expr::Match(inner) => Pattern::Checked(Box::new(inner.pattern), inner.value),
        Expr::Assign(a) if a.through.is_none() && !a.global => {
            let inner = Pattern::Bind(bound(a.target, a.index, span));
            Pattern::Checked(Box::new(inner), a.value)
        }
        Expr::Apply(f, mut args) => {
            if verbs::is_constant(&f.expr, "enlist") {
                return Ok(Pattern::List(patterns(args)?));
            }
            match (args.pop(), args.pop()) {
                (Some(values), Some(keys))
                    if args.is_empty() && verbs::is_constant(&f.expr, "!") =>
                {
                    dictionary(keys, values)?
                }
                (Some(dict), None) if is_flip(&f.expr) => Pattern::Flip(Box::new(pattern(dict)?)),
                (Some(index), None) if matches!(f.expr, Expr::Name(_)) => {
                    Pattern::Bind(bound(*f, Some(vec![index]), span))
                }
                _ => return Err(QError::new("assign").at(span)),
            }
        }
        Expr::Table(keys, columns) => {
            let (names, nodes): (Vec<_>, Vec<_>) = keys.into_iter().chain(columns).unzip();
            Pattern::Columns(names, patterns(nodes)?)
        }
        _ => return Err(QError::new("assign").at(span)),
    })
}

fn is_flip(expr: &Expr) -> bool {
    matches!(expr, Expr::Name(name) if name.as_str() == "flip")
}

fn patterns(nodes: Vec<Node>) -> Result<Vec<Pattern>> {
    nodes.into_iter().map(pattern).collect()
}

/// `keys!values`, where the keys are known or are a pattern, too.
fn dictionary(keys: Node, values: Node) -> Result<Pattern> {
    let several = match values.expr {
        Expr::List(items) => Ok(items),
        Expr::Apply(f, items) if verbs::is_constant(&f.expr, "enlist") => Ok(items),
        expr => Err(Node::new(expr, values.span)),
    };
    match several {
        Ok(items) if matches!(keys.expr, Expr::Const(_)) => {
            Ok(Pattern::Keys(keys, patterns(items)?))
        }
        Ok(items) => {
            let items = Pattern::List(patterns(items)?);
            Ok(Pattern::Pair(Box::new(pattern(keys)?), Box::new(items)))
        }
        Err(values) => Ok(Pattern::Pair(Box::new(pattern(keys)?), Box::new(pattern(values)?))),
    }
}

/// An assignment whose value is not known yet.
fn bound(target: Node, index: Option<Vec<Node>>, span: (usize, usize)) -> Node {
    let value = Node::new(Expr::Const(K::Null), span);
    let assign = Assign { target, global: false, index, through: None, value };
    Node::new(Expr::Assign(Box::new(assign)), span)
}
