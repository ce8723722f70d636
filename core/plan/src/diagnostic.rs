//! Errors for people: what is wrong, where, and what would help.

use serde::{Deserialize, Serialize};

/// Characters of a line that are shown at most.
const EXCERPT_MAX: usize = 400;

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

/// Line and column of the byte at `at` of a text, of which everything before must be UTF-8.
#[must_use]
pub fn place_of(text: &[u8], at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let last = before.get(start..).unwrap_or_default();
    let column = String::from_utf8_lossy(last).chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
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
        let Span { line, column, .. } = self.span;
        let level = if self.warning { "warning" } else { "error" };
        let mut out = String::new();
        if line == 0 {
            let _ = write!(out, "{file}: {level}: {}", self.message);
        } else {
            let _ = write!(out, "{file}:{line}:{column}: {level}: {}", self.message);
            out.push_str(&self.excerpt(text));
        }
        if !self.help.is_empty() {
            let _ = write!(out, "\nhelp: {}", self.help);
        }
        out
    }

    /// The line that the complaint is about and a caret under the place, each line of it after a
    /// line break; nothing when the text has no such line.
    #[must_use]
    pub fn excerpt(&self, text: &str) -> String {
        let Span { line, column, len } = self.span;
        // What ends with a line break has an empty line behind it, where an end is missed.
        let at = (line as usize).checked_sub(1);
        let Some(source) = at.and_then(|at| text.split('\n').nth(at)) else {
            return String::new();
        };
        let source: String = source.trim_end_matches('\r').chars().take(EXCERPT_MAX).collect();
        let gutter = line.to_string();
        let blank = " ".repeat(gutter.len());
        let lead = (column.max(1) - 1) as usize;
        if lead > EXCERPT_MAX {
            return format!("\n{blank} |\n{gutter} | {source}");
        }
        let room = source.chars().count().saturating_sub(lead).max(1);
        // A tab stays one, so that the caret stands under its place.
        let under = |c: char| if c == '\t' { '\t' } else { ' ' };
        let before: String =
            source.chars().map(under).chain(std::iter::repeat(' ')).take(lead).collect();
        let caret = "^".repeat((len.max(1) as usize).min(room));
        format!("\n{blank} |\n{gutter} | {source}\n{blank} | {before}{caret}")
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
    fn the_end_of_a_text_has_a_place() {
        let d = Diagnostic::error("x", "m", Span { line: 2, column: 1, len: 1 });
        assert_eq!(d.render("f", "one\n"), "f:2:1: error: m\n  |\n2 | \n  | ^");
        let d = Diagnostic::error("x", "m", Span { line: 1, column: 3, len: 1 });
        assert_eq!(d.excerpt("\tab\r\n"), "\n  |\n1 | \tab\n  | \t ^");
    }

    #[test]
    fn bytes_have_places() {
        assert_eq!(place_of(b"", 0), (1, 1));
        assert_eq!(place_of(b"a\n\xc3\xa9b\xff", 5), (2, 3));
        assert_eq!(place_of(b"a\n", 2), (2, 1));
    }

    #[test]
    fn a_place_beyond_the_text_is_no_harm() {
        let d = Diagnostic::error("x", "m", Span { line: 9, column: 900, len: 900 });
        assert_eq!(d.render("f", "one"), "f:9:900: error: m");
        let d = Diagnostic::error("x", "m", Span { line: 1, column: 900, len: 900 });
        assert!(d.render("f", "one").len() < 2000);
    }
}
