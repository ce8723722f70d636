//! Lengths of time as configurations write them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Length of a time, written as Go writes it: `300ms`, `1.5h`, `2h45m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Nanoseconds; may be negative.
    pub ns: i64,
}

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Why a text is not a duration; the texts are those users know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not a number with units at all, or too large.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number stands alone.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// There is no such unit.
    #[error("time: unknown unit {0:?} in duration {1:?}")]
    UnknownUnit(String, String),
}

impl Duration {
    /// This many nanoseconds.
    #[must_use]
    pub const fn from_ns(ns: i64) -> Self {
        Duration { ns }
    }

    /// This many milliseconds.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Duration { ns: ms * 1_000_000 }
    }

    /// This many seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Duration { ns: secs * 1_000_000_000 }
    }

    /// Nanoseconds to wait: none when it is negative.
    #[must_use]
    pub fn wait_ns(self) -> u64 {
        u64::try_from(self.ns).unwrap_or(0)
    }

    /// Reads a duration.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Duration::default());
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (whole, after) = rest.split_at(number);
            let (fraction, after) = match after.strip_prefix('.') {
                None => ("", after),
                Some(after) => {
                    let tail = after.trim_start_matches(|c: char| c.is_ascii_digit());
                    (&after[..after.len() - tail.len()], tail)
                }
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let tail = after.trim_start_matches(|c: char| c != '.' && !c.is_ascii_digit());
            let unit = &after[..after.len() - tail.len()];
            if unit.is_empty() {
                return Err(DurationError::MissingUnit(text.to_owned()));
            }
            let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(DurationError::UnknownUnit(unit.to_owned(), text.to_owned()));
            };
            let whole =
                if whole.is_empty() { 0 } else { whole.parse::<i64>().map_err(|_| invalid())? };
            total += i128::from(whole) * i128::from(*scale) + part_of(fraction, *scale);
            if total > i128::from(i64::MAX) + i128::from(negative) {
                return Err(invalid());
            }
            rest = tail;
        }
        let ns = if negative { -total } else { total };
        i64::try_from(ns).map(Duration::from_ns).map_err(|_| invalid())
    }
}

/// Nanoseconds of the digits behind the point; digits beyond what a nanosecond of any unit can
/// show do not matter.
fn part_of(fraction: &str, scale: i64) -> i128 {
    const DIGITS_MAX: usize = 18;
    let (mut value, mut divisor) = (0i128, 1i128);
    for digit in fraction.bytes().take(DIGITS_MAX) {
        value = value * 10 + i128::from(digit - b'0');
        divisor *= 10;
    }
    value * i128::from(scale) / divisor
}

/// A text that is written from its end; the longest duration takes 25 bytes.
struct Backward {
    bytes: [u8; 32],
    begin: usize,
}

impl Default for Backward {
    fn default() -> Self {
        Backward { bytes: [0; 32], begin: 32 }
    }
}

impl Backward {
    fn written(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    fn put(&mut self, text: &str) {
        let end = self.begin;
        self.begin -= text.len();
        self.bytes[self.begin..end].copy_from_slice(text.as_bytes());
    }

    fn digit(&mut self, digit: u64) {
        self.begin -= 1;
        self.bytes[self.begin] = b'0' + (digit % 10) as u8;
    }

    fn number(&mut self, mut value: u64) {
        self.digit(value);
        while value >= 10 {
            value /= 10;
            self.digit(value);
        }
    }

    /// A number of which the last digits are a fraction, without the zeros at its end.
    fn fraction(&mut self, mut value: u64, digits: u32) {
        let end = self.begin;
        for _ in 0..digits {
            if self.begin < end || !value.is_multiple_of(10) {
                self.digit(value);
            }
            value /= 10;
        }
        if self.begin < end {
            self.put(".");
        }
        self.number(value);
    }
}

impl Duration {
    /// Appends it as Go prints it: `1h2m3s`, `1.5ms`, `0s`.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text().written());
    }

    /// Appends its seconds as a decimal number.
    pub fn write_seconds(self, out: &mut Vec<u8>) {
        let mut text = Backward::default();
        text.fraction(self.ns.unsigned_abs(), 9);
        if self.ns < 0 {
            text.put("-");
        }
        out.extend_from_slice(text.written());
    }

    fn text(self) -> Backward {
        let mut text = Backward::default();
        let abs = self.ns.unsigned_abs();
        let (unit, digits) = match abs {
            0 | 1_000_000_000.. => ("s", 9),
            1..1_000 => ("ns", 0),
            1_000..1_000_000 => ("\u{b5}s", 3),
            1_000_000..1_000_000_000 => ("ms", 6),
        };
        text.put(unit);
        text.fraction(abs % 60_000_000_000, digits);
        let minutes = abs / 60_000_000_000;
        if minutes > 0 {
            text.put("m");
            text.number(minutes % 60);
        }
        if minutes >= 60 {
            text.put("h");
            text.number(minutes / 60);
        }
        if self.ns < 0 {
            text.put("-");
        }
        text
    }
}

impl fmt::Display for Duration {
    /// As Go prints it, see [`Duration::write`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.text().written()).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Duration::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, ns, printed) in [
            ("0", 0, "0s"),
            ("1s", 1_000_000_000, "1s"),
            ("300s", 300_000_000_000, "5m0s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("1h2m3.5s", 3_723_500_000_000, "1h2m3.5s"),
            (".5s", 500_000_000, "500ms"),
            ("-1.5ms", -1_500_000, "-1.5ms"),
            ("10us", 10_000, "10\u{b5}s"),
            ("7ns", 7, "7ns"),
            ("9223372036854775807ns", i64::MAX, "2562047h47m16.854775807s"),
        ] {
            let got = Duration::parse(text).unwrap();
            assert_eq!((got.ns, got.to_string().as_str()), (ns, printed), "{text}");
            assert_eq!(Duration::parse(printed), Ok(got), "{printed}");
        }
    }

    #[test]
    fn seconds_are_the_shortest_decimal_number() {
        for (ns, written) in [
            (0, "0"),
            (1, "0.000000001"),
            (-1_500_000_000, "-1.5"),
            (3_723_000_000_000, "3723"),
            (90_000_000_123, "90.000000123"),
        ] {
            let mut out = Vec::new();
            Duration::from_ns(ns).write_seconds(&mut out);
            assert_eq!(out, written.as_bytes());
        }
    }

    #[test]
    fn bad_durations_say_why() {
        for (text, error) in [
            ("nope", "time: invalid duration \"nope\""),
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("3000000h", "time: invalid duration \"3000000h\""),
        ] {
            assert_eq!(Duration::parse(text).unwrap_err().to_string(), error);
        }
    }
}
