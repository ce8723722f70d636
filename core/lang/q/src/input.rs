//! Lines typed at a console, put together to what is evaluated at once.

use crate::lex::{self, Tok};

/// Bytes of text that wait for brackets to be closed; more is evaluated as it is.
const PENDING_MAX: usize = 1 << 20;

/// Lines that belong together: inside of brackets and strings what is typed goes on.
#[derive(Debug, Default)]
pub struct Input {
    pending: String,
}

impl Input {
    /// Takes a line, and gives the text that is complete with it.
    pub fn line(&mut self, line: &str) -> Option<String> {
        if !self.pending.is_empty() {
            self.pending.push('\n');
        }
        self.pending.push_str(line);
        if self.pending.len() < PENDING_MAX && is_open(&self.pending) { None } else { self.rest() }
    }

    /// Whether a text has begun and is not complete.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What has been typed of a text that is not complete.
    pub fn rest(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.pending);
        (!text.trim().is_empty()).then_some(text)
    }
}

/// Whether a text ends inside of brackets or a string.
fn is_open(text: &str) -> bool {
    match lex::tokens(text) {
        Ok(tokens) => {
            let step = |depth: i64, tok: &Tok| match tok {
                Tok::Open(_) => depth + 1,
                Tok::Close(_) => depth - 1,
                _ => depth,
            };
            tokens.iter().fold(0, |depth, token| step(depth, &token.tok)) > 0
        }
        Err(error) => error.text == "\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Vec<String> {
        let mut input = Input::default();
        let mut out: Vec<String> = lines.iter().filter_map(|line| input.line(line)).collect();
        out.extend(input.rest());
        out
    }

    #[test]
    fn a_line_is_a_text_unless_brackets_are_open() {
        assert_eq!(texts(&["1+2", "", "  ", "x"]), ["1+2", "x"]);
        assert_eq!(texts(&["f:{x+", " y", " }", "f[1;2]"]), ["f:{x+\n y\n }", "f[1;2]"]);
        assert_eq!(texts(&["(1;", "2)", "3"]), ["(1;\n2)", "3"]);
        assert_eq!(texts(&["1+2)", "3"]), ["1+2)", "3"]);
    }

    #[test]
    fn brackets_in_strings_and_comments_are_none() {
        assert_eq!(texts(&["\"([{\"", "1 / (", "`a"]), ["\"([{\"", "1 / (", "`a"]);
        assert_eq!(texts(&["\"ab", "c\"", "1"]), ["\"ab\nc\"", "1"]);
    }

    #[test]
    fn what_waits_for_a_bracket_has_a_limit() {
        let mut input = Input::default();
        assert_eq!(input.line("("), None);
        let long = "1;".repeat(PENDING_MAX / 2);
        assert_eq!(input.line(&long), Some(format!("(\n{long}")));
        assert!(!input.is_pending());
        assert_eq!(texts(&["(1;"]), ["(1;"]);
    }
}
