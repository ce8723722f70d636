//! A [`Value`] as canonical JSON text (spec/bloblang.md §8): keys sorted, no spaces, numbers of the
//! input by their text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::escape::write_string;
use crate::number::{self, FloatSize};
use crate::rfc3339;
use crate::value::{Text, Value};

/// A float in the value is NaN or infinite, or a point in time is outside of the years 0 to 9999:
/// those have no JSON form. A payload becomes empty then, without an error; a text becomes `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("json: unsupported value: the number is not finite")]
pub struct NotFinite;

/// How a value is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions<'i> {
    /// Writes `<`, `>` and `&` as `\u003c`, `\u003e` and `\u0026`.
    pub escape_html: bool,
    /// One step of indentation; members and elements stand on lines of their own then.
    pub indent: Option<&'i str>,
}

/// Appends a value as it stands in a payload.
///
/// # Errors
/// When a float is not finite; `out` is as before then.
pub fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<(), NotFinite> {
    write_value_with(out, value, WriteOptions::default())
}

/// Appends a value laid out by `options`.
///
/// # Errors
/// When a float is not finite; `out` is as before then.
pub fn write_value_with(
    out: &mut Vec<u8>,
    value: &Value,
    options: WriteOptions<'_>,
) -> Result<(), NotFinite> {
    let before = out.len();
    let written = Writer { out, options, open: Vec::new() }.document(value);
    if written.is_err() {
        out.truncate(before);
    }
    written
}

/// What is left to write of a container. A list of them takes the place of recursion, so that no
/// nesting exhausts the stack.
enum Open<'v> {
    Array(std::slice::Iter<'v, Value>),
    Object(std::slice::Iter<'v, (Text, Value)>),
}

struct Writer<'o, 'v, 'i> {
    out: &'o mut Vec<u8>,
    options: WriteOptions<'i>,
    open: Vec<Open<'v>>,
}

impl<'v> Writer<'_, 'v, '_> {
    fn document(mut self, value: &'v Value) -> Result<(), NotFinite> {
        self.value(value)?;
        // The last byte tells whether a container is still empty: no value ends in a bracket
        // that opens.
        while let Some(top) = self.open.last_mut() {
            let (next, close) = match top {
                Open::Array(items) => (items.next().map(|item| (None, item)), b']'),
                Open::Object(members) => {
                    (members.next().map(|(key, item)| (Some(key), item)), b'}')
                }
            };
            let empty = matches!(self.out.last(), Some(b'[' | b'{'));
            let Some((key, item)) = next else {
                self.open.pop();
                if !empty {
                    self.new_line();
                }
                self.out.push(close);
                continue;
            };
            if !empty {
                self.out.push(b',');
            }
            self.new_line();
            if let Some(key) = key {
                write_string(self.out, key.as_bytes(), self.options.escape_html);
                let colon: &[u8] = if self.options.indent.is_some() { b": " } else { b":" };
                self.out.extend_from_slice(colon);
            }
            self.value(item)?;
        }
        Ok(())
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.options.indent {
            self.out.push(b'\n');
            for _ in 0..self.open.len() {
                self.out.extend_from_slice(indent.as_bytes());
            }
        }
    }

    /// Writes a scalar whole; of a container the bracket that opens.
    #[inline]
    fn value(&mut self, value: &'v Value) -> Result<(), NotFinite> {
        let out = &mut *self.out;
        let mut finite = true;
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(n) => number::write_int(out, *n),
            Value::Uint(n) => number::write_uint(out, *n),
            Value::Float(x) => finite = number::write_json(out, *x, FloatSize::F64),
            Value::Float32(x) => finite = number::write_json(out, f64::from(*x), FloatSize::F32),
            Value::Number(text) => out.extend_from_slice(text.as_bytes()),
            Value::String(text) => write_string(out, text.as_bytes(), self.options.escape_html),
            Value::Bytes(bytes) => write_base64(out, bytes),
            Value::Timestamp(time) if !rfc3339::has_form(time) => return Err(NotFinite),
            Value::Timestamp(time) => {
                out.push(b'"');
                rfc3339::write(out, time);
                out.push(b'"');
            }
            Value::Array(items) => {
                out.push(b'[');
                self.open.push(Open::Array(items.iter()));
            }
            Value::Object(object) => {
                out.push(b'{');
                self.open.push(Open::Object(object.members().iter()));
            }
        }
        if finite { Ok(()) } else { Err(NotFinite) }
    }
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    let room = out.get_mut(start..).unwrap_or(&mut []);
    let written = STANDARD.encode_slice(bytes, room).unwrap_or(0);
    debug_assert_eq!(written, out.len() - start, "the room is exact");
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Object, Timestamp};
    use std::sync::Arc;

    fn text(value: &Value, options: WriteOptions<'_>) -> String {
        let mut out = Vec::new();
        write_value_with(&mut out, value, options).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind() {
        let time = Timestamp { unix_ns: 1_500_000_000, offset_s: 0, zone: "UTC".into() };
        let members: Object = [
            ("z", Value::Null),
            ("a", Value::array(vec![Value::Bool(true), Value::Int(-1), Value::Uint(u64::MAX)])),
            ("f", Value::Float(1e21)),
            ("g", Value::Float32(0.1)),
            ("n", Value::Number("1.0".into())),
            ("b", Value::Bytes(Arc::from(b"hi!!".as_slice()))),
            ("t", Value::Timestamp(Arc::new(time))),
            ("e", Value::array(vec![])),
            ("<", Value::object(Object::new())),
        ]
        .into_iter()
        .map(|(key, value)| (Text::from(key), value))
        .collect();
        let value = Value::object(members);
        assert_eq!(
            text(&value, WriteOptions::default()),
            "{\"<\":{},\"a\":[true,-1,18446744073709551615],\"b\":\"aGkhIQ==\",\"e\":[],\
             \"f\":1e+21,\"g\":0.1,\"n\":1.0,\"t\":\"1970-01-01T00:00:01.5Z\",\"z\":null}"
        );
        let html = WriteOptions { escape_html: true, indent: None };
        assert!(text(&value, html).starts_with("{\"\\u003c\":{}"));
    }

    #[test]
    fn indentation() {
        let inner: Object = [(Text::from("b"), Value::array(vec![Value::Int(1), Value::Int(2)]))]
            .into_iter()
            .collect();
        let value = Value::array(vec![Value::object(inner), Value::array(vec![])]);
        let options = WriteOptions { escape_html: false, indent: Some("  ") };
        assert_eq!(
            text(&value, options),
            "[\n  {\n    \"b\": [\n      1,\n      2\n    ]\n  },\n  []\n]"
        );
    }

    #[test]
    fn not_finite_leaves_nothing() {
        let mut out = b"before".to_vec();
        let value = Value::array(vec![Value::Int(1), Value::Float(f64::INFINITY)]);
        assert_eq!(write_value(&mut out, &value), Err(NotFinite));
        assert_eq!(out, b"before");
    }
}
