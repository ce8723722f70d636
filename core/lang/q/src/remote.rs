//! Texts that clients of a running spec send (spec/kdb-ipc.md §5): names, and calls with constants.
//!
//! Nothing that has an effect is evaluated here: a text that is more than a name, or a call of a
//! name with values as they are written, is none of this module's.

use crate::ast::{Expr, Node, Source};
use crate::compile;
use crate::error::{QError, Result};
use crate::eval::{Frame, Stop};
use crate::parse::{self, Statement};
use crate::session::{Options, Session};
use crate::verbs;
use formats::k::{K, Sym};
use std::sync::Arc;

/// Bytes that a text may have; larger values are sent as such and not as their text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Levels that its constants may have.
pub const LEVELS_MAX: usize = 64;
/// Steps that making the values of a text may take.
const STEPS_MAX: u64 = 1_000_000;
/// What may stand in a constant besides literals: it only puts values together.
const MAKERS: [&str; 5] = ["!", ",", "enlist", "flip", "neg"];

/// What a text stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The name of something.
    Name(String),
    /// A call of something by its name.
    Call(String, Vec<K>),
}

/// What a text stands for; nothing when it is more than a name or a call with constants.
///
/// # Errors
/// The text is too long, its constants do not fit together, or there are too many symbols.
pub fn said(text: &[u8]) -> Result<Option<Said>> {
    read(text, Sym::full())
}

/// The name and the text of the argument of a call with one argument, whatever that is.
#[must_use]
pub fn parts(text: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= TEXT_BYTES_MAX)?;
    let Expr::Apply(head, arguments) = only(text)?.expr else { return None };
    match (head.expr, arguments.as_slice()) {
        (Expr::Name(name), [argument]) if callable(name) => {
            let argument = text.get(argument.span.0..argument.span.1)?;
            Some((name.as_str().to_owned(), argument.to_owned()))
        }
        _ => None,
    }
}

/// The only expression of a text.
fn only(text: &str) -> Option<Node> {
    let mut statements = parse::parse(text, LEVELS_MAX).ok()?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Expr(node, _)), true) => Some(node),
        _ => None,
    }
}

