//! Errors for people: what is wrong, where, and what would help.

use serde::{Deserialize, Serialize};

/// A place in a text. Lines and columns count from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Line, from 1; 0 when the place is unknown.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Number of characters, at least 1 where something is to be underlined.
    pub len: u32,
}

/// One complaint about a user's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Short stable name, such as `unknown-field`.
    pub code: String,
    /// The text users see.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What would help; may be empty.
    pub help: String,
    /// Whether it is only a warning.
    pub warning: bool,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &str, message: impl Into<String>, span: Span) -> Self {
        Diagnostic { code: code.into(), message: message.into(), span, ..Diagnostic::default() }
    }

    /// A warning at a place.
    pub fn warning(code: &str, message: impl Into<String>, span: Span) -> Self {
        Diagnostic { warning: true, ..Diagnostic::error(code, message, span) }
    }

    /// The complaint with its file, line, column, the line itself and a caret under the place.
    #[must_use]
    pub fn render(&self, file: &str, text: &str) -> String {
        use std::fmt::Write;
        let Span { line, column, len } = self.span;
        let level = if self.warning { "warning" } else { "error" };
        let mut out = String::new();
        if line == 0 {
            let _ = write!(out, "{file}: {level}: {}", self.message);
        } else {
            let _ = write!(out, "{file}:{line}:{column}: {level}: {}", self.message);
            if let Some(source) = text.lines().nth(line as usize - 1) {
                let gutter = line.to_string();
                let blank = " ".repeat(gutter.len());
                let lead = " ".repeat((column.max(1) - 1) as usize);
                let room = source.chars().count().saturating_sub(lead.len()).max(1);
                let caret = "^".repeat((len.max(1) as usize).min(room));
                let _ = write!(out, "\n{blank} |\n{gutter} | {source}\n{blank} | {lead}{caret}");
            }
        }
        if !self.help.is_empty() {
            let _ = write!(out, "\nhelp: {}", self.help);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place() {
        let span = Span { line: 2, column: 3, len: 4 };
        let d = Diagnostic::error("x", "no such thing", span);
        assert_eq!(
            d.render("a.yaml", "one\na bad b\n"),
            "a.yaml:2:3: error: no such thing\n  |\n2 | a bad b\n  |   ^^^^"
        );
    }

    #[test]
    fn a_place_beyond_the_text_is_no_harm() {
        let d = Diagnostic::error("x", "m", Span { line: 9, column: 900, len: 900 });
        assert_eq!(d.render("f", "one"), "f:9:900: error: m");
        let d = Diagnostic::error("x", "m", Span { line: 1, column: 900, len: 900 });
        assert!(d.render("f", "one").len() < 2000);
    }
}
