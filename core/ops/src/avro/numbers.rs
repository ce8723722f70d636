//! Values as the numbers that a schema wants, and what they stand for.

use std::sync::Arc;

use formats::number::{FloatSize, json_number_f64, json_number_i64, write_v};
use formats::value::{Digits, Object, Text, Timestamp, Value};

use super::decimal;
use super::error::Error;
use super::schema::{Raw, Whole};

/// A value as an integer, or what keeps it from being one; `None` for what is no number.
pub(super) fn integer(value: &Value) -> Option<Result<i64, String>> {
    let whole = |x: f64| match x {
        _ if x.trunc() != x => Err(format!("value {} is not a whole number", shown(x))),
        // The next double above the integers.
        _ if !(i64::MIN as f64..-(i64::MIN as f64)).contains(&x) => {
            Err(format!("value {} overflows int64", shown(x)))
        }
        _ => Ok(x as i64),
    };
    Some(match value {
        Value::Int(n) => Ok(*n),
        Value::Uint(n) => i64::try_from(*n).map_err(|_| format!("value {n} overflows int64")),
        Value::Float(x) => whole(*x),
        Value::Float32(x) => whole(f64::from(*x)),
        Value::Number(digits) => match json_number_i64(digits.as_bytes()) {
            Some(n) => Ok(n),
            None => match json_number_f64(digits.as_bytes()) {
                Some(x) => whole(x),
                None => Err(format!("value {} is not a valid number", &**digits)),
            },
        },
        _ => return None,
    })
}

/// The same within 32 bits.
pub(super) fn short_integer(value: &Value) -> Option<Result<i32, String>> {
    let n = integer(value)?;
    Some(n.and_then(|n| i32::try_from(n).map_err(|_| format!("value {n} overflows int32"))))
}

/// A value as a double, a text of one that JSON does not have included.
pub(super) fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Uint(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Float32(x) => Some(f64::from(*x)),
        Value::Number(digits) => {
            let beyond = if digits.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
            Some(json_number_f64(digits.as_bytes()).unwrap_or(beyond))
        }
        Value::String(text) => match text.to_str_lossy().to_ascii_lowercase().as_str() {
            "nan" => Some(f64::NAN),
            "infinity" | "inf" => Some(f64::INFINITY),
            "-infinity" | "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn shown(x: f64) -> String {
    let mut text = Vec::new();
    write_v(&mut text, x, FloatSize::F64);
    String::from_utf8_lossy(&text).into_owned()
}

/// A float in a document: those that JSON does not have are texts.
pub(super) fn float(x: f64, value: Value) -> Value {
    match x {
        _ if x.is_finite() => value,
        _ if x.is_nan() => Value::text("NaN"),
        _ if x > 0.0 => Value::text("Infinity"),
        _ => Value::text("-Infinity"),
    }
}

/// Seconds since 1970 of the years that times in JSON may have.
const JSON_SECONDS: std::ops::Range<i128> = -62_167_219_200..253_402_300_800;

/// An integer in a document.
pub(super) fn meaning(n: i64, whole: Whole) -> Result<Value, Error> {
    match whole {
        Whole::Number => Ok(Value::Int(n)),
        Whole::Instant(unit) => {
            let unix_ns = i128::from(n) * i128::from(unit);
            if !JSON_SECONDS.contains(&unix_ns.div_euclid(1_000_000_000)) {
                let text = format!("timestamp {n} is outside of the years 0 to 9999");
                return Err(Error::plain(text));
            }
            let zone = Arc::from("UTC");
            Ok(Value::Timestamp(Arc::new(Timestamp { unix_ns, offset_s: 0, zone })))
        }
        Whole::Span(unit) => n
            .checked_mul(unit)
            .map(Value::Int)
            .ok_or_else(|| Error::plain(format!("time-micros value {n} overflows time.Duration"))),
    }
}

/// The integer that a text or a time stands for, if it is one.
pub(super) fn stands_for(value: &Value, whole: Whole) -> Option<i64> {
    let Whole::Instant(unit) = whole else { return None };
    let unix_ns = match value {
        Value::Timestamp(at) => at.unix_ns,
        Value::String(text) => {
            let text = text.to_str_lossy();
            let day =
                || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
            match text.parse::<jiff::Timestamp>() {
                Ok(at) => at.as_nanosecond(),
                Err(_) if unit > 1_000_000_000 => day()?.timestamp().as_nanosecond(),
                Err(_) => return None,
            }
        }
        _ => return None,
    };
    i64::try_from(unix_ns.div_euclid(i128::from(unit))).ok()
}

/// Bytes in a document.
pub(super) fn content(bytes: &[u8], raw: Raw) -> Value {
    match raw {
        Raw::Bytes => Value::Bytes(Arc::from(bytes)),
        Raw::Decimal(scale) => Value::Number(Digits::from(decimal::text_of(bytes, scale).as_str())),
        Raw::Duration => {
            let (parts, _) = bytes.as_chunks::<4>();
            let names = ["Months", "Days", "Milliseconds"];
            let parts = parts.iter().map(|part| Value::Int(u32::from_le_bytes(*part).into()));
            Value::object(names.into_iter().map(Text::from).zip(parts).collect::<Object>())
        }
        Raw::Uuid => match uuid::Uuid::from_slice(bytes) {
            Ok(id) => Value::text(id.to_string()),
            Err(_) => Value::Bytes(Arc::from(bytes)),
        },
    }
}

/// The bytes of what stands for them, if it does.
pub(super) fn bytes_for(value: &Value, raw: Raw) -> Option<Vec<u8>> {
    match (raw, value) {
        (Raw::Uuid, Value::String(text)) => {
            let id = uuid::Uuid::try_parse_ascii(text.as_bytes()).ok()?;
            Some(id.as_bytes().to_vec())
        }
        (Raw::Duration, Value::Object(parts)) => {
            let part = |name: &str| {
                let n = integer(parts.get(name.as_bytes())?)?.ok()?;
                Some(u32::try_from(n).ok()?.to_le_bytes())
            };
            Some([part("Months")?, part("Days")?, part("Milliseconds")?].concat())
        }
        _ => None,
    }
}
