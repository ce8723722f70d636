//! Tokens to trees (spec/kdb-q.md §2): right to left, no precedence.

mod list;
mod name;
mod pattern;
mod query;
mod term;

use crate::ast::{Assign, Expr, Node};
use crate::error::{QError, Result};
use crate::lex::{Adverb, Tok, Token, tokens};
use crate::verbs;
use formats::k::{K, Sym};

/// Levels that an expression may have: brackets and operators to the right of each other.
pub(crate) const DEPTH_MAX: usize = 400;

/// A statement of a script.
#[derive(Debug)]
pub(crate) enum Statement {
    /// An expression, and whether a semicolon hides its value.
    Expr(Node, bool),
    /// A system command, without its backslash.
    Command(String, (usize, usize)),
}

/// What a term may do next to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Noun,
    Verb,
}

pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Inside the clauses of a query, outside of brackets.
    query: bool,
    /// Inside the table of a query, which `where` ends; elsewhere it is a function.
    table: bool,
    /// In a line that begins with `k)`, where an operator without a left operand is the function of
    /// one argument that has its glyph.
    k: bool,
    /// Whether the expression that was read last ended in a function that has no right argument,
    /// such as `sum@` or `0|+`: what stands before it is composed with it, not applied to it.
    train: bool,
}

/// The statements of a program, nested no deeper than `levels`.
///
/// # Errors
/// A text that is no program, with the place that cannot be understood.
pub(crate) fn parse(source: &str, levels: usize) -> Result<Vec<Statement>> {
    let tokens = tokens(source)?;
    let depth = DEPTH_MAX.saturating_sub(levels);
    let mut parser =
        Parser { source, tokens, at: 0, depth, query: false, table: false, k: false, train: false };
    parser.script()
}

