//! Expressions.

use plan::{Diagnostic, Span};

use super::super::types;
use super::{Parsed, Parser, RESERVED, Token};
use crate::ast::{Expr, ExprKind, Function, Literal};
use crate::lower::expr::functions::arity;
use crate::parse::expr::make;
use crate::types::Type;

/// Comparisons, which are weaker than arithmetic.
const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
/// Arithmetic from the weaker to the stronger.
const LEVELS: &[&[&str]] = &[&["+", "-"], &["*", "/", "%"]];
/// Words and signs that the grammar knows and nothing runs.
const REFUSED: &[&str] = &["BETWEEN", "IN", "LIKE", "RLIKE", "REGEXP", "DISTINCT", "DIV"];
const REFUSED_SIGNS: &[&str] = &["<=>", "||", "&", "|", "^"];

/// The aggregate function of a name.
pub(crate) fn aggregate(name: &str) -> Option<Function> {
    Some(match name {
        "SUM" => Function::Sum,
        "MIN" => Function::Min,
        "MAX" => Function::Max,
        "AVG" => Function::Avg,
        "MEDIAN" => Function::Median,
        "COUNT" => Function::Count,
        _ => return None,
    })
}

impl Parser {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(Parser::or)
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.chain("OR", "||", Parser::and)
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain("AND", "&&", Parser::not)
    }

    fn chain(
        &mut self,
        word: &str,
        sign: &'static str,
        rule: fn(&mut Parser) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let mut left = rule(self)?;
        loop {
            let span = self.span();
            if !self.word_if(word) {
                return Ok(left);
            }
            let right = rule(self)?;
            left = make(ExprKind::Binary(sign, Box::new(left), Box::new(right)), span)?;
        }
    }

    fn not(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if self.word_if("NOT") || self.sign_if("!") {
            let inner = self.nested(Parser::not)?;
            return make(ExprKind::Unary("!", Box::new(inner)), span);
        }
        self.predicate()
    }

    /// A comparison or `a IS [NOT] NULL`.
    fn predicate(&mut self) -> Parsed<Expr> {
        let mut left = self.level(0)?;
        loop {
            let span = self.span();
            if let Some(sign) = self.one_of(COMPARISONS) {
                self.next();
                let right = self.level(0)?;
                left = make(ExprKind::Binary(sign, Box::new(left), Box::new(right)), span)?;
            } else if self.word_if("IS") {
                let not = self.word_if("NOT");
                self.word("NULL")?;
                left = make(ExprKind::IsNull(Box::new(left)), span)?;
                if not {
                    left = make(ExprKind::Unary("!", Box::new(left)), span)?;
                }
            } else {
                self.refused()?;
                return Ok(left);
            }
        }
    }

    /// Refuses what could go on here but is not supported.
    fn refused(&self) -> Parsed<()> {
        let at = usize::from(self.is_word("NOT"));
        match self.ahead(at) {
            Token::Word(word) if REFUSED.contains(&word.as_str()) => self.refuse(word),
            Token::Sign(sign) if REFUSED_SIGNS.contains(sign) => self.refuse(&format!("'{sign}'")),
            _ => Ok(()),
        }
    }

    fn one_of(&self, signs: &[&'static str]) -> Option<&'static str> {
        match self.peek() {
            Token::Sign(sign) => signs.iter().copied().find(|s| s == sign),
            _ => None,
        }
    }

    fn level(&mut self, level: usize) -> Parsed<Expr> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(sign) = self.one_of(signs) {
            let span = self.span();
            self.next();
            let right = self.level(level + 1)?;
            left = make(ExprKind::Binary(sign, Box::new(left), Box::new(right)), span)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if self.sign_if("-") {
            let inner = self.nested(Parser::unary)?;
            return make(ExprKind::Unary("-", Box::new(inner)), span);
        }
        if self.is_sign("~") {
            return self.refuse("'~'");
        }
        self.sign_if("+");
        self.primary()
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        match self.peek().clone() {
            Token::Sign("(") => {
                if matches!(self.ahead(1), Token::Word(word) if word == "SELECT") {
                    return self.refuse("a query within an expression");
                }
                self.next();
                let inner = self.expr()?;
                self.sign(")")?;
                Ok(inner)
            }
            Token::Word(word) if matches!(word.as_str(), "TRUE" | "FALSE") => {
                self.next();
                make(ExprKind::Literal(Literal::Bool(word == "TRUE")), span)
            }
            Token::Word(word) if matches!(word.as_str(), "CASE" | "EXISTS" | "NULL") => {
                self.refuse(&format!("{word} within an expression"))
            }
            Token::Word(word) if matches!(self.ahead(1), Token::Sign("(")) => {
                self.next();
                self.next();
                let expr = self.nested(|p| p.call(&word, span))?;
                self.sign(")")?;
                Ok(expr)
            }
            Token::Word(word) if RESERVED.contains(&word.as_str()) => self.error("an expression"),
            Token::Word(_) | Token::Quoted(_) => {
                let attr = self.qualified("a field")?;
                make(ExprKind::Attr(attr.name), span)
            }
            Token::Int(_) | Token::Float(_) | Token::Text(_) => {
                let text = "a constant needs a type, such as INT32(1) or VARSIZED(\"a\")";
                Err(Diagnostic::error("syntax", text, span))
            }
            _ => self.error("an expression"),
        }
    }

    /// What is called, behind its opening parenthesis.
    fn call(&mut self, name: &str, span: Span) -> Parsed<Expr> {
        if let Some(ty) = types::named(name) {
            return self.typed(ty, span);
        }
        if aggregate(name).is_some() {
            let all = name == "COUNT" && self.sign_if("*");
            let args = if all { Vec::new() } else { vec![self.expr()?] };
            return make(ExprKind::Call(name.to_owned(), args), span);
        }
        if matches!(name, "CASTTOTYPE" | "CAST") {
            let value = Box::new(self.expr()?);
            self.word("AS")?;
            let ty = self.data_type()?;
            return make(ExprKind::Cast(ty, value), span);
        }
        if name == "ISNULL" {
            let value = Box::new(self.expr()?);
            return make(ExprKind::IsNull(value), span);
        }
        let Some(count) = arity(name) else {
            let text = format!("there is no function {name}");
            return Err(Diagnostic::error("syntax", text, span));
        };
        let args = self.list(Parser::expr)?;
        if args.len() != count {
            let s = if count == 1 { "" } else { "s" };
            let text = format!("{name} takes {count} argument{s}");
            return Err(Diagnostic::error("syntax", text, span));
        }
        make(ExprKind::Call(name.to_owned(), args), span)
    }

    /// A constant of a type, or a value that becomes one of this type.
    fn typed(&mut self, ty: Type, span: Span) -> Parsed<Expr> {
        let negative = self.is_sign("-");
        let literal = self.ahead(usize::from(negative)).clone();
        let alone = matches!(self.ahead(1 + usize::from(negative)), Token::Sign(")"));
        let value = match literal {
            Token::Int(_) | Token::Float(_) | Token::Text(_) if alone => literal,
            _ => {
                let value = Box::new(self.expr()?);
                return make(ExprKind::Cast(ty, value), span);
            }
        };
        let place = self.span();
        if negative {
            self.next();
        }
        self.next();
        let kind = types::constant(ty, negative, &value).map_err(|text| {
            Diagnostic::error("malformed", format!("{text} is no {}", ty.sql_name()), place)
        })?;
        make(kind, span)
    }

    /// A type by its name, such as `UNSIGNED INT`.
    pub(super) fn data_type(&mut self) -> Parsed<Type> {
        let span = self.span();
        let mut name = self.any_word("a type")?;
        let first = matches!(name.as_str(), "UNSIGNED" | "DOUBLE" | "CHARACTER" | "CHAR");
        if let Token::Word(second) = self.peek().clone()
            && first
        {
            let both = format!("{name} {second}");
            if types::named(&both).is_some() || name == "UNSIGNED" {
                name = both;
                self.next();
            }
        }
        types::named(&name).ok_or_else(|| {
            Diagnostic::error("unknown-type", format!("there is no type {name}"), span)
        })
    }
}
