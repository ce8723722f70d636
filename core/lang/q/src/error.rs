//! What goes wrong in a q program, and where.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// An error of q: a short text, and the place that raised it.
#[derive(Clone, PartialEq, Eq)]
pub struct QError(Box<Detail>);

/// The content of a [`QError`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// The text without its quote mark, such as `type`.
    pub text: String,
    /// Line of the place, from 1; 0 when it is not known.
    pub line: u32,
    /// Column of the place in characters, from 1; 0 when it is not known.
    pub column: u32,
    /// The bytes of the place within the text that was evaluated.
    pub span: Option<(usize, usize)>,
    /// The functions that were being evaluated, innermost first.
    pub trace: Vec<String>,
    /// Whether a limit of the evaluation was reached, which no trap may hide.
    pub fatal: bool,
}

/// The result of anything that evaluates.
pub type Result<T = formats::k::K> = std::result::Result<T, QError>;

/// Functions that a trace names at most.
const TRACE_MAX: usize = 16;

impl QError {
    /// An error with a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Box::new(Detail { text: text.into(), ..Detail::default() }))
    }

    /// Something that is known but not supported.
    #[must_use]
    pub fn nyi(name: &str) -> Self {
        Self::new(format!("nyi: {name}"))
    }

    /// A limit of the evaluation was reached.
    #[must_use]
    pub fn limit(text: &str) -> Self {
        let mut error = Self::new(text);
        error.fatal = true;
        error
    }

    /// The error with a place, unless a closer one is already known.
    #[must_use]
    pub fn at(mut self, span: (usize, usize)) -> Self {
        if self.span.is_none() {
            self.span = Some(span);
        }
        self
    }

    /// The error with line and column of its place in `source`.
    #[must_use]
    pub fn located(mut self, source: &str) -> Self {
        if let (Some((start, _)), 0) = (self.span, self.line) {
            let before = source.get(..start).unwrap_or(source);
            let line = before.rsplit('\n').next().unwrap_or_default();
            self.line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
            self.column = u32::try_from(line.chars().count() + 1).unwrap_or(u32::MAX);
        }
        self
    }

    /// Notes a function that the error passed through.
    pub(crate) fn through(&mut self, name: impl FnOnce() -> String) {
        if self.trace.len() < TRACE_MAX {
            let name = name();
            self.trace.push(name);
        }
    }
}

impl Deref for QError {
    type Target = Detail;
    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl DerefMut for QError {
    fn deref_mut(&mut self) -> &mut Detail {
        &mut self.0
    }
}

impl fmt::Display for QError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for QError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for QError {}

impl From<formats::k::ShapeError> for QError {
    fn from(error: formats::k::ShapeError) -> Self {
        match error {
            formats::k::ShapeError::Length => Self::new("length"),
            formats::k::ShapeError::Type => Self::new("type"),
        }
    }
}

/// The error of operands of types that do not fit.
#[must_use]
pub(crate) fn type_error() -> QError {
    QError::new("type")
}

/// The error of operands of lengths that do not fit.
#[must_use]
pub(crate) fn length_error() -> QError {
    QError::new("length")
}

/// The error of too many or too few arguments.
#[must_use]
pub(crate) fn rank_error() -> QError {
    QError::new("rank")
}

/// The error of an argument outside of what is defined.
#[must_use]
pub(crate) fn domain_error() -> QError {
    QError::new("domain")
}
