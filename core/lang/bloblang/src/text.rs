//! Values as text: the form of `.string()` and of interpolations, and the forms of Go's `%v` that
//! error texts and `format` show (spec/bloblang.md §8).

use formats::json::{WriteOptions, write_value_with};
use formats::number::{self, FloatSize};
use formats::rfc3339;
use formats::value::Value;

use crate::growth::TEXT_BYTES_MAX;
use crate::val::Val;

/// Appends the text of a result, as `.string()` gives it.
pub fn push(out: &mut Vec<u8>, val: &Val) {
    match val {
        Val::Data(value) | Val::Narrow(value) => push_value(out, value),
        Val::NilArray | Val::Deleted | Val::Nothing => out.extend_from_slice(b"null"),
    }
}

/// Appends the text of a value: texts and bytes as they are, floats in `%g` form, containers as
/// JSON with `<`, `>` and `&` escaped. A container with a float that is not finite is `null`.
pub fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        Value::Float(x) => number::write_g(out, *x, FloatSize::F64),
        Value::Timestamp(time) => rfc3339::write(out, time),
        // Single-precision floats among them: they have one form only.
        _ => {
            let options = WriteOptions { escape_html: true, ..WriteOptions::default() };
            if write_value_with(out, value, options).is_err() {
                out.extend_from_slice(b"null");
            }
        }
    }
}

/// The text of a result as bytes of its own.
#[must_use]
pub fn of(val: &Val) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, val);
    out
}

/// A value as Go's `%v` prints it. A number of the message is its text.
#[must_use]
pub fn go_plain(value: &Value) -> String {
    let mut out = Vec::new();
    push_go(&mut out, value);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends a value as Go's `%v` prints it: objects `map[a:1 b:2]`, arrays `[1 x]`, null `<nil>`.
pub fn push_go(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"<nil>"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Int(n) => number::write_int(out, *n),
        Value::Uint(n) => number::write_uint(out, *n),
        Value::Float(x) => number::write_v(out, *x, FloatSize::F64),
        Value::Float32(x) => number::write_v(out, f64::from(*x), FloatSize::F32),
        Value::Number(text) => out.extend_from_slice(text.as_bytes()),
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => push_go_list(out, bytes.iter(), |out, b| {
            number::write_uint(out, u64::from(*b));
        }),
        Value::Timestamp(time) => rfc3339::write(out, time),
        Value::Array(items) => push_go_list(out, items.iter(), push_go),
        Value::Object(object) => {
            out.extend_from_slice(b"map");
            push_go_list(out, object.iter(), |out, (key, value)| {
                out.extend_from_slice(key.as_bytes());
                out.push(b':');
                push_go(out, value);
            });
        }
    }
}

fn push_go_list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.enumerate() {
        // Nobody reads on here, and `format` refuses what is longer.
        if out.len() > TEXT_BYTES_MAX {
            break;
        }
        if i > 0 {
            out.push(b' ');
        }
        push(out, item);
    }
    out.push(b']');
}

/// Name of the type that the original holds a value in, as some error texts show it.
#[must_use]
pub fn go_type(val: &Val) -> &'static str {
    match val {
        Val::Deleted => "value.Delete",
        Val::Nothing => "value.Nothing",
        Val::NilArray => "[]interface {}",
        Val::Data(value) | Val::Narrow(value) => value.go_type(),
    }
}

/// A result as Go's `%v` prints it.
#[must_use]
pub fn go_val(val: &Val) -> String {
    val.value().map_or_else(|| "<nil>".to_owned(), go_plain)
}
