//! What both forms of log lines have in common: priorities, dates and times, byte by byte.

use formats::value::{Object, Text, Value};

/// A line, and how far it was read. Errors name the column, which is where reading stopped.
pub(super) struct Scan<'l> {
    pub(super) line: &'l [u8],
    pub(super) at: usize,
}

/// Where a line is not as it should be.
pub(super) struct Stop;

/// A time of a day, as far as its digits go.
pub(super) struct DateTime<'l> {
    /// The whole text.
    pub(super) text: &'l [u8],
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
}

impl<'l> Scan<'l> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    pub(super) fn error(&self, what: &str) -> String {
        format!("{what} [col {}]", self.at)
    }

    /// Reads one byte that is right.
    pub(super) fn take(&mut self, right: impl Fn(u8) -> bool) -> Result<u8, Stop> {
        let byte = self.peek().filter(|byte| right(*byte)).ok_or(Stop)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn byte(&mut self, byte: u8) -> Result<(), Stop> {
        self.take(|other| other == byte).map(|_| ())
    }

    /// Reads between one and `max` bytes that are right, up to a space.
    pub(super) fn word(
        &mut self,
        max: usize,
        right: impl Fn(u8) -> bool,
    ) -> Result<&'l [u8], Stop> {
        let from = self.at;
        while self.at - from < max && self.peek().is_some_and(&right) {
            self.at += 1;
        }
        self.line.get(from..self.at).filter(|word| !word.is_empty()).ok_or(Stop)
    }

    fn two(&mut self, right: impl Fn(u8, u8) -> bool) -> Result<u32, Stop> {
        let first = self.take(|first| (b'0'..=b'9').any(|second| right(first, second)))?;
        let second = self.take(|second| right(first, second))?;
        let tens = if first == b' ' { 0 } else { u32::from(first - b'0') };
        Ok(tens * 10 + u32::from(second - b'0'))
    }

    /// The priority in angle brackets.
    pub(super) fn priority(&mut self) -> Result<u8, String> {
        if self.byte(b'<').is_err() {
            return Err(self.error("expecting a priority value within angle brackets"));
        }
        let mut value: u32 = 0;
        let mut digits = 0;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let next = value * 10 + u32::from(digit - b'0');
            if next > 191 || (digits > 0 && value == 0) {
                break;
            }
            (value, digits, self.at) = (next, digits + 1, self.at + 1);
        }
        if digits == 0 || self.byte(b'>').is_err() {
            let what = "expecting a priority value in the range 1-191 or equal to 0";
            return Err(self.error(what));
        }
        Ok(value as u8)
    }

    /// A day of a month: with two digits, or with a space before the only one.
    pub(super) fn day(&mut self, padding: u8) -> Result<u32, Stop> {
        self.two(|first, second| match first {
            b'1' | b'2' => second.is_ascii_digit(),
            b'3' => matches!(second, b'0' | b'1'),
            first if first == padding => matches!(second, b'1'..=b'9'),
            _ => false,
        })
    }

    /// A date as in `2020-10-11`.
    pub(super) fn date(&mut self) -> Result<(i64, u32, u32), Stop> {
        let mut year = 0;
        for _ in 0..4 {
            year = year * 10 + i64::from(self.take(|b| b.is_ascii_digit())? - b'0');
        }
        self.byte(b'-')?;
        let month = self.two(|first, second| match first {
            b'0' => matches!(second, b'1'..=b'9'),
            b'1' => matches!(second, b'0'..=b'2'),
            _ => false,
        })?;
        self.byte(b'-')?;
        Ok((year, month, self.day(b'0')?))
    }

    fn hour(&mut self) -> Result<u32, Stop> {
        self.two(|first, second| match first {
            b'0' | b'1' => second.is_ascii_digit(),
            b'2' => matches!(second, b'0'..=b'3'),
            _ => false,
        })
    }

    fn sixty(&mut self) -> Result<u32, Stop> {
        self.two(|first, second| matches!(first, b'0'..=b'5') && second.is_ascii_digit())
    }

    /// A time as in `22:14:15`.
    pub(super) fn time(&mut self) -> Result<(), Stop> {
        self.hour()?;
        self.byte(b':')?;
        self.sixty()?;
        self.byte(b':')?;
        self.sixty().map(|_| ())
    }

    /// How far the clock is from that of Greenwich: `Z` or as in `+02:00`.
    pub(super) fn offset(&mut self) -> Result<(), Stop> {
        if self.take(|b| matches!(b, b'Z' | b'+' | b'-'))? == b'Z' {
            return Ok(());
        }
        self.hour()?;
        self.byte(b':')?;
        self.sixty().map(|_| ())
    }
}

/// Days of a month.
fn days_of(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl DateTime<'_> {
    /// Whether there is such a day.
    ///
    /// # Errors
    /// There is none; `at` is the column.
    pub(super) fn checked(&self, at: usize) -> Result<(), String> {
        if self.day <= days_of(self.year, self.month) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(self.text);
        Err(format!("parsing time {text:?}: day out of range [col {at}]"))
    }

    /// The text as times are written everywhere: no zeros at the end of fractions, and `Z` where
    /// the clock is that of Greenwich.
    pub(super) fn written(&self) -> String {
        let text = String::from_utf8_lossy(self.text).into_owned();
        let (clock, offset) = match text.strip_suffix('Z') {
            Some(clock) => (clock, "Z"),
            None => text.split_at(text.len().saturating_sub(6)),
        };
        let clock = match clock.contains('.') {
            true => clock.trim_end_matches('0').trim_end_matches('.'),
            false => clock,
        };
        let offset = if matches!(offset, "+00:00" | "-00:00") { "Z" } else { offset };
        format!("{clock}{offset}")
    }
}

/// Fields of a line that was read.
#[derive(Default)]
pub(super) struct Fields(Object);

impl Fields {
    pub(super) fn of_priority(priority: u8) -> Self {
        let mut fields = Fields::default();
        fields.int("facility", i64::from(priority / 8));
        fields.int("priority", i64::from(priority));
        fields.int("severity", i64::from(priority % 8));
        fields
    }

    pub(super) fn int(&mut self, name: &str, value: i64) {
        self.0.insert(Text::from(name), Value::Int(value));
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(Text::from(name), value);
    }

    /// A text, unless there is none.
    pub(super) fn text(&mut self, name: &str, text: &[u8]) {
        if !text.is_empty() {
            self.set(name, Value::text(text));
        }
    }

    /// The same for a text that may be left out as `-`.
    pub(super) fn named(&mut self, name: &str, text: &[u8]) {
        if text != b"-" {
            self.text(name, text);
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::object(self.0)
    }
}
