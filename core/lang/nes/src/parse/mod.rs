//! Tokens to queries and schemas, by recursive descent (spec/nes-query-language.md §2).

mod aggregate;
pub(crate) mod expr;
mod pattern;
mod query;
mod schema;
mod sink;
mod window;

use plan::{Diagnostic, Span};

use crate::ast::{Attr, Query};
use crate::lex::{Spanned, Token, lex};

pub use pattern::parse_pattern;
pub use schema::parse_schema;

/// How deep brackets, queries and expressions may be nested.
pub const DEPTH_MAX: u32 = 100;
/// Most calls of one query, those of queries inside it included.
pub const CALLS_MAX: usize = 1000;

/// The result of a rule.
pub(crate) type Parsed<T> = Result<T, Diagnostic>;

/// What is known of the text while it is read.
pub(crate) struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    depth: u32,
    calls: usize,
    /// In a pattern: names of events and their sources.
    aliases: Vec<(String, String)>,
}

/// Reads a query.
///
/// # Errors
/// The first place that does not fit the grammar.
pub fn parse_query(text: &str) -> Result<Query, Diagnostic> {
    let mut parser = Parser::new(text)?;
    parser.word_if("return");
    let query = parser.query()?;
    // The original compiles the text and needs the semicolon; it is no loss to do without.
    parser.sign_if(";");
    parser.end()?;
    Ok(query)
}

impl Parser {
    pub(crate) fn new(text: &str) -> Parsed<Parser> {
        Ok(Parser { tokens: lex(text)?, at: 0, depth: 0, calls: 0, aliases: Vec::new() })
    }

    pub(crate) fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |t| &t.token)
    }

    pub(crate) fn span(&self) -> Span {
        let last = self.tokens.get(self.at).or(self.tokens.last());
        last.map_or_else(Span::default, |t| t.span)
    }

    pub(crate) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    pub(crate) fn error<T>(&self, expected: &str) -> Parsed<T> {
        let found = match self.peek() {
            Token::Word(word) => format!("'{word}'"),
            Token::Int(value, _) => value.to_string(),
            Token::Float(value, _) => value.to_string(),
            Token::Text(_) => "a text".to_owned(),
            Token::Char(_) => "a character".to_owned(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::End => "the end of the text".to_owned(),
        };
        let message = format!("expected {expected}, found {found}");
        Err(Diagnostic::error("syntax", message, self.span()))
    }

    /// Runs a rule one level deeper.
    pub(crate) fn nested<T>(&mut self, rule: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            let text = format!("nested more than {DEPTH_MAX} deep");
            return Err(Diagnostic::error("too-deep", text, self.span()));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    pub(crate) fn sign_if(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(s) if *s == sign);
        if found {
            self.next();
        }
        found
    }

    pub(crate) fn sign(&mut self, sign: &str) -> Parsed<()> {
        if self.sign_if(sign) { Ok(()) } else { self.error(&format!("'{sign}'")) }
    }

    pub(crate) fn word_if(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(w) if w == word);
        if found {
            self.next();
        }
        found
    }

    pub(crate) fn word(&mut self, word: &str) -> Parsed<()> {
        if self.word_if(word) { Ok(()) } else { self.error(&format!("'{word}'")) }
    }

    pub(crate) fn any_word(&mut self, what: &str) -> Parsed<String> {
        match self.peek() {
            Token::Word(word) => {
                let word = word.clone();
                self.next();
                Ok(word)
            }
            _ => self.error(what),
        }
    }

    pub(crate) fn text(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Text(text) => {
                let text = text.clone();
                self.next();
                Ok(text)
            }
            _ => self.error("a text in quotes"),
        }
    }

    pub(crate) fn int(&mut self) -> Parsed<u64> {
        match *self.peek() {
            Token::Int(value, _) => {
                self.next();
                Ok(value)
            }
            _ => self.error("a whole number"),
        }
    }

    pub(crate) fn end(&mut self) -> Parsed<()> {
        if *self.peek() == Token::End { Ok(()) } else { self.error("the end of the query") }
    }

    /// `rule { "," rule }`.
    pub(crate) fn list<T>(
        &mut self,
        mut rule: impl FnMut(&mut Parser) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = vec![rule(self)?];
        while self.sign_if(",") {
            items.push(rule(self)?);
        }
        Ok(items)
    }

    /// `"Attribute" "(" text [ "," "BasicType" "::" type ] ")"`. The type says nothing that the
    /// source does not.
    pub(crate) fn attr(&mut self) -> Parsed<Attr> {
        let span = self.span();
        self.word("Attribute")?;
        self.sign("(")?;
        let name = self.text()?;
        if self.sign_if(",") {
            self.field_type()?;
        }
        self.sign(")")?;
        Ok(Attr { name, span })
    }
}

#[cfg(test)]
mod tests;
