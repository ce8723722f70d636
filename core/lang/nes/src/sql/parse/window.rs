//! Windows, durations and watermarks.

use plan::Diagnostic;

use super::super::ast::{Window, WindowKind};
use super::{Parsed, Parser, Token};
use crate::ast::Attr;

/// Names of units and their milliseconds.
const UNITS: &[(&str, u64)] = &[
    ("MS", 1),
    ("MILLISECOND", 1),
    ("SEC", 1000),
    ("SECOND", 1000),
    ("MIN", 60_000),
    ("MINUTE", 60_000),
    ("HOUR", 3_600_000),
    ("DAY", 86_400_000),
];

impl Parser {
    /// What follows WINDOW.
    pub(super) fn window(&mut self) -> Parsed<Window> {
        let span = self.span();
        let kind = self.any_word("a window such as TUMBLING")?;
        self.sign("(")?;
        let kind = match kind.as_str() {
            "TUMBLING" => self.time_window(false)?,
            "SLIDING" => self.time_window(true)?,
            "THRESHOLD" => {
                let condition = self.expr()?;
                let min = if self.sign_if(",") { self.int()? } else { 0 };
                WindowKind::Threshold(condition, min)
            }
            other => {
                let text = format!("there is no window {other}");
                return Err(Diagnostic::error("syntax", text, span));
            }
        };
        self.sign(")")?;
        Ok(Window { kind, span })
    }

    fn time_window(&mut self, sliding: bool) -> Parsed<WindowKind> {
        if matches!(self.peek(), Token::Int(_)) {
            return self.refuse("a window of a number of tuples");
        }
        let mut times = Vec::new();
        while !self.is_word("SIZE") || matches!(self.ahead(1), Token::Sign(",")) {
            if times.len() == 2 {
                return self.error("SIZE");
            }
            times.push(self.qualified("a field with the time or SIZE")?);
            self.sign(",")?;
        }
        self.word("SIZE")?;
        let size_ms = self.duration()?;
        let slide_ms = if sliding {
            self.sign(",")?;
            self.word("ADVANCE")?;
            self.word("BY")?;
            self.duration()?
        } else {
            size_ms
        };
        Ok(WindowKind::Time { times, size_ms, slide_ms })
    }

    /// A number and its unit, in milliseconds; not nothing.
    fn duration(&mut self) -> Parsed<u64> {
        let span = self.span();
        match self.milliseconds()? {
            0 => {
                let text = "the size and the slide of a window must be greater than 0";
                Err(Diagnostic::error("syntax", text, span))
            }
            ms => Ok(ms),
        }
    }

    fn milliseconds(&mut self) -> Parsed<u64> {
        let span = self.span();
        let count = self.int()?;
        let unit = match self.peek() {
            Token::Word(word) => UNITS
                .iter()
                .find(|(name, _)| word == name || word.strip_suffix('S') == Some(*name))
                .map(|(_, ms)| *ms),
            _ => None,
        };
        let Some(unit) = unit else { return self.error("a unit of time such as SEC") };
        self.next();
        let ms = count.checked_mul(unit);
        ms.ok_or_else(|| Diagnostic::error("syntax", "the time is too long", span))
    }

    /// What follows WATERMARK: a field and its lateness.
    pub(super) fn watermark(&mut self) -> Parsed<(Attr, u64)> {
        self.sign("(")?;
        let field = self.qualified("a field with the time")?;
        self.sign(",")?;
        let lateness = self.milliseconds()?;
        self.sign(")")?;
        Ok((field, lateness))
    }
}