impl Parser<'_> {
    fn peek(&self) -> &Tok {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> &Tok {
        self.tokens.get(self.at + n).map_or(&Tok::End, |t| &t.tok)
    }

    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.source.len(), |t| t.start)
    }

    /// Where the token before this one ended.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.end)
    }

    fn take(&mut self, tok: &Tok) -> bool {
        let found = self.peek() == tok;
        if found {
            self.at += 1;
        }
        found
    }

    /// The error that names the text at hand.
    fn unexpected(&self) -> QError {
        let missing = (self.end(), self.end());
        let (start, end) = self.tokens.get(self.at).map_or(missing, |t| (t.start, t.end));
        let text = match self.peek() {
            Tok::End | Tok::Line => "unexpected end",
            _ => self.source.get(start..end).unwrap_or_default(),
        };
        QError::new(text).at((start, end))
    }

    fn expect(&mut self, close: u8) -> Result<()> {
        if self.take(&Tok::Close(close)) {
            return Ok(());
        }
        Err(match self.peek() {
            Tok::End | Tok::Line => {
                let end = self.end();
                QError::new(char::from(close).to_string()).at((end, end))
            }
            _ => self.unexpected(),
        })
    }

    fn script(&mut self) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            match self.peek().clone() {
                Tok::End => return Ok(statements),
                Tok::Line => {
                    self.at += 1;
                    self.k = false;
                }
                Tok::Name(name) if name.as_str() == "k" && *self.ahead(1) == Tok::Close(b')') => {
                    self.at += 2;
                    self.k = true;
                }
                Tok::Semi => {
                    self.at += 1;
                    if let Some(Statement::Expr(_, hidden)) = statements.last_mut() {
                        *hidden = true;
                    }
                }
                Tok::Command(text) => {
                    let span = (self.start(), self.start() + text.len() + 1);
                    self.at += 1;
                    statements.push(Statement::Command(text, span));
                }
                _ => {
                    let node = self.expr()?;
                    let next = self.peek();
                    if !matches!(next, Tok::End | Tok::Line | Tok::Semi | Tok::Command(_)) {
                        return Err(self.unexpected());
                    }
                    statements.push(Statement::Expr(node, false));
                }
            }
        }
    }

    /// Whether an expression cannot go on.
    fn ends(&self) -> bool {
        match self.peek() {
            Tok::Semi | Tok::Close(_) | Tok::Line | Tok::End | Tok::Command(_) => true,
            Tok::Op(",") => self.query,
            Tok::Name(name) => match name.as_str() {
                "by" | "from" => self.query,
                "where" => self.query && self.table,
                _ => false,
            },
            _ => false,
        }
    }

    /// An expression; it must not be empty.
    pub(super) fn expr(&mut self) -> Result<Node> {
        let start = self.start();
        match (self.peek(), self.ahead(1)) {
            (Tok::Adverb(Adverb::Each), next) if *next != Tok::Open(b'[') => {
                self.at += 1;
                let what = self.nested(Self::expr)?;
                let span = (start, what.span.1);
                return Ok(Node::new(Expr::Signal(Box::new(what)), span));
            }
            (Tok::Colon, next) if !matches!(next, Tok::Open(b'[') | Tok::Adverb(_)) => {
                self.at += 1;
                if self.ends() {
                    let colon = verbs::constant(":");
                    return Ok(Node::new(colon, (start, start + 1)));
                }
                let what = self.nested(Self::expr)?;
                let span = (start, what.span.1);
                return Ok(Node::new(Expr::Return(Box::new(what)), span));
            }
            _ => {}
        }
        let (term, class) = match self.unary_glyph() {
            Some(node) => self.suffixes(node, Class::Verb)?,
            None => self.term()?,
        };
        self.after(term, class)
    }

    /// Runs a rule one level deeper.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH_MAX {
            let at = self.start();
            return Err(QError::limit("limit").at((at, at)));
        }
        self.depth += 1;
        let out = rule(self);
        self.depth -= 1;
        out
    }

    /// The rest of an expression whose first term is known.
    fn after(&mut self, term: Node, class: Class) -> Result<Node> {
        if self.ends() {
            self.train = class == Class::Verb;
            return Ok(term);
        }
        let start = term.span.0;
        if class == Class::Verb {
            let argument = self.nested(Self::expr)?;
            if self.train {
                return Ok(composed(term, argument));
            }
            return self.prefix(term, argument);
        }
        if matches!(self.peek(), Tok::Colon | Tok::DoubleColon) {
            if let Some(train) = self.identity_train(&term) {
                return Ok(train);
            }
            let assign = self.assign(term, None)?;
            self.train = false;
            return Ok(assign);
        }
        let (next, class) = self.term()?;
        if class == Class::Noun {
            let argument = self.nested(|p| p.after(next, Class::Noun))?;
            if self.train {
                return Ok(composed(term, argument));
            }
            let span = (start, argument.span.1);
            let term = self.of_one(term);
            return Ok(Node::new(Expr::Apply(Box::new(term), vec![argument]), span));
        }
        if matches!(self.peek(), Tok::Colon) && self.start() == self.end() {
            let assign = self.assign(term, Some(next))?;
            self.train = false;
            return Ok(assign);
        }
        if self.ends() {
            self.train = true;
            return Ok(half(next, term));
        }
        let right = self.nested(Self::expr)?;
        if self.train {
            return Ok(composed(half(next, term), right));
        }
        let span = (start, right.span.1);
        Ok(Node::new(Expr::Apply(Box::new(next), vec![term, right]), span))
    }

    /// A function before its argument; only brackets and parentheses give one to an operator.
    fn prefix(&self, mut term: Node, argument: Node) -> Result<Node> {
        let text = self.source.get(term.span.0..term.span.1).unwrap_or_default();
        let bare = text.len() == 1 && "+*%&|^=<>$,#_~!?@.".contains(text);
        if bare && verbs::is_constant(&term.expr, text) {
            let word = verbs::of_one(text).filter(|_| self.k);
            let word = word.ok_or_else(|| QError::new(text).at(term.span))?;
            term.expr = verbs::constant(word);
        }
        let span = (term.span.0, argument.span.1);
        if verbs::is_constant(&term.expr, "-") {
            // Without a left operand the sign is meant.
            term.expr = verbs::constant("neg");
        }
        Ok(Node::new(Expr::Apply(Box::new(term), vec![argument]), span))
    }

    /// An operator in parentheses before its only argument is the function of one argument that
    /// has its glyph.
    fn of_one(&self, mut term: Node) -> Node {
        let text = self.source.get(term.span.0..term.span.1).unwrap_or_default();
        let glyph = text.trim_matches(|c: char| matches!(c, '(' | ')') || c.is_whitespace());
        if glyph.len() == 1
            && verbs::is_constant(&term.expr, glyph)
            && let Some(word) = verbs::of_one(glyph)
        {
            term.expr = verbs::constant(word);
        }
        term
    }

    /// `f::` at the end of an expression, which is as `f@`, if that is what comes.
    fn identity_train(&mut self, term: &Node) -> Option<Node> {
        if *self.peek() != Tok::DoubleColon {
            return None;
        }
        self.at += 1;
        if !self.ends() {
            self.at -= 1;
            return None;
        }
        let span = (self.end() - 2, self.end());
        if matches!(&term.expr, Expr::Const(k) if !matches!(k, K::Func(_))) {
            // Data as it is; nothing is composed with it.
            self.train = false;
            return Some(Node::new(term.expr.clone(), (term.span.0, span.1)));
        }
        self.train = true;
        let at = Node::new(verbs::constant("@"), span);
        Some(half(at, term.clone()))
    }

    /// `#:` and the like, which are the functions of one argument: as q has it, discouraged.
    fn unary_glyph(&mut self) -> Option<Node> {
        let Tok::Op(op) = self.peek() else { return None };
        let word = verbs::of_one(op)?;
        let (first, second) = (self.tokens.get(self.at)?, self.tokens.get(self.at + 1)?);
        if second.tok != Tok::Colon || first.end != second.start {
            return None;
        }
        let span = (first.start, second.end);
        self.at += 2;
        Some(Node::new(verbs::constant(word), span))
    }

    /// An assignment to `target`, at its colon.
    fn assign(&mut self, target: Node, through: Option<Node>) -> Result<Node> {
        let global = *self.peek() == Tok::DoubleColon;
        let colon = self.start();
        let closed = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let closed = closed.is_some_and(|t| t.tok == Tok::Close(b')'));
        self.at += 1;
        let plain = match &target.expr {
            Expr::Name(_) => true,
            Expr::Apply(name, _) => {
                matches!(name.expr, Expr::Name(name) if !verbs::is_reserved(name))
            }
            _ => false,
        };
        if closed && !plain && !global && through.is_none() && !self.ends() {
            let start = target.span.0;
            let value = self.nested(Self::expr)?;
            let span = (start, value.span.1);
            return Ok(Node::new(pattern::assignment(target, value)?, span));
        }
        let (target, index) = match target.expr {
            Expr::Name(_) => (target, None),
            Expr::Apply(name, index) if matches!(name.expr, Expr::Name(_)) => (*name, Some(index)),
            _ => return Err(QError::new("assign").at((colon, colon + 1))),
        };
        if let Expr::Name(name) = target.expr
            && verbs::is_reserved(name)
        {
            return Err(QError::new("assign").at(target.span));
        }
        let value = if self.ends() {
            Node::new(Expr::Const(K::Null), (colon, colon + 1))
        } else {
            self.nested(Self::expr)?
        };
        let span = (target.span.0, value.span.1);
        let assign = Assign { target, global, index, through, value };
        Ok(Node::new(Expr::Assign(Box::new(assign)), span))
    }

    /// Items between semicolons up to a closing bracket, which is taken; empty ones are holes.
    fn items(&mut self, close: u8) -> Result<Vec<Node>> {
        let outer = std::mem::replace(&mut self.query, false);
        let items = self.nested(|p| p.items_inner(close));
        self.query = outer;
        items
    }

    fn items_inner(&mut self, close: u8) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Tok::Semi | Tok::Close(_) => {
                    let at = self.start();
                    items.push(Node::new(Expr::Hole, (at, at)));
                }
                _ => items.push(self.expr()?),
            }
            if !self.take(&Tok::Semi) {
                self.expect(close)?;
                return Ok(items);
            }
        }
    }

    /// `name:expr` or `expr`, as columns are written.
    fn column(&mut self) -> Result<(Sym, Node, bool)> {
        if let (Tok::Name(name), Tok::Colon) = (self.peek().clone(), self.ahead(1)) {
            self.at += 2;
            if self.ends() {
                // As in a pattern, where anything will do.
                return Ok((name, Node::new(Expr::Hole, (self.start(), self.start())), true));
            }
            return Ok((name, self.nested(Self::expr)?, true));
        }
        let node = self.nested(Self::expr)?;
        Ok((name::of_column(&node), node, false))
    }
}

