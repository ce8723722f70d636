//! Types of configuration fields that say in the schema what they are.
//!
//! Whoever reads a configuration (lint, lowering, editors) is driven by the schemas of the
//! components. These types add the keyword [`KIND`] to it, so that a reader knows where a nested
//! component, a piece of code, a text with embedded code or a duration stands. A lowering turns
//! the user's spelling of such a field into what these types read: code into [`Code`], a nested
//! component into [`Component`].

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::component::Component;
use crate::expr::Code;

/// The schema keyword that holds the kind of a field.
pub const KIND: &str = "x-kind";

/// The schema keyword that holds what a field is called in paths of components, where it is a part
/// that many components have: it stands beside what each of them does.
pub const PART: &str = "x-part";

/// The schema of a field that says what it is.
macro_rules! schema {
    ($name:ident, $type:literal, $kind:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": $type, "x-kind": $kind})
            }
        }
    };
}

macro_rules! code_field {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Code);

        impl $name {
            /// Whether nothing was written.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.text.is_empty()
            }
        }

        impl From<&str> for $name {
            /// A default of a field. A lowering reads it from the schema and writes it into the
            /// configuration with its language, because components know none.
            fn from(text: &str) -> Self {
                $name(Code { text: text.to_owned(), ..Code::default() })
            }
        }

        impl Serialize for $name {
            /// As the user writes it: the text alone.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0.text)
            }
        }

        schema! { $name, "string", $kind }
    };
}

code_field! {
    /// Code that makes or changes a message: compile it with [`crate::Form::Mapping`] or
    /// [`crate::Form::Mutation`].
    Mapping, "mapping"
}
code_field! {
    /// Code with one value per message, such as a condition: compile it with
    /// [`crate::Form::Query`].
    Query, "query"
}
code_field! {
    /// Text with embedded queries: compile it with [`crate::Form::Text`].
    Interpolated, "text"
}

macro_rules! nested {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Component);

        impl std::ops::Deref for $name {
            type Target = Component;

            fn deref(&self) -> &Component {
                &self.0
            }
        }

        schema! { $name, "object", $kind }
    };
}

nested! {
    /// A nested processor; [`crate::Env::operator`] builds it.
    Processor, "processor"
}
nested! {
    /// A nested input; [`crate::Env::source`] builds it. One with processors of its own is wrapped
    /// in a component named `processed` with the fields `input` and `processors`.
    Input, "input"
}
nested! {
    /// A nested output; [`crate::Env::sink`] builds it. One with processors of its own is wrapped
    /// in a component named `processed` with the fields `processors` and `output`.
    Output, "output"
}
nested! {
    /// How a stream of bytes is cut into messages. Whoever owns the bytes knows what to do with
    /// its name.
    Scanner, "scanner"
}

macro_rules! shared {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Component);

        impl $name {
            /// Whether none was named.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.label.is_empty()
            }
        }

        impl Serialize for $name {
            /// As the user writes it: the label.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0.label)
            }
        }

        schema! { $name, "string", $kind }
    };
}

shared! {
    /// The label of a cache. A lowering puts the cache's definition in its place;
    /// [`crate::Env::cache`] gives a line to it.
    CacheLabel, "cache_label"
}
shared! {
    /// The label of a rate limit, as [`CacheLabel`]; [`crate::Env::rate_limit`] gives a line to it.
    RateLimitLabel, "rate_limit_label"
}

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

impl fmt::Display for Duration {
    /// As Go prints it: `1h2m3s`, `1.5ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abs = self.ns.unsigned_abs();
        if self.ns < 0 {
            f.write_str("-")?;
        }
        let scaled = |f: &mut fmt::Formatter<'_>, value: u64, scale: u64, unit: &str| {
            write!(f, "{}", value / scale)?;
            if !value.is_multiple_of(scale) {
                let (mut rest, mut width) = (value % scale, scale.ilog10() as usize);
                while rest.is_multiple_of(10) {
                    (rest, width) = (rest / 10, width - 1);
                }
                write!(f, ".{rest:0width$}")?;
            }
            f.write_str(unit)
        };
        match abs {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{abs}ns"),
            1_000..1_000_000 => scaled(f, abs, 1_000, "\u{b5}s"),
            1_000_000..1_000_000_000 => scaled(f, abs, 1_000_000, "ms"),
            _ => {
                let minutes = abs / 60_000_000_000;
                match (minutes / 60, minutes % 60) {
                    (0, 0) => {}
                    (0, m) => write!(f, "{m}m")?,
                    (h, m) => write!(f, "{h}h{m}m")?,
                }
                scaled(f, abs % 60_000_000_000, 1_000_000_000, "s")
            }
        }
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

schema! { Duration, "string", "duration" }

/// The table entry of a part that is configured by name within or beside other components and is
/// neither source nor operator nor sink: scanners, buffers, caches, rate limits. Whoever uses it
/// builds it.
#[derive(Debug)]
pub struct Part {
    /// What it is: the [`KIND`] of the fields in which it stands.
    pub kind: &'static str,
    /// Name in configurations.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Schema of its configuration, with the documentation of every field.
    pub schema: fn() -> crate::Json,
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

    #[test]
    fn schemas_say_what_a_field_is() {
        #[derive(JsonSchema)]
        #[allow(dead_code)]
        struct Config {
            /// What to do.
            mapping: Mapping,
            #[serde(default)]
            key: Interpolated,
            processors: Vec<Processor>,
            timeout: Option<Duration>,
        }
        let schema = crate::schema_of::<Config>();
        let fields = &schema["properties"];
        assert_eq!(fields["mapping"][KIND], "mapping");
        assert_eq!(fields["mapping"]["description"], "What to do.");
        assert_eq!(fields["key"]["default"], "");
        assert_eq!(fields["processors"]["items"][KIND], "processor");
        assert!(schema.to_string().contains("\"duration\""), "{schema}");
    }

    #[test]
    fn code_reads_with_its_language() {
        let json = serde_json::json!({"lang": "b", "text": "root = this"});
        let Mapping(code) = Mapping::deserialize(&json).unwrap();
        assert_eq!((code.lang.as_str(), code.text.as_str()), ("b", "root = this"));
    }
}
