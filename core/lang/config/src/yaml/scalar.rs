//! Single values: what a plain word means.
//!
//! The rules are those of the YAML reader users know from Go: words of YAML 1.2's core schema,
//! integers also as `0x`, `0o`, `0b` and with a leading zero, underscores between digits, and
//! `yes`, `no`, `on`, `off` as texts unless a switch is wanted.

use formats::yaml;
use plan::Json;
use plan::serde_json::Number;

/// The type of a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Any other number.
    Float,
    /// Text.
    Str,
    /// A date or time; used as text.
    Timestamp,
    /// The key that merges other mappings.
    Merge,
    /// Base64 of bytes; used as text.
    Binary,
}

impl Tag {
    /// The short name messages show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tag::Null => "!!null",
            Tag::Bool => "!!bool",
            Tag::Int => "!!int",
            Tag::Float => "!!float",
            Tag::Str => "!!str",
            Tag::Timestamp => "!!timestamp",
            Tag::Merge => "!!merge",
            Tag::Binary => "!!binary",
        }
    }
}

/// A single value: its text, its type, and whether it was written as a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text, without quotes and escapes.
    pub text: String,
    /// Its type.
    pub tag: Tag,
    /// Whether it was written with `|`: its text begins on the next line.
    pub literal: bool,
    /// Columns before the text: the quote mark, or with `|` the indentation of its lines.
    pub lead: u32,
}

impl Scalar {
    /// A null.
    #[must_use]
    pub fn null() -> Self {
        Scalar { text: String::new(), tag: Tag::Null, literal: false, lead: 0 }
    }

    /// A text that was quoted.
    #[must_use]
    pub fn quoted(text: String, literal: bool) -> Self {
        Scalar { text, tag: Tag::Str, literal, lead: 0 }
    }

    /// A plain word, of the type its letters say.
    #[must_use]
    pub fn plain(text: String) -> Self {
        let tag = plain_tag(&text);
        Scalar { text, tag, literal: false, lead: 0 }
    }

    pub(super) fn from_json(json: &Json) -> Self {
        let (text, tag) = match json {
            Json::Null => (String::new(), Tag::Null),
            Json::Bool(value) => (value.to_string(), Tag::Bool),
            Json::String(text) => (text.clone(), Tag::Str),
            Json::Number(n) if n.is_f64() => (n.to_string(), Tag::Float),
            other => (other.to_string(), Tag::Int),
        };
        Scalar { text, tag, literal: false, lead: 0 }
    }

    /// The value of an integer.
    #[must_use]
    pub fn int(&self) -> Option<i128> {
        (self.tag == Tag::Int).then(|| yaml::integer(&self.text)).flatten()
    }

    /// The value of any number.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self.tag {
            Tag::Int => self.int().map(|i| i as f64),
            Tag::Float => yaml::float(&self.text),
            _ => None,
        }
    }

    /// The value where a switch is wanted: also the words of YAML 1.1.
    #[must_use]
    pub fn switch(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            word => yaml::old_bool(word),
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match self.tag {
            Tag::Null => Json::Null,
            Tag::Bool => Json::Bool(self.switch().unwrap_or_default()),
            Tag::Int => match self.int().map(|i| (i64::try_from(i), u64::try_from(i))) {
                Some((Ok(i), _)) => Json::from(i),
                Some((_, Ok(u))) => Json::from(u),
                _ => self.float_json(),
            },
            Tag::Float => self.float_json(),
            _ => Json::String(self.text.clone()),
        }
    }

    /// A double as JSON; whole ones without a point, as Go prints them.
    fn float_json(&self) -> Json {
        const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
        match self.float() {
            Some(f) if f.fract() == 0.0 && f.abs() <= WHOLE_MAX => Json::from(f as i64),
            Some(f) => {
                Number::from_f64(f).map_or_else(|| Json::String(self.text.clone()), Json::Number)
            }
            None => Json::String(self.text.clone()),
        }
    }
}

fn plain_tag(text: &str) -> Tag {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Tag::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Tag::Bool,
        "<<" => return Tag::Merge,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {}
        _ => return Tag::Str,
    }
    if yaml::integer(text).is_some() {
        Tag::Int
    } else if yaml::float(text).is_some() {
        Tag::Float
    } else if is_timestamp(text) {
        Tag::Timestamp
    } else {
        Tag::Str
    }
}

/// `2006-01-02`, alone or followed by a time of day.
fn is_timestamp(text: &str) -> bool {
    let digits =
        |s: &str, min, max| (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let dated = digits(year, 4, 4)
        && if rest.is_empty() {
            digits(month, 2, 2) && digits(day, 2, 2)
        } else {
            digits(month, 1, 2) && digits(day, 1, 2)
        };
    let clock = rest.trim_start_matches(['T', 't', ' ']);
    dated
        && (rest.is_empty()
            || clock.split([':', '.', 'Z', '+', '-', ' ']).next().is_some_and(|h| digits(h, 1, 2))
                && clock.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_have_the_types_of_go() {
        for (text, tag, json) in [
            ("", "!!null", "null"),
            ("~", "!!null", "null"),
            ("NULL", "!!null", "null"),
            ("nUll", "!!str", "\"nUll\""),
            ("True", "!!bool", "true"),
            ("yes", "!!str", "\"yes\""),
            ("off", "!!str", "\"off\""),
            ("0x10", "!!int", "16"),
            ("-0x10", "!!int", "-16"),
            ("0o17", "!!int", "15"),
            ("017", "!!int", "15"),
            ("019", "!!float", "19"),
            ("0b101", "!!int", "5"),
            ("1_000", "!!int", "1000"),
            ("+5", "!!int", "5"),
            ("18446744073709551615", "!!int", "18446744073709551615"),
            ("123456789012345678901234567890", "!!float", "1.2345678901234568e+29"),
            ("1.50", "!!float", "1.5"),
            ("2.0", "!!float", "2"),
            ("1e3", "!!float", "1000"),
            (".5", "!!float", "0.5"),
            (".inf", "!!float", "\".inf\""),
            ("1h", "!!str", "\"1h\""),
            ("-", "!!str", "\"-\""),
            ("+.", "!!str", "\"+.\""),
            ("1.2.3", "!!str", "\"1.2.3\""),
            ("10.1.2.3", "!!str", "\"10.1.2.3\""),
            ("2020-01-02", "!!timestamp", "\"2020-01-02\""),
            ("2020-01-02T03:04:05Z", "!!timestamp", "\"2020-01-02T03:04:05Z\""),
            ("0x", "!!str", "\"0x\""),
            ("infinity", "!!str", "\"infinity\""),
            ("+nan", "!!str", "\"+nan\""),
        ] {
            let scalar = Scalar::plain(text.to_owned());
            assert_eq!(scalar.tag.name(), tag, "{text}");
            assert_eq!(scalar.to_json().to_string(), json, "{text}");
        }
    }

    #[test]
    fn a_switch_knows_the_old_words() {
        assert_eq!(Scalar::plain("on".into()).switch(), Some(true));
        assert_eq!(Scalar::plain("No".into()).switch(), Some(false));
        assert_eq!(Scalar::plain("maybe".into()).switch(), None);
    }
}