/// A function of two arguments that has its left one.
fn half(f: Node, left: Node) -> Node {
    let hole = Node::new(Expr::Hole, f.span);
    let span = (left.span.0, f.span.1);
    Node::new(Expr::Apply(Box::new(f), vec![left, hole]), span)
}

/// Two functions of which the second is applied first.
fn composed(f: Node, g: Node) -> Node {
    let span = (f.span.0, g.span.1);
    let compose = Node::new(verbs::constant("'"), f.span);
    Node::new(Expr::Apply(Box::new(compose), vec![f, g]), span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_line_and_column() {
        let error = |s: &str| {
            let e = parse(s, DEPTH_MAX).unwrap_err().located(s);
            (e.text.clone(), e.line, e.column)
        };
        assert_eq!(error("f:{x+1\ng:2)"), (")".into(), 2, 4));
        assert_eq!(error("(1;2"), (")".into(), 1, 5));
        assert_eq!(error("a:1\nb:]"), ("]".into(), 2, 3));
        assert_eq!(error("cos:12"), ("assign".into(), 1, 1));
    }

    #[test]
    fn depth_is_limited() {
        assert!(parse(&"(".repeat(100_000), DEPTH_MAX).unwrap_err().fatal);
        assert!(parse(&"1+".repeat(100_000), DEPTH_MAX).unwrap_err().fatal);
        assert!(parse(&"f ".repeat(100_000), DEPTH_MAX).unwrap_err().fatal);
        assert!(parse(&"{".repeat(100_000), DEPTH_MAX).unwrap_err().fatal);
        assert!(parse(&"select from ".repeat(100_000), DEPTH_MAX).unwrap_err().fatal);
    }
}