fn read(text: &[u8], full: bool) -> Result<Option<Said>> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(QError::limit("limit"));
    }
    // Names in a text of a client are data.
    if full {
        return Err(QError::limit("too many symbols"));
    }
    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
    let Some(node) = only(text) else { return Ok(None) };
    match node.expr {
        Expr::Name(name) if callable(name) => Ok(Some(Said::Name(name.as_str().to_owned()))),
        Expr::Apply(head, arguments) => match head.expr {
            Expr::Name(name) if callable(name) && arguments.iter().all(is_constant) => {
                let arguments = values(text, arguments)?;
                Ok(Some(Said::Call(name.as_str().to_owned(), arguments)))
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Whether a name can be one of a client's: those of the language are not, but for what belongs to
/// a stream processor.
fn callable(name: Sym) -> bool {
    name.as_str().starts_with(".qsp.") || !verbs::is_reserved(name)
}

/// Whether a node is a value as it is written.
fn is_constant(node: &Node) -> bool {
    match &node.expr {
        Expr::Const(K::Func(_)) => false,
        Expr::Const(_) | Expr::Hole => true,
        Expr::List(items) => items.iter().all(is_constant),
        Expr::Table(keys, columns) => keys.iter().chain(columns).all(|(_, node)| is_constant(node)),
        Expr::Apply(function, arguments) => {
            let made = match &function.expr {
                Expr::Name(name) => MAKERS.contains(&name.as_str()),
                expr => MAKERS.iter().any(|name| verbs::is_constant(expr, name)),
            };
            // With a hole in it, it would be a function.
            let whole = |node: &Node| is_constant(node) && !matches!(node.expr, Expr::Hole);
            made && arguments.iter().all(whole)
        }
        _ => false,
    }
}

/// The values of constants.
fn values(text: &str, nodes: Vec<Node>) -> Result<Vec<K>> {
    if nodes.iter().all(|node| matches!(node.expr, Expr::Const(_) | Expr::Hole)) {
        let value = |node: Node| if let Expr::Const(k) = node.expr { k } else { K::Null };
        return Ok(nodes.into_iter().map(value).collect());
    }
    let mut session = Session::new(Options { steps_max: STEPS_MAX, ..Options::default() });
    let source = Arc::new(Source { text: text.to_owned() });
    let value = |mut node: Node| {
        compile::resolve(&mut node, &source, Sym::default())?;
        match session.node(&node, &mut Frame::default()) {
            Ok(value) | Err(Stop::Return(value)) => Ok(value),
            Err(Stop::Error(error)) => Err(error),
        }
    };
    nodes.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display;

    /// A name, or a call as the console shows its arguments.
    fn shown(text: &str) -> String {
        match said(text.as_bytes()) {
            Ok(None) => "none".to_owned(),
            Ok(Some(Said::Name(name))) => format!("name {name}"),
            Ok(Some(Said::Call(name, arguments))) => {
                let shown: Vec<String> = arguments.iter().map(display::text).collect();
                format!("{name} of {}", shown.join(" and "))
            }
            Err(error) => format!("'{error}"),
        }
    }

    #[test]
    fn names_and_calls_with_constants_are_read() {
        for (text, want) in [
            ("out", "name out"),
            (" .a.b\n", "name .a.b"),
            ("publish 1 2 3", "publish of 1 2 3"),
            ("publish[1 2 3]", "publish of 1 2 3"),
            ("publish[1 2 3];", "publish of 1 2 3"),
            ("publish `a", "publish of `a"),
            ("publish \"text\"", "publish of \"text\""),
            ("publish (1;`a;\"b\")", "publish of (1;`a;\"b\")"),
            ("publish -1", "publish of -1"),
            ("upd[`trade;1 2f]", "upd of `trade and 1 2f"),
            ("publish ([]a:1 2;b:`x`y)", "publish of +`a`b!(1 2;`x`y)"),
            ("publish `a`b!1 2", "publish of `a`b!1 2"),
            ("publish enlist 5", "publish of ,5"),
            (".qsp.teardown[]", ".qsp.teardown of ::"),
            (".qsp.get[`op;::]", ".qsp.get of `op and ::"),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn whatever_would_have_to_be_evaluated_is_not_read() {
        for text in [
            "",
            "1",
            "1+1",
            "{x}",
            "{x} 1",
            "publish {x}",
            "publish 1+1",
            "publish til 5",
            "publish x",
            "publish[a:1]",
            "a:1",
            "a;b",
            "\\d .a",
            "system \"ls\"",
            "count 1 2",
            "value \"1\"",
            "publish[exit 0]",
            "publish[(1;hopen 2)]",
            "f[g[1]]",
            "publish[",
            "select from t",
            "`a",
            "publish[!]",
            "publish[1]+1",
            "publish,1",
            "publish[enlist[;1]]",
            "publish ([]a:til 2)",
        ] {
            assert_eq!(shown(text), "none", "{text}");
        }
        assert_eq!(said(b"\xff"), Ok(None));
    }

    #[test]
    fn the_argument_of_a_call_is_a_part_of_the_text() {
        let parts = |text: &str| parts(text.as_bytes());
        let call = |argument: &str| Some(("publish".to_owned(), argument.to_owned()));
        assert_eq!(parts("publish til 10"), call("til 10"));
        assert_eq!(parts("publish[1+x];"), call("1+x"));
        assert_eq!(parts("publish ([]a:til 3)"), call("([]a:til 3)"));
        assert_eq!(parts("publish (1;2)+3"), call("(1;2)+3"));
        for text in ["publish", "publish[1;2]", "count x", "{x} 1", "a:1;publish 1", "publish["] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn texts_have_limits() {
        assert_eq!(super::read(b"out", true).unwrap_err().text, "too many symbols");
        let long = |count: usize| format!("publish {}", "1 ".repeat(count));
        let most = (TEXT_BYTES_MAX - 8) / 2;
        assert!(matches!(said(long(most).as_bytes()), Ok(Some(Said::Call(..)))));
        assert_eq!(shown(&long(most + 1)), "'limit");
        assert_eq!(shown(&format!("publish {}", "(".repeat(10_000))), "none");
        let nested = |levels: usize| shown(&format!("publish {}1", "enlist ".repeat(levels)));
        assert!(nested(LEVELS_MAX / 2).starts_with("publish of ,,"));
        assert_eq!(nested(LEVELS_MAX), "none");
        assert_eq!(shown("publish ([]a:1 2;b:1 2 3)"), "'length", "what does not fit together");
    }
}
