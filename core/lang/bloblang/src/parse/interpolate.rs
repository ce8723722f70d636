//! Texts with embedded queries, `${! query }` (spec/bloblang.md §10).

use super::ParseError;
use super::cursor::Parser;
use super::error::{Fail, Parsed};
use super::scope::{Options, Scope};
use crate::node::Node;

/// A part of an interpolated text.
pub(crate) enum Piece {
    /// Text as it stands.
    Text(String),
    /// A query whose result stands here.
    Query(Node),
}

/// Parses an interpolated text.
pub(crate) fn interpolation(text: &str, options: &Options) -> Result<Vec<Piece>, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser::new(&chars, Scope::new(options.clone()));
    parser.pieces().map_err(|fail| fail.place(&chars))
}

impl Parser<'_> {
    fn pieces(&mut self) -> Parsed<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if self.term_as("${{!", "").is_ok() {
                text.push_str("${!");
                text.push_str(&self.escaped()?);
            } else if self.term_as("${!", "").is_ok() {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                let query = self.query().map_err(Fail::must)?;
                self.spaces();
                self.term_as("}", "end of expression").map_err(Fail::must)?;
                pieces.push(Piece::Query(query));
            } else {
                text.push(c);
                self.pos += 1;
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(pieces)
    }

    /// The inside of `${{! }}` with one closing brace.
    fn escaped(&mut self) -> Parsed<String> {
        let start = self.pos;
        while !self.at_end() {
            if self.term_as("}}", "").is_ok() {
                return Ok(self.text(start, self.pos - 1));
            }
            self.pos += 1;
        }
        Err(Fail::expected(start, "end of escaped expression").must())
    }
}
