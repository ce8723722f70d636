//! Messages that everybody knows and that have a form of their own in JSON.

use std::sync::Arc;

use formats::value::{Object, Text, Timestamp, Value};
use prost_reflect::{DynamicMessage, ReflectMessage, Value as Field};

use super::shape::Making;

const NS_PER_S: i128 = 1_000_000_000;
/// The first second of the year 1, and the last of the year 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Seconds of ten thousand years, which is the longest span.
const SPAN_MAX: i64 = 315_576_000_000;

/// The value of a message, if it is one of these.
///
/// # Errors
/// When it has no form.
pub(super) fn value(
    making: &mut Making,
    message: &DynamicMessage,
) -> Result<Option<Value>, String> {
    let descriptor = message.descriptor();
    let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else {
        return Ok(None);
    };
    if name == "Timestamp" && making.shape.native {
        return Ok(Some(instant(message)));
    }
    if !OF_THEIR_OWN.contains(&name) {
        return Ok(None);
    }
    // Those that are not times are as in JSON even in documents with native values.
    let native = std::mem::replace(&mut making.shape.native, false);
    let value = in_json(making, message, name);
    making.shape.native = native;
    value.map(Some)
}

fn in_json(making: &mut Making, message: &DynamicMessage, name: &str) -> Result<Value, String> {
    Ok(match name {
        "Timestamp" => timestamp(message)?,
        "Duration" => duration(message)?,
        "Struct" | "ListValue" => {
            let members = making.members(message)?;
            let inside = members.iter().next().map(|(_, value)| value.clone());
            let empty = || match name {
                "Struct" => Value::object(Object::new()),
                _ => Value::array(Vec::new()),
            };
            inside.unwrap_or_else(empty)
        }
        "Value" => one_of(making, message)?,
        "FieldMask" => mask(message),
        "Empty" => Value::object(Object::new()),
        "Any" => any(making, message)?,
        _ => wrapped(making, message)?,
    })
}

fn number(message: &DynamicMessage, field: u32) -> i64 {
    match message.get_field_by_number(field).as_deref() {
        Some(Field::I64(n)) => *n,
        Some(Field::I32(n)) => (*n).into(),
        _ => 0,
    }
}

fn instant(message: &DynamicMessage) -> Value {
    let (seconds, nanos) = (number(message, 1), number(message, 2));
    Value::Timestamp(Arc::new(Timestamp {
        unix_ns: i128::from(seconds) * NS_PER_S + i128::from(nanos),
        offset_s: 0,
        zone: Arc::from("UTC"),
    }))
}

/// A part of a second with as many digits as it needs, by threes.
fn fraction(nanos: i64) -> String {
    let digits = format!("{:09}", nanos.unsigned_abs());
    match digits {
        _ if nanos == 0 => String::new(),
        digits if digits.ends_with("000000") => format!(".{}", digits.get(..3).unwrap_or_default()),
        digits if digits.ends_with("000") => format!(".{}", digits.get(..6).unwrap_or_default()),
        digits => format!(".{digits}"),
    }
}

fn timestamp(message: &DynamicMessage) -> Result<Value, String> {
    let (seconds, nanos) = (number(message, 1), number(message, 2));
    if !TIMES.contains(&seconds) {
        return Err(format!("proto: google.protobuf.Timestamp: seconds out of range {seconds}"));
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(format!("proto: google.protobuf.Timestamp: nanos out of range {nanos}"));
    }
    let unix_ns = i128::from(seconds) * NS_PER_S;
    let mut text = Vec::new();
    let at = Timestamp { unix_ns, offset_s: 0, zone: Arc::from("UTC") };
    formats::rfc3339::write(&mut text, &at);
    text.pop(); // the zone
    text.extend_from_slice(fraction(nanos).as_bytes());
    text.push(b'Z');
    Ok(Value::text(text))
}

fn duration(message: &DynamicMessage) -> Result<Value, String> {
    let (seconds, nanos) = (number(message, 1), number(message, 2));
    if !(-SPAN_MAX..=SPAN_MAX).contains(&seconds) {
        return Err(format!("proto: google.protobuf.Duration: seconds out of range {seconds}"));
    }
    let opposed = seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0;
    if opposed || !(-999_999_999..1_000_000_000).contains(&nanos) {
        return Err("proto: google.protobuf.Duration: nanos out of range".to_owned());
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Ok(Value::text(format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos))))
}

/// The value in a message that has nothing else; its default when it is not set.
fn wrapped(making: &mut Making, message: &DynamicMessage) -> Result<Value, String> {
    let descriptor = message.descriptor();
    let field = descriptor.get_field(1).ok_or("proto: a wrapper has no value")?;
    let value = message.get_field(&field);
    making.field(&field, &value)
}

fn one_of(making: &mut Making, message: &DynamicMessage) -> Result<Value, String> {
    let Some((field, value)) = message.fields().next() else {
        return Err("proto: google.protobuf.Value: none of the oneof fields is set".to_owned());
    };
    if let Field::F64(x) = value
        && !x.is_finite()
    {
        let text = "proto: google.protobuf.Value.number_value cannot have";
        return Err(format!("{text} {}", if x.is_nan() { "NaN" } else { "Inf" }));
    }
    making.field(&field, value)
}

/// `user.displayName,photo` of `user.display_name` and `photo`.
fn mask(message: &DynamicMessage) -> Value {
    let paths = message.get_field_by_number(1);
    let paths = paths.as_deref().and_then(Field::as_list).unwrap_or_default();
    let camel = |path: &str| {
        let mut out = String::with_capacity(path.len());
        let mut upper = false;
        for c in path.chars() {
            match c {
                '_' => upper = true,
                c if std::mem::take(&mut upper) => out.push(c.to_ascii_uppercase()),
                c => out.push(c),
            }
        }
        out
    };
    let paths: Vec<_> = paths.iter().filter_map(Field::as_str).map(camel).collect();
    Value::text(paths.join(","))
}

/// A message of any type, which it names.
fn any(making: &mut Making, message: &DynamicMessage) -> Result<Value, String> {
    let get = |number| message.get_field_by_number(number);
    let (url, bytes) = (get(1), get(2));
    let url = url.as_deref().and_then(Field::as_str).unwrap_or_default();
    let bytes = bytes.as_deref().and_then(Field::as_bytes);
    if url.is_empty() {
        return match bytes {
            Some(bytes) if !bytes.is_empty() => {
                Err("proto: google.protobuf.Any: empty type_url".to_owned())
            }
            _ => Ok(Value::object(Object::new())),
        };
    }
    let name = url.rsplit('/').next().unwrap_or_default();
    let inner = message.descriptor().parent_pool().get_message_by_name(name);
    let inner = inner.ok_or_else(|| {
        format!("proto: google.protobuf.Any: unable to resolve {url:?}: not found")
    })?;
    let bytes = bytes.map(|bytes| &**bytes).unwrap_or_default();
    let inner = DynamicMessage::decode(inner, bytes)
        .map_err(|e| format!("proto: google.protobuf.Any: unable to unmarshal {name:?}: {e}"))?;
    let known = name.strip_prefix("google.protobuf.");
    let own = known.is_some_and(|name| OF_THEIR_OWN.contains(&name));
    let mut members = match making.message(&inner)? {
        Value::Object(object) if !own => Object::clone(&object),
        value => Object::from(vec![(Text::from("value"), value)]),
    };
    members.insert(Text::from("@type"), Value::text(url));
    Ok(Value::object(members))
}

/// Messages whose form is another than their members.
const OF_THEIR_OWN: [&str; 17] = [
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "Empty",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
    "Value",
];
