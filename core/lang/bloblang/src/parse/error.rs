//! Parse errors: what was expected where, and how that reads.

use std::borrow::Cow;

use plan::{Diagnostic, Span};

/// A text that is no mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, without the place.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Character of the line, from 1.
    pub column: u32,
    /// What stands there, as lints show it; empty when they do not.
    pub rest: String,
}

/// Characters of the text that a lint shows.
const REST_CHARS: usize = 5;

impl ParseError {
    /// The error as configuration lints show it: the message and the next few characters.
    #[must_use]
    pub fn lint(&self) -> String {
        format!("{}{}", self.message, self.rest)
    }

    /// The error with its line and a caret under the place.
    #[must_use]
    pub fn caret(&self, text: &str) -> String {
        let source = text.split('\n').nth(self.line as usize - 1).unwrap_or("");
        let source = source.strip_suffix('\r').unwrap_or(source);
        let gutter = " ".repeat(self.line.to_string().len());
        let lead = " ".repeat(self.column as usize - 1);
        format!("{self}\n{gutter} |\n{} | {source}\n{gutter} | {lead}^---", self.line)
    }

    /// The error for the tools.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let span = Span { line: self.line, column: self.column, len: 1 };
        Diagnostic::error("bloblang", self.lint(), span)
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} char {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Why a parser failed, and how far it got.
#[derive(Debug, Clone)]
pub(super) struct Fail(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    at: usize,
    fatal: bool,
    text: Option<String>,
    expected: Vec<Cow<'static, str>>,
}

pub(super) type Parsed<T> = Result<T, Fail>;

impl Fail {
    /// Something else was expected; other alternatives may still match.
    pub(super) fn expected(at: usize, what: impl Into<Cow<'static, str>>) -> Fail {
        Fail(Box::new(Inner { at, fatal: false, text: None, expected: vec![what.into()] }))
    }

    /// The text can mean nothing else, and it is wrong.
    pub(super) fn fatal(at: usize, text: impl Into<String>) -> Fail {
        Fail(Box::new(Inner { at, fatal: true, text: Some(text.into()), expected: Vec::new() }))
    }

    pub(super) fn at(&self) -> usize {
        self.0.at
    }

    pub(super) fn is_fatal(&self) -> bool {
        self.0.fatal
    }

    /// Replaces what was expected; the place stays.
    pub(super) fn rename(mut self, what: impl Into<Cow<'static, str>>) -> Fail {
        if !self.0.fatal {
            self.0.expected = vec![what.into()];
        }
        self
    }

    /// Makes the error final: what failed had to be there.
    pub(super) fn must(mut self) -> Fail {
        if !self.0.fatal {
            self.0.fatal = true;
            self.0.text = Some("required".into());
        }
        self
    }

    /// Takes over what another error at the same place expected.
    pub(super) fn join(mut self, other: Fail) -> Fail {
        for what in other.0.expected {
            if !self.0.expected.contains(&what) {
                self.0.expected.push(what);
            }
        }
        self
    }

    /// The better of the errors of two alternatives.
    pub(super) fn or(self, other: Fail) -> Fail {
        match self.0.at.cmp(&other.0.at) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal => self.join(other),
        }
    }

    fn message(&self) -> String {
        let mut out = self.0.text.clone().unwrap_or_default();
        let expected = &self.0.expected;
        if expected.is_empty() {
            return out;
        }
        if !out.is_empty() {
            out.push_str(": ");
        }
        out.push_str("expected ");
        for (i, what) in expected.iter().enumerate() {
            if i > 0 {
                out.push_str(match (i + 1 == expected.len(), expected.len()) {
                    (true, 2) => " or ",
                    (true, _) => ", or ",
                    (false, _) => ", ",
                });
            }
            out.push_str(what);
        }
        out
    }

    /// The error with its place in the text.
    pub(super) fn place(&self, chars: &[char]) -> ParseError {
        let at = self.0.at.min(chars.len());
        let (before, after) = chars.split_at(at);
        let line = 1 + before.iter().filter(|&&c| c == '\n').count();
        let column = 1 + before.iter().rev().take_while(|&&c| c != '\n').count();
        let next: String = after.iter().take(REST_CHARS).collect();
        let rest = match (next.is_empty(), self.0.expected.is_empty()) {
            (true, true) => String::new(),
            (true, false) => ", but reached end of input".into(),
            (false, true) => format!(": {next}"),
            (false, false) => format!(", got: {next}"),
        };
        ParseError {
            message: self.message(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            rest,
        }
    }
}
