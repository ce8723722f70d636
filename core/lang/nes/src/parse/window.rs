//! Windows, units of time and watermarks.

use plan::Diagnostic;

use super::{Parsed, Parser};
use crate::ast::{Attr, OpKind, TimeWindow};

impl Parser {
    /// The rest of `window(...)` that begins an aggregation.
    pub(crate) fn window_call(&mut self) -> Parsed<OpKind> {
        if self.word_if("ThresholdWindow") {
            self.sign("::")?;
            self.word("of")?;
            self.sign("(")?;
            let condition = self.expr()?;
            let min = if self.sign_if(",") { self.int()? } else { 0 };
            self.sign(")")?;
            self.sign(")")?;
            let keys = self.by_key()?;
            if let Some(key) = keys.first() {
                let text = "byKey is not supported for a threshold window";
                return Err(Diagnostic::error("unsupported", text, key.span));
            }
            return Ok(OpKind::Threshold(condition, min, self.apply()?));
        }
        let window = self.time_window()?;
        self.sign(")")?;
        let keys = self.by_key()?;
        Ok(OpKind::Window(window, keys, self.apply()?))
    }

    /// `[ "." "byKey" "(" attributes ")" ]`, and the dot behind it.
    fn by_key(&mut self) -> Parsed<Vec<Attr>> {
        self.sign(".")?;
        if !self.word_if("byKey") {
            return Ok(Vec::new());
        }
        self.sign("(")?;
        let keys = self.list(Parser::attr)?;
        self.sign(")")?;
        self.sign(".")?;
        Ok(keys)
    }

    /// A tumbling or sliding window.
    pub(crate) fn time_window(&mut self) -> Parsed<TimeWindow> {
        let sliding = if self.word_if("TumblingWindow") {
            false
        } else if self.word_if("SlidingWindow") {
            true
        } else {
            return self.error("a window such as 'TumblingWindow'");
        };
        self.sign("::")?;
        self.word("of")?;
        self.sign("(")?;
        let time = self.characteristic()?;
        self.sign(",")?;
        let span = self.span();
        let size_ms = self.duration()?;
        let slide_ms = if sliding {
            self.sign(",")?;
            self.duration()?
        } else {
            size_ms
        };
        self.sign(")")?;
        if size_ms == 0 || slide_ms == 0 {
            let text = "the size and the slide of a window must be greater than 0";
            return Err(Diagnostic::error("window", text, span));
        }
        Ok(TimeWindow { time, size_ms, slide_ms })
    }

    fn characteristic(&mut self) -> Parsed<Option<(Attr, u64)>> {
        if self.word_if("IngestionTime") {
            self.sign("(")?;
            self.sign(")")?;
            return Ok(None);
        }
        self.word("EventTime")?;
        self.sign("(")?;
        let attr = self.attr()?;
        let scale = if self.sign_if(",") { self.unit_call()? } else { 1 };
        self.sign(")")?;
        Ok(Some((attr, scale)))
    }

    /// Milliseconds of a unit. `Days` is what the original computes: hours
    /// (spec/nes-query-language.md §5).
    fn unit(&mut self) -> Parsed<u64> {
        for (name, ms) in [
            ("Milliseconds", 1),
            ("Seconds", 1000),
            ("Minutes", 60_000),
            ("Hours", 3_600_000),
            ("Days", 3_600_000),
        ] {
            if self.word_if(name) {
                return Ok(ms);
            }
        }
        self.error("a unit of time such as 'Seconds'")
    }

    /// `Seconds()`.
    fn unit_call(&mut self) -> Parsed<u64> {
        let ms = self.unit()?;
        self.sign("(")?;
        self.sign(")")?;
        Ok(ms)
    }

    /// `Seconds(5)`, as milliseconds.
    fn duration(&mut self) -> Parsed<u64> {
        let span = self.span();
        let ms = self.unit()?;
        self.sign("(")?;
        let count = self.int()?;
        self.sign(")")?;
        let text = "this is more time than 64 bits of milliseconds hold";
        count.checked_mul(ms).ok_or_else(|| Diagnostic::error("window", text, span))
    }

    /// The field, the milliseconds of its unit and the lateness in milliseconds; none by the
    /// clock.
    pub(crate) fn watermark(&mut self) -> Parsed<Option<(Attr, u64, u64)>> {
        if self.word_if("IngestionTimeWatermarkStrategyDescriptor") {
            self.sign("::")?;
            self.word("create")?;
            self.sign("(")?;
            self.sign(")")?;
            return Ok(None);
        }
        self.word("EventTimeWatermarkStrategyDescriptor")?;
        self.sign("::")?;
        self.word("create")?;
        self.sign("(")?;
        let attr = self.attr()?;
        self.sign(",")?;
        let lateness = self.duration()?;
        self.sign(",")?;
        let scale = self.unit_call()?;
        self.sign(")")?;
        Ok(Some((attr, scale, lateness)))
    }
}
