//! The names of columns that have none.

use crate::ast::{Expr, Node};
use crate::func::Fun;
use crate::verbs;
use formats::k::Sym;

/// Operators that keep the name of what is on their right.
const KEEPING: [&str; 3] = ["#", "$", "^"];

/// The name that a column takes from its expression; `x` when nothing in it gives one.
///
/// Of operators that compute the left side counts, of words between their arguments the last one
/// that has a name, of other functions the first: `c2+c3` is `c2` and `size wavg price` is `price`,
/// but `2*c2` is `x`. A cast, what fills nulls and an attribute keep the name.
pub(super) fn of_column(node: &Node) -> Sym {
    named(node).unwrap_or_else(|| Sym::new("x"))
}

fn named(node: &Node) -> Option<Sym> {
    match &node.expr {
        Expr::Name(name) if name.as_str() != "i" && !verbs::is_reserved(*name) => {
            let name = name.as_str();
            Some(Sym::new(name.rsplit('.').next().unwrap_or(name)))
        }
        Expr::Apply(f, args) => of_application(f, args),
        Expr::Name(_) | Expr::Query(_) | Expr::Lambda(_) => None,
        _ => node.children().into_iter().find_map(named),
    }
}

fn of_application(f: &Node, args: &[Node]) -> Option<Sym> {
    match (&f.expr, args) {
        (Expr::Const(k), [left, _])
            if Fun::verb(k).is_some_and(|v| v.infix && !KEEPING.contains(&v.name)) =>
        {
            named(left)
        }
        (Expr::Derived(..), [_, right]) => named(right),
        // Items of a column keep its name; a function has no say.
        (Expr::Name(name), [one])
            if !verbs::is_reserved(*name) && matches!(one.expr, Expr::Const(_)) =>
        {
            named(f)
        }
        (Expr::Name(word), [_, _]) if is_between(*word) => args.iter().rev().find_map(named),
        _ => args.iter().find_map(named),
    }
}

/// Whether a name is a word that stands between its arguments, and no other way to write an
/// operator.
fn is_between(name: Sym) -> bool {
    let word = name.as_str();
    let operator = word.starts_with('.') || matches!(word, "and" | "or");
    !operator && verbs::find(word).is_some_and(|verb| verb.infix)
}
