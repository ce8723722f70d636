//! Terms: what stands between blanks, with its brackets and iterators.

use super::{Class, Parser, pattern};
use crate::ast::{Draft, Expr, Node};
use crate::error::{QError, Result};
use crate::lex::{Adverb, Tok};
use crate::verbs;
use formats::k::Sym;

impl Parser<'_> {
    /// A term with the arguments and iterators that follow it.
    pub(super) fn term(&mut self) -> Result<(Node, Class)> {
        let (node, class) = self.primary()?;
        self.suffixes(node, class)
    }

    /// Arguments and iterators behind what was read.
    pub(super) fn suffixes(&mut self, mut node: Node, mut class: Class) -> Result<(Node, Class)> {
        loop {
            let start = node.span.0;
            match self.peek() {
                Tok::Open(b'[') => {
                    self.at += 1;
                    let args = self.items(b']')?;
                    let span = (start, self.end());
                    node = Node::new(control(node, args)?, span);
                    class = Class::Noun;
                }
                Tok::Adverb(adverb) => {
                    let adverb = *adverb;
                    self.at += 1;
                    let span = (start, self.end());
                    node = Node::new(Expr::Derived(adverb, Box::new(node)), span);
                    class = Class::Verb;
                }
                _ => return Ok((node, class)),
            }
        }
    }

    fn primary(&mut self) -> Result<(Node, Class)> {
        let start = self.start();
        let tok = self.peek().clone();
        let (expr, class) = match tok {
            Tok::Lit(value) => {
                self.at += 1;
                (Expr::Const(value), Class::Noun)
            }
            Tok::Op(op) => {
                self.at += 1;
                // What is not there is a name, so that using it is an error of the program.
                let expr = if verbs::find(op).is_some() {
                    verbs::constant(op)
                } else {
                    Expr::Name(Sym::new(op))
                };
                (expr, Class::Verb)
            }
            Tok::DoubleColon => {
                self.at += 1;
                (Expr::Const(formats::k::K::Null), Class::Noun)
            }
            Tok::Colon => {
                self.at += 1;
                (verbs::constant(":"), Class::Verb)
            }
            Tok::Adverb(adverb) => {
                self.at += 1;
                (adverb_value(adverb), Class::Verb)
            }
            Tok::Name(name) => return self.name(name),
            Tok::Open(b'(') => (self.parens()?, Class::Noun),
            Tok::Open(b'{') => (self.lambda()?, Class::Noun),
            Tok::Open(_) => {
                self.at += 1;
                (Expr::Block(self.items(b']')?), Class::Noun)
            }
            _ => return Err(self.unexpected()),
        };
        Ok((Node::new(expr, (start, self.end())), class))
    }

    fn name(&mut self, name: Sym) -> Result<(Node, Class)> {
        let start = self.start();
        let query = match name.as_str() {
            "select" => Some(crate::ast::Verb::Select),
            "exec" => Some(crate::ast::Verb::Exec),
            "update" => Some(crate::ast::Verb::Update),
            "delete" => Some(crate::ast::Verb::Delete),
            _ => None,
        };
        if let Some(verb) = query {
            self.at += 1;
            let expr = self.nested(|p| p.query(verb))?;
            return Ok((Node::new(expr, (start, self.end())), Class::Noun));
        }
        self.at += 1;
        let span = (start, self.end());
        let infix = verbs::find(name.as_str()).is_some_and(|v| v.infix);
        let class = if infix { Class::Verb } else { Class::Noun };
        Ok((Node::new(Expr::Name(name), span), class))
    }

    fn lambda(&mut self) -> Result<Expr> {
        self.at += 1;
        let outer = std::mem::replace(&mut self.query, false);
        let draft = self.nested(|p| {
            let mut body = Vec::new();
            let params = p.params(&mut body)?;
            if !body.is_empty() && *p.peek() == Tok::Close(b'}') {
                let at = p.start();
                body.push(Node::new(Expr::Const(formats::k::K::Null), (at, at)));
            }
            loop {
                match p.peek() {
                    Tok::Line => p.at += 1,
                    Tok::Semi => {
                        let at = p.start();
                        p.at += 1;
                        // A trailing semicolon makes the value of the lambda the generic null.
                        if *p.peek() == Tok::Close(b'}') {
                            let null = Expr::Const(formats::k::K::Null);
                            body.push(Node::new(null, (at, at)));
                        }
                    }
                    Tok::Close(b'}') => break,
                    _ => {
                        body.push(p.expr()?);
                        if !matches!(p.peek(), Tok::Semi | Tok::Close(b'}') | Tok::Line) {
                            p.expect(b'}')?;
                        }
                    }
                }
            }
            p.at += 1;
            Ok(Draft { params, body })
        });
        self.query = outer;
        Ok(Expr::Lambda(Box::new(draft?)))
    }

    /// Parameters; what takes those apart that are patterns goes to the body.
    fn params(&mut self, body: &mut Vec<Node>) -> Result<Option<Vec<Sym>>> {
        if !self.take(&Tok::Open(b'[')) {
            return Ok(None);
        }
        let mut params = Vec::new();
        if self.take(&Tok::Close(b']')) {
            return Ok(Some(params));
        }
        loop {
            let name = match (self.peek(), self.ahead(1)) {
                (Tok::Name(name), Tok::Semi | Tok::Close(b']')) => {
                    let name = *name;
                    self.at += 1;
                    name
                }
                (Tok::Semi | Tok::Close(b']'), _) => pattern::nothing(params.len()),
                _ => {
                    let node = self.nested(Self::expr)?;
                    let (name, taken) = pattern::parameter(node, params.len())?;
                    body.extend(taken);
                    name
                }
            };
            params.push(name);
            if !self.take(&Tok::Semi) {
                self.expect(b']')?;
                return Ok(Some(params));
            }
        }
    }
}

/// A bracketed application, or one of the control words that look like one.
fn control(head: Node, args: Vec<Node>) -> Result<Expr> {
    let word = match &head.expr {
        Expr::Name(name) => name.as_str(),
        Expr::Const(_) if args.len() > 2 && verbs::is_constant(&head.expr, "$") => "$",
        Expr::Const(_) if args.len() > 2 && verbs::is_constant(&head.expr, ":") => ":",
        _ => "",
    };
    let span = head.span;
    let checked = |args: Vec<Node>, make: fn(Vec<Node>) -> Expr| {
        if args.first().is_none_or(|a| matches!(a.expr, Expr::Hole)) {
            return Err(QError::new("cond").at(span));
        }
        Ok(make(args))
    };
    match word {
        "$" => checked(args, Expr::Cond),
        ":" => pattern::choice(args),
        "if" => checked(args, Expr::If),
        "while" => checked(args, Expr::While),
        "do" => checked(args, Expr::Do),
        _ => Ok(Expr::Apply(Box::new(head), args)),
    }
}

/// An iterator as a value, such as the `'` of `'[f;g]`.
fn adverb_value(adverb: Adverb) -> Expr {
    verbs::constant(adverb.glyph())
}
