//! Expressions, with the precedence of C++.

use plan::{Diagnostic, Span};

use super::{DEPTH_MAX, Parsed, Parser};
use crate::ast::{Expr, ExprKind, Literal};
use crate::lex::Token;
use crate::schema::SEPARATOR;
use crate::types::Type;

/// Binary operators from the weakest to the strongest.
const LEVELS: &[&[&str]] =
    &[&["||"], &["&&"], &["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

/// Functions of one number, and of two.
const FUNCTIONS: &[(&str, usize)] = &[
    ("ABS", 1),
    ("SQRT", 1),
    ("EXP", 1),
    ("LN", 1),
    ("LOG2", 1),
    ("LOG10", 1),
    ("SIN", 1),
    ("COS", 1),
    ("RADIANS", 1),
    ("ROUND", 1),
    ("CEIL", 1),
    ("FLOOR", 1),
    ("MOD", 2),
    ("POWER", 2),
];

/// An expression, unless it is too deep.
pub(crate) fn make(kind: ExprKind, span: Span) -> Parsed<Expr> {
    let inner = match &kind {
        ExprKind::Attr(_) | ExprKind::Literal(_) => 0,
        ExprKind::Unary(_, a) | ExprKind::Cast(_, a) | ExprKind::IsNull(a) => a.depth,
        ExprKind::Binary(_, a, b) => a.depth.max(b.depth),
        ExprKind::Call(_, args) => args.iter().map(|a| a.depth).max().unwrap_or(0),
        ExprKind::Case(pairs, last) => {
            let pairs = pairs.iter().map(|(c, v)| c.depth.max(v.depth)).max();
            pairs.unwrap_or(0).max(last.depth)
        }
    };
    if inner >= DEPTH_MAX {
        let text = format!("an expression more than {DEPTH_MAX} deep");
        return Err(Diagnostic::error("too-deep", text, span));
    }
    Ok(Expr { kind, span, depth: inner + 1 })
}

impl Parser {
    pub(crate) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(|p| p.level(0))
    }

    fn level(&mut self, level: usize) -> Parsed<Expr> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        loop {
            let found = match self.peek() {
                Token::Sign(sign) => signs.iter().find(|s| *s == sign),
                _ => None,
            };
            let Some(sign) = found else { return Ok(left) };
            let span = self.span();
            self.next();
            let right = self.level(level + 1)?;
            left = make(ExprKind::Binary(sign, Box::new(left), Box::new(right)), span)?;
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        for sign in ["!", "-", "++", "--"] {
            let span = self.span();
            if self.sign_if(sign) {
                let inner = self.nested(Parser::unary)?;
                return make(ExprKind::Unary(sign, Box::new(inner)), span);
            }
        }
        self.sign_if("+");
        self.primary()
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if self.sign_if("(") {
            let inner = self.expr()?;
            self.sign(")")?;
            return Ok(inner);
        }
        match self.peek().clone() {
            Token::Word(word) if word == "Attribute" => {
                let attr = self.attr()?;
                make(ExprKind::Attr(attr.name), span)
            }
            Token::Word(word) if word == "true" || word == "false" => {
                self.next();
                make(ExprKind::Literal(Literal::Bool(word == "true")), span)
            }
            Token::Word(word) if word == "CASE" => self.case(span),
            Token::Word(word) if self.alias(&word).is_some() => {
                let source = self.alias(&word).unwrap_or_default().to_owned();
                self.next();
                self.sign(".")?;
                let field = self.any_word("a field")?;
                make(ExprKind::Attr(format!("{source}{SEPARATOR}{field}")), span)
            }
            Token::Word(word) => self.call(&word, span),
            Token::Int(value, suffix) => {
                self.next();
                let ty = int_type(value, &suffix);
                make(ExprKind::Literal(Literal::Int(value, ty)), span)
            }
            Token::Float(value, single) => {
                self.next();
                make(ExprKind::Literal(Literal::Float(value, single)), span)
            }
            Token::Text(text) => {
                self.next();
                make(ExprKind::Literal(Literal::Text(text)), span)
            }
            Token::Char(code) => {
                self.next();
                make(ExprKind::Literal(Literal::Char(code)), span)
            }
            _ => self.error("an expression"),
        }
    }

    fn call(&mut self, name: &str, span: Span) -> Parsed<Expr> {
        let Some((_, count)) = FUNCTIONS.iter().find(|(f, _)| *f == name) else {
            return self.error("an expression");
        };
        self.next();
        self.sign("(")?;
        let args = self.list(Parser::expr)?;
        self.sign(")")?;
        if args.len() != *count {
            let text =
                format!("{name} takes {count} argument{}", if *count == 1 { "" } else { "s" });
            return Err(Diagnostic::error("syntax", text, span));
        }
        make(ExprKind::Call(name.to_owned(), args), span)
    }

    fn case(&mut self, span: Span) -> Parsed<Expr> {
        self.next();
        self.sign("(")?;
        self.sign("{")?;
        let pairs = self.list(|p| {
            p.word("WHEN")?;
            p.sign("(")?;
            let condition = p.expr()?;
            p.sign(",")?;
            let value = p.expr()?;
            p.sign(")")?;
            Ok((condition, value))
        })?;
        self.sign("}")?;
        self.sign(",")?;
        let last = self.expr()?;
        self.sign(")")?;
        make(ExprKind::Case(pairs, Box::new(last)), span)
    }
}

/// The type a C++ compiler gives an integer constant.
fn int_type(value: u64, suffix: &str) -> Type {
    let signed = !suffix.contains('U') && i64::try_from(value).is_ok();
    let narrow = if signed { i32::try_from(value).is_ok() } else { u32::try_from(value).is_ok() };
    let bits = if suffix.contains('L') || !narrow { 64 } else { 32 };
    Type::Int { bits, signed }
}
