//! What a plain word means: the core schema of YAML 1.2 with the integers of Go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formats::value::{Timestamp, Value};
use formats::yaml;

use crate::time;

/// The types of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Binary,
    Text,
}

impl Type {
    /// The type that a tag of YAML's own names.
    pub(super) fn of_tag(suffix: &str) -> Option<Type> {
        Some(match suffix {
            "null" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "float" => Type::Float,
            "timestamp" => Type::Timestamp,
            "binary" => Type::Binary,
            "str" => Type::Text,
            _ => return None,
        })
    }

    fn tag(self) -> &'static str {
        match self {
            Type::Null => "!!null",
            Type::Bool => "!!bool",
            Type::Int => "!!int",
            Type::Float => "!!float",
            Type::Timestamp => "!!timestamp",
            Type::Binary => "!!binary",
            Type::Text => "!!str",
        }
    }
}

/// The layouts of dates, alone and with a time of day.
const TIMES: [&str; 4] = [
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
];

/// A word without a tag, with the type that its letters say.
pub(super) fn plain(text: &str) -> (Type, Value) {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return (Type::Null, Value::Null),
        "true" | "True" | "TRUE" => return (Type::Bool, Value::Bool(true)),
        "false" | "False" | "FALSE" => return (Type::Bool, Value::Bool(false)),
        _ => {}
    }
    if matches!(text.as_bytes().first(), Some(b'0'..=b'9' | b'+' | b'-' | b'.')) {
        if let Some(value) = integer(text) {
            return (Type::Int, value);
        }
        if let Some(x) = yaml::float(text) {
            return (Type::Float, Value::Float(x));
        }
        if let Some(time) = timestamp(text) {
            return (Type::Timestamp, Value::Timestamp(time.into()));
        }
    }
    (Type::Text, Value::text(text))
}

/// A word with a tag.
///
/// # Errors
/// The word is nothing of that type.
pub(super) fn tagged(text: &str, wanted: Type) -> Result<Value, String> {
    match wanted {
        Type::Text => return Ok(Value::text(text)),
        Type::Binary => {
            let packed: String = text.split_ascii_whitespace().collect();
            return match STANDARD.decode(packed) {
                Ok(bytes) => Ok(Value::text(bytes)),
                Err(_) => Err("!!binary value contains invalid base64 data".into()),
            };
        }
        _ => {}
    }
    match plain(text) {
        (kind, value) if kind == wanted => Ok(value),
        (Type::Int, value) if wanted == Type::Float => {
            Ok(Value::Float(crate::val::to_f64(&value).unwrap_or_default()))
        }
        (kind, _) => Err(format!("cannot decode {} `{text}` as a {}", kind.tag(), wanted.tag())),
    }
}

fn integer(text: &str) -> Option<Value> {
    let whole = yaml::integer(text)?;
    i64::try_from(whole).map(Value::Int).or_else(|_| u64::try_from(whole).map(Value::Uint)).ok()
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    if year != 4 || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    TIMES.iter().find_map(|layout| time::parse(layout, text).ok())
}

/// Whether a text stays one when it is written without quotes.
pub(super) fn stays_text(text: &str) -> bool {
    let old_bool = yaml::old_bool(text).is_some();
    !old_bool && !is_sexagesimal(text) && plain(text).0 == Type::Text
}

/// Numbers to the base of 60, such as `1:30`, which older readers know.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let first = first.starts_with(|c: char| c.is_ascii_digit()) && digits(first);
    let place = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => matches!(tens, b'0'..=b'5') && digit.is_ascii_digit(),
        _ => false,
    };
    let rest: Vec<&str> = parts.collect();
    first && !rest.is_empty() && rest.into_iter().all(place) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_types_of_go() {
        for (text, kind) in [
            ("~", Type::Null),
            ("True", Type::Bool),
            ("yes", Type::Text),
            ("0x1F", Type::Int),
            ("010", Type::Int),
            ("1_000", Type::Int),
            ("18446744073709551615", Type::Int),
            ("99999999999999999999", Type::Float),
            ("-.5e-3", Type::Float),
            (".inf", Type::Float),
            ("1:30", Type::Text),
            ("2001-1-2", Type::Timestamp),
            ("2001-12-14 21:59:43", Type::Timestamp),
            ("2001-12-14x", Type::Text),
        ] {
            assert_eq!(plain(text).0, kind, "{text}");
        }
        assert!(!stays_text("1:30") && !stays_text("n") && !stays_text("") && stays_text("a"));
    }

    #[test]
    fn a_tag_must_fit_its_word() {
        assert!(matches!(tagged("3", Type::Float), Ok(Value::Float(x)) if x == 3.0));
        assert_eq!(tagged("x", Type::Int).unwrap_err(), "cannot decode !!str `x` as a !!int");
        assert!(
            matches!(tagged("aGVs bG8=", Type::Binary), Ok(Value::String(t)) if t.as_bytes() == b"hello")
        );
    }
}
