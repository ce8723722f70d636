//! Patterns: what may stand in parentheses to the left of a colon.

use crate::ast::{Assign, Case, Expr, Match, Node, Pattern};
use crate::error::{QError, Result};
use crate::verbs;
use formats::k::{K, Sym};

/// The assignment of a value to a pattern.
pub(super) fn assignment(target: Node, value: Node) -> Result<Expr> {
    Ok(Expr::Match(Box::new(Match { pattern: pattern(target)?, value })))
}

/// `:[value;pattern;result;...;otherwise]`
pub(super) fn choice(args: Vec<Node>) -> Result<Expr> {
    let mut args = args.into_iter();
    let value = args.next().unwrap_or(Node::new(Expr::Hole, (0, 0)));
    let (mut arms, mut otherwise) = (Vec::new(), None);
    while let Some(first) = args.next() {
        match args.next() {
            Some(result) => arms.push((pattern(first)?, result)),
            None => otherwise = Some(first),
        }
    }
    Ok(Expr::Case(Box::new(Case { value, arms, otherwise })))
}

/// A parameter that is a pattern: the name of the variable that holds it, and the assignment that
/// takes it apart.
pub(super) fn parameter(node: Node, place: usize) -> Result<(Sym, Option<Node>)> {
    let span = node.span;
    let pattern = pattern(node)?;
    // A variable that is only checked keeps its name, which errors and `value` show.
    let own = match &pattern {
        Pattern::Checked(inner, _) => bound_name(inner),
        Pattern::Any => return Ok((nothing(place), None)),
        _ => None,
    };
    let name = own.unwrap_or_else(|| nothing(place));
    let value = Node::new(Expr::Name(name), span);
    let taken = Expr::Match(Box::new(Match { pattern, value }));
    Ok((name, Some(Node::new(taken, span))))
}

/// The name of a parameter that has none, which no program can write.
pub(super) fn nothing(place: usize) -> Sym {
    Sym::new(&format!("({place})"))
}

fn bound_name(pattern: &Pattern) -> Option<Sym> {
    let Pattern::Bind(Node { expr: Expr::Assign(a), .. }) = pattern else { return None };
    match a.target.expr {
        Expr::Name(name) if a.index.is_none() => Some(name),
        _ => None,
    }
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
