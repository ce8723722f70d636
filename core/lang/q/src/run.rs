//! Programs run from the command line, and a console.

use crate::error::QError;
use crate::input::Input;
use crate::session::{Options, Session};
use crate::transcript;
use std::io::{BufRead, BufReader, Read, Write};

/// Evaluates expressions one after the other and returns what they print and what the console
/// shows of the last value, lines without blanks at their ends; also the error that ended it.
///
/// The clock stands still and chance is a known sequence; see [`run_expressions_with`].
pub fn run_expressions(expressions: &[String]) -> (String, Result<(), QError>) {
    run_expressions_with(expressions, Options::default())
}

/// The same with a clock, a source of chance and limits.
pub fn run_expressions_with(
    expressions: &[String],
    options: Options,
) -> (String, Result<(), QError>) {
    let mut session = Session::new(options);
    let mut out = String::new();
    let mut last = None;
    for expression in expressions {
        let result = session.run(expression, "expression");
        out.push_str(&session.take_console());
        match result {
            Ok((value, shown)) => last = shown.then_some(value),
            Err(error) => return (trimmed(&out), Err(error)),
        }
    }
    if let Some(value) = last
        && !matches!(value, formats::k::K::Null)
    {
        out.push_str(&session.show(&value));
        out.push('\n');
    }
    (trimmed(&out), Ok(()))
}

/// Lines without blanks at their ends.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// An interactive session: takes lines, gives what is to be shown.
pub struct Console {
    session: Session,
}

impl Console {
    /// A console over a new session.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { session: Session::new(options) }
    }

    /// Evaluates what was typed; the answer has no line end after its last line, and is empty
    /// when there is nothing to show.
    pub fn enter(&mut self, text: &str) -> String {
        transcript::answer(&mut self.session, text)
    }

    /// Evaluates a text and writes the answer, if there is one, as lines.
    pub fn answer(&mut self, text: &str, out: &mut impl Write) {
        let shown = self.enter(text);
        if !shown.is_empty() {
            // Whoever does not read answers has no need of them.
            let _ = writeln!(out, "{}", shown.trim_end_matches('\n'));
        }
        let _ = out.flush();
    }

    /// Evaluates the lines of a pipe or file until they end or [`LEAVE`] is among them. A line that
    /// begins with a blank continues the one before, as in a script, when it is there already:
    /// whoever waits for an answer gets it.
    pub fn converse(&mut self, lines: impl Read, out: &mut impl Write) {
        let mut lines = BufReader::new(lines);
        let mut input = Input::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let blank = |lines: &BufReader<_>| matches!(lines.buffer().first(), Some(b' ' | b'\t'));
            while line.len() < LINE_MAX && (!line.ends_with(b"\n") || blank(&lines)) {
                let room = (LINE_MAX - line.len()) as u64;
                match lines.by_ref().take(room).read_until(b'\n', &mut line) {
                    Ok(count) if count > 0 => {}
                    _ => break,
                }
            }
            if line.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            if text.trim() == LEAVE && !input.is_pending() {
                return;
            }
            if let Some(text) = input.line(text) {
                self.answer(&text, out);
            }
        }
        if let Some(text) = input.rest() {
            self.answer(&text, out);
        }
    }
}

/// What leaves a console.
pub const LEAVE: &str = "\\\\";

/// Bytes of a line of a pipe, and of those that continue it; what is longer is cut.
const LINE_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(input: &str) -> String {
        let mut out = Vec::new();
        Console::new(Options::default()).converse(input.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_is_answered() {
        assert_eq!(shown("1+2\nx:5\n\nx*2\n"), "3\n10\n");
        assert_eq!(shown("x:1 2\r\nx"), "1 2\n");
        assert_eq!(shown("show `a\n1"), "`a\n1\n");
    }

    #[test]
    fn errors_are_shown_and_the_console_goes_on() {
        let out = shown("1+`a\n2\n");
        assert!(out.starts_with("'type"), "{out}");
        assert!(out.ends_with("\n2\n"), "{out}");
        assert!(shown("1+)\n3\n").ends_with("\n3\n"));
    }

    #[test]
    fn lines_go_on_behind_a_blank_and_in_brackets() {
        assert_eq!(shown("f:{x+\n  y\n  }\nf[1;2]\n"), "3\n");
        assert_eq!(shown("1+\n 2\n3\n"), "3\n3\n");
        assert_eq!(shown("(1;\n2)\n"), "1 2\n");
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_console_goes_on() {
        let out = shown(&format!("{}\n5\n", "1 ".repeat(LINE_MAX)));
        assert!(out.contains("'limit"), "too much text is an error");
        assert!(out.ends_with("\n5\n"), "{}", &out[out.len() - 20..]);
    }

    #[test]
    fn two_backslashes_and_the_end_of_the_input_leave() {
        assert_eq!(shown("1\n\\\\\n2\n"), "1\n");
        assert_eq!(shown("sum 1 2"), "3\n");
        assert!(shown("(1;2").starts_with('\''));
    }
}
