//! Programs run from the command line, and a console.

use crate::error::QError;
use crate::session::{Options, Session};
use crate::transcript;

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
}
