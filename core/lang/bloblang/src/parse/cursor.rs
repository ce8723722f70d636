//! The text, the place in it, and the smallest parsers.

use std::borrow::Cow;

use super::error::{Fail, Parsed};
use super::scope::Scope;

/// Expressions within each other that a mapping may have.
pub(crate) const NESTING_MAX: u32 = 400;
/// Height of an expression: nesting, operators and calls in a row together.
pub(crate) const HEIGHT_MAX: u32 = 4_000;
/// Expressions that the parser tries at most: some texts can be read in very many ways.
pub(crate) const TRIES_MAX: u64 = 4_000_000;

/// One of several ways to read what comes next.
pub(super) type Alternative<'a, 't, T> = &'a mut dyn FnMut(&mut Parser<'t>) -> Parsed<T>;

pub(super) struct Parser<'t> {
    pub(super) chars: &'t [char],
    pub(super) pos: usize,
    pub(super) scope: Scope,
    nesting: u32,
    /// Height of the tallest expression since the last reset.
    pub(super) height: u32,
    /// The tallest expression so far.
    pub(super) tallest: u32,
    tries: u64,
}

impl<'t> Parser<'t> {
    pub(super) fn new(chars: &'t [char], scope: Scope) -> Self {
        Parser { chars, pos: 0, scope, nesting: 0, height: 0, tallest: 0, tries: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.pos).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.pos + ahead).copied()
    }

    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.chars.len()
    }

    /// Fails with an expectation here.
    pub(super) fn miss<T>(&self, what: impl Into<Cow<'static, str>>) -> Parsed<T> {
        Err(Fail::expected(self.pos, what))
    }

    /// Runs a parser; where it fails the place is as before.
    pub(super) fn attempt<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let before = self.pos;
        let result = parser(self);
        if result.is_err() {
            self.pos = before;
        }
        result
    }

    /// Runs a parser; a failure that is not fatal is no result.
    pub(super) fn optional<T>(
        &mut self,
        parser: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        match self.attempt(parser) {
            Ok(value) => Ok(Some(value)),
            Err(fail) if fail.is_fatal() => Err(fail),
            Err(_) => Ok(None),
        }
    }

    /// Runs the alternatives in order and takes the first that succeeds.
    pub(super) fn one_of<T>(&mut self, parsers: &mut [Alternative<'_, 't, T>]) -> Parsed<T> {
        let mut best: Option<Fail> = None;
        for parser in parsers {
            match self.attempt(|p| parser(p)) {
                Ok(value) => return Ok(value),
                Err(fail) if fail.is_fatal() => return Err(fail),
                Err(fail) => {
                    best = Some(match best {
                        Some(best) => best.or(fail),
                        None => fail,
                    });
                }
            }
        }
        Err(best.unwrap_or_else(|| Fail::expected(self.pos, "")))
    }

    /// An exact text.
    pub(super) fn term(&mut self, text: &'static str) -> Parsed<()> {
        self.term_as(text, text)
    }

    /// An exact text, called otherwise in errors.
    pub(super) fn term_as(&mut self, text: &str, what: &'static str) -> Parsed<()> {
        let len = text.chars().count();
        let here = self.chars.get(self.pos..self.pos + len);
        if here.is_some_and(|here| here.iter().copied().eq(text.chars())) {
            self.pos += len;
            return Ok(());
        }
        self.miss(what)
    }

    /// `sp*`
    pub(super) fn spaces(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.pos += 1;
        }
    }

    /// `sp+`
    pub(super) fn spaces_must(&mut self) -> Parsed<()> {
        if !matches!(self.peek(), Some(' ' | '\t')) {
            return self.miss("whitespace");
        }
        self.spaces();
        Ok(())
    }

    /// A line break, or a comment with its line break.
    pub(super) fn line_end(&mut self) -> Parsed<()> {
        self.attempt(|p| {
            if p.peek() == Some('#') {
                while p.peek().is_some_and(|c| c != '\n') {
                    p.pos += 1;
                }
            }
            match (p.peek(), p.peek_at(1)) {
                (Some('\n'), _) => p.pos += 1,
                (Some('\r'), Some('\n')) => p.pos += 2,
                _ => return p.miss("line break"),
            }
            Ok(())
        })
    }

    /// `wsnl*`: spaces, tabs, line breaks, comments.
    pub(super) fn blank(&mut self) {
        loop {
            self.spaces();
            if self.line_end().is_err() {
                return;
            }
        }
    }

    /// A run of characters.
    pub(super) fn run(&mut self, what: &'static str, is: fn(char) -> bool) -> Parsed<String> {
        let start = self.pos;
        while self.peek().is_some_and(is) {
            self.pos += 1;
        }
        if self.pos == start {
            return self.miss(what);
        }
        Ok(self.text(start, self.pos))
    }

    /// `name`: letters, digits, `_`.
    pub(super) fn name(&mut self, what: &'static str) -> Parsed<String> {
        self.run(what, |c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// `snake`: small letters, digits, `_`.
    pub(super) fn snake(&mut self, what: &'static str) -> Parsed<String> {
        self.run(what, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    pub(super) fn text(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or_default().iter().collect()
    }

    /// Runs the parser of a nested expression, with the limits on nesting, height and tries. The
    /// native stack grows where it must.
    pub(super) fn nested<T>(&mut self, parser: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.tries += 1;
        if self.tries > TRIES_MAX {
            return Err(Fail::fatal(self.pos, "the mapping can be read in too many ways"));
        }
        if self.nesting >= NESTING_MAX {
            let text = format!("expressions are nested deeper than {NESTING_MAX}");
            return Err(Fail::fatal(self.pos, text));
        }
        self.nesting += 1;
        let outer = std::mem::take(&mut self.height);
        let result = stacker::maybe_grow(256 << 10, 4 << 20, || parser(self));
        self.nesting -= 1;
        let result = result.and_then(|value| self.taller().map(|()| value));
        self.height = self.height.max(outer);
        result
    }

    /// The expression got one higher.
    pub(super) fn taller(&mut self) -> Parsed<()> {
        self.height += 1;
        self.tallest = self.tallest.max(self.height);
        if self.height > HEIGHT_MAX {
            let text = format!("an expression has more than {HEIGHT_MAX} parts within each other");
            return Err(Fail::fatal(self.pos, text));
        }
        Ok(())
    }
}
