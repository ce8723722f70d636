//! Tokens to statements, by recursive descent.

mod expr;
mod query;
mod settings;
mod statement;
mod window;

pub(crate) use self::expr::aggregate;

use plan::{Diagnostic, Span};

use super::ast::Statement;
use super::lex::{Spanned, Token, lex};
use super::names::QUOTE;
use crate::ast::Attr;
use crate::parse::{DEPTH_MAX, Parsed};
use crate::schema::SEPARATOR;

/// Words that end a relation, so that they are no other name for it.
const RESERVED: &[&str] = &[
    "AS",
    "CROSS",
    "EXCEPT",
    "FORMAT",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "INTO",
    "JOIN",
    "LEFT",
    "LIMIT",
    "NATURAL",
    "OFFSET",
    "ON",
    "ORDER",
    "RIGHT",
    "SELECT",
    "UNION",
    "WATERMARK",
    "WHERE",
    "WINDOW",
];

/// What is known of the text while it is read.
pub(super) struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    depth: u32,
}

/// Reads one statement.
///
/// # Errors
/// The first place that does not fit the grammar.
pub(super) fn parse(text: &str) -> Parsed<Statement> {
    let mut all = parse_all(text)?;
    match (all.pop(), all.pop()) {
        (Some(one), None) => Ok(one.0),
        (Some((_, span)), Some(_)) => {
            Err(Diagnostic::error("unsupported", "there may be one statement at a time", span))
        }
        (None, _) => Err(Diagnostic::error("syntax", "there is no statement", Span::default())),
    }
}

/// Reads all statements of a text and where they begin.
///
/// # Errors
/// The first place that does not fit the grammar.
pub(super) fn parse_all(text: &str) -> Parsed<Vec<(Statement, Span)>> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, depth: 0 };
    let mut statements = Vec::new();
    loop {
        while parser.sign_if(";") {}
        if *parser.peek() == Token::End {
            return Ok(statements);
        }
        let span = parser.span();
        statements.push((parser.statement()?, span));
        if *parser.peek() != Token::End {
            parser.sign(";")?;
        }
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> &Token {
        self.tokens.get(self.at + by).map_or(&Token::End, |t| &t.token)
    }

    fn span(&self) -> Span {
        let last = self.tokens.get(self.at).or(self.tokens.last());
        last.map_or_else(Span::default, |t| t.span)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    fn error<T>(&self, expected: &str) -> Parsed<T> {
        let found = match self.peek() {
            Token::Word(word) => format!("'{word}'"),
            Token::Quoted(name) => format!("`{name}`"),
            Token::Text(_) => "a text".to_owned(),
            Token::Int(value) => value.to_string(),
            Token::Float(value) => value.to_string(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::End => "the end of the text".to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        Err(Diagnostic::error("syntax", message, self.span()))
    }

    /// What is known and does not run.
    fn refuse<T>(&self, what: &str) -> Parsed<T> {
        Err(Diagnostic::error("unsupported", format!("{what} is not supported"), self.span()))
    }

    /// Runs a rule one level deeper.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            let text = format!("nested more than {DEPTH_MAX} deep");
            return Err(Diagnostic::error("too-deep", text, self.span()));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(s) if *s == sign)
    }

    fn sign_if(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn sign(&mut self, sign: &str) -> Parsed<()> {
        if self.sign_if(sign) { Ok(()) } else { self.error(&format!("'{sign}'")) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w == word)
    }

    fn word_if(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn word(&mut self, word: &str) -> Parsed<()> {
        if self.word_if(word) { Ok(()) } else { self.error(word) }
    }

    fn any_word(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                Ok(word)
            }
            _ => self.error(what),
        }
    }

    fn int(&mut self) -> Parsed<u64> {
        match *self.peek() {
            Token::Int(value) => {
                self.next();
                Ok(value)
            }
            _ => self.error("a whole number"),
        }
    }

    /// One part of a name.
    fn part(&mut self, what: &str) -> Parsed<String> {
        let part = match self.peek() {
            Token::Word(word) => word.clone(),
            Token::Quoted(name) => format!("{QUOTE}{name}"),
            _ => return self.error(what),
        };
        self.next();
        Ok(part)
    }

    /// A name without qualifier.
    fn name(&mut self, what: &str) -> Parsed<Attr> {
        let span = self.span();
        Ok(Attr { name: self.part(what)?, span })
    }

    /// A name that may have one qualifier.
    fn qualified(&mut self, what: &str) -> Parsed<Attr> {
        let Attr { mut name, span } = self.name(what)?;
        while self.is_sign(".") && !matches!(self.ahead(1), Token::Sign("*")) {
            if name.contains(SEPARATOR) {
                return self.error("a name with one qualifier");
            }
            self.next();
            name = format!("{name}{SEPARATOR}{}", self.part("a name")?);
        }
        Ok(Attr { name, span })
    }

    /// `rule { "," rule }`.
    fn list<T>(&mut self, mut rule: impl FnMut(&mut Parser) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![rule(self)?];
        while self.sign_if(",") {
            items.push(rule(self)?);
        }
        Ok(items)
    }

    /// Another name for a relation: `[ [AS] name ]`.
    fn alias(&mut self) -> Parsed<Option<Attr>> {
        if self.word_if("AS") {
            return Ok(Some(self.name("a name")?));
        }
        let free = match self.peek() {
            Token::Word(word) => !RESERVED.contains(&word.as_str()),
            Token::Quoted(_) => true,
            _ => false,
        };
        if free { self.name("a name").map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests;
