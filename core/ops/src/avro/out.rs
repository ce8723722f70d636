//! The two forms that values are written in.

use formats::json::{write_string, write_value};
use formats::number::{FloatSize, write_int, write_v};
use formats::value::Value;

use super::error::{Error, type_name};
use super::schema::Node;

/// A form of values; each call appends a piece.
pub(crate) trait Out {
    /// What was written so far.
    fn bytes(&mut self) -> &mut Vec<u8>;
    /// The form of what a record does not have, from the schema; `None`: as any value.
    fn default(&mut self, value: &Value) -> Option<()>;
    /// What is said of a value that does not fit.
    fn unfit(&self, value: &Value, wanted: &'static str, why: &str) -> Error {
        Error::unfit(value, wanted, why)
    }
    /// What is said of a record that lacks a field.
    fn missing(&self, record: &str, field: &str) -> Error {
        let _ = (record, field);
        Error::plain("missing key")
    }
    /// What is said of a value that is of no branch of a union.
    fn no_branch(&self, value: &Value) -> Error {
        Error::unfit(value, "union", "no matching branch")
    }
    /// What is said of a record with a field of which something is wrong.
    fn in_field(&self, error: Error, field: &str) -> Error {
        error.in_field(field, Some("map[string]any"))
    }
    fn null(&mut self);
    fn boolean(&mut self, value: bool);
    fn int(&mut self, n: i64);
    fn float(&mut self, x: f32);
    fn double(&mut self, x: f64);
    fn text(&mut self, text: &[u8]);
    fn raw(&mut self, bytes: &[u8], counted: bool);
    /// A number with decimals, as a text and as bytes.
    fn decimal(&mut self, text: &str, bytes: &[u8], counted: bool);
    fn symbol(&mut self, index: usize, text: &[u8]);
    /// Begins a list or, with names, a map.
    fn begin(&mut self, len: usize, names: bool);
    /// What stands before an item, and its name in a map.
    fn item(&mut self, first: bool, name: Option<&[u8]>);
    fn end(&mut self, len: usize, names: bool);
    /// What stands before the fields of a record, before each, and behind them.
    fn record(&mut self);
    fn field(&mut self, first: bool, name: &[u8]);
    fn end_record(&mut self);
    /// What stands before and behind a branch of a union.
    fn branch(&mut self, index: usize, node: &Node);
    fn end_branch(&mut self, node: &Node);
}

/// The binary form.
#[derive(Default)]
pub(crate) struct Binary(pub(crate) Vec<u8>);

impl Binary {
    fn count(&mut self, n: usize) {
        self.int(i64::try_from(n).unwrap_or(i64::MAX));
    }
}

impl Out for Binary {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
    fn default(&mut self, _: &Value) -> Option<()> {
        None
    }
    fn null(&mut self) {}
    fn boolean(&mut self, value: bool) {
        self.0.push(value.into());
    }
    fn int(&mut self, n: i64) {
        let mut left = (n << 1 ^ n >> 63) as u64;
        while left > 0x7f {
            self.0.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.0.push(left as u8);
    }
    fn float(&mut self, x: f32) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }
    fn double(&mut self, x: f64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }
    fn text(&mut self, text: &[u8]) {
        self.raw(text, true);
    }
    fn raw(&mut self, bytes: &[u8], counted: bool) {
        if counted {
            self.count(bytes.len());
        }
        self.0.extend_from_slice(bytes);
    }
    fn decimal(&mut self, _: &str, bytes: &[u8], counted: bool) {
        self.raw(bytes, counted);
    }
    fn symbol(&mut self, index: usize, _: &[u8]) {
        self.count(index);
    }
    fn begin(&mut self, len: usize, _: bool) {
        self.count(len);
    }
    fn item(&mut self, _: bool, name: Option<&[u8]>) {
        if let Some(name) = name {
            self.text(name);
        }
    }
    fn end(&mut self, len: usize, _: bool) {
        if len > 0 {
            self.0.push(0);
        }
    }
    fn record(&mut self) {}
    fn field(&mut self, _: bool, _: &[u8]) {}
    fn end_record(&mut self) {}
    fn branch(&mut self, index: usize, _: &Node) {
        self.count(index);
    }
    fn end_branch(&mut self, _: &Node) {}
}

/// The type of a value as the textual form's writer says it.
fn found(value: &Value) -> String {
    type_name(value).replace("any", "interface {}")
}

/// The textual form.
#[derive(Default)]
pub(crate) struct Textual(pub(crate) Vec<u8>);

impl Textual {
    fn number(&mut self, x: f64, size: FloatSize) {
        match x {
            _ if x.is_nan() => self.0.extend_from_slice(b"null"),
            _ if x == f64::INFINITY => self.0.extend_from_slice(b"1e999"),
            _ if x == f64::NEG_INFINITY => self.0.extend_from_slice(b"-1e999"),
            _ => write_v(&mut self.0, x, size),
        }
    }
}

impl Out for Textual {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
    fn default(&mut self, value: &Value) -> Option<()> {
        write_value(&mut self.0, value).ok()
    }
    fn unfit(&self, value: &Value, wanted: &'static str, why: &str) -> Error {
        let expected = match wanted {
            _ if matches!(value, Value::Null) => {
                let text = format!("avro json: nil value for non-nullable type \"{wanted}\"");
                return Error::plain(text);
            }
            _ if !why.is_empty() => return Error::plain(format!("avro json: {why}")),
            "boolean" => "bool",
            "int" | "long" => "integer",
            "float" | "double" => "numeric",
            "bytes" => "[]byte or string",
            "fixed" => "[]byte, [N]byte, or string",
            "enum" => "string or integer for enum",
            "array" => "slice/array",
            "record" => "struct or map for record",
            other => other,
        };
        Error::plain(format!("avro json: expected {expected}, got {}", found(value)))
    }
    fn missing(&self, record: &str, field: &str) -> Error {
        let text = format!("avro json: record {record:?} missing required field {field:?}");
        Error::plain(text)
    }
    fn no_branch(&self, value: &Value) -> Error {
        let found = found(value);
        Error::plain(format!("avro json: no union branch matched value of type {found}"))
    }
    fn in_field(&self, error: Error, _: &str) -> Error {
        error
    }
    fn null(&mut self) {
        self.0.extend_from_slice(b"null");
    }
    fn boolean(&mut self, value: bool) {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }
    fn int(&mut self, n: i64) {
        write_int(&mut self.0, n);
    }
    fn float(&mut self, x: f32) {
        self.number(x.into(), FloatSize::F32);
    }
    fn double(&mut self, x: f64) {
        self.number(x, FloatSize::F64);
    }
    fn text(&mut self, text: &[u8]) {
        write_string(&mut self.0, text, false);
    }
    fn raw(&mut self, bytes: &[u8], _: bool) {
        self.0.push(b'"');
        for byte in bytes {
            match byte {
                b'"' | b'\\' => self.0.extend_from_slice(&[b'\\', *byte]),
                b' '..=b'~' => self.0.push(*byte),
                b'\n' => self.0.extend_from_slice(b"\\n"),
                b'\r' => self.0.extend_from_slice(b"\\r"),
                b'\t' => self.0.extend_from_slice(b"\\t"),
                0x08 => self.0.extend_from_slice(b"\\b"),
                0x0c => self.0.extend_from_slice(b"\\f"),
                other => self.0.extend_from_slice(format!("\\u{other:04X}").as_bytes()),
            }
        }
        self.0.push(b'"');
    }
    fn decimal(&mut self, text: &str, _: &[u8], _: bool) {
        self.0.extend_from_slice(text.as_bytes());
    }
    fn symbol(&mut self, _: usize, text: &[u8]) {
        self.text(text);
    }
    fn begin(&mut self, _: usize, names: bool) {
        self.0.push(if names { b'{' } else { b'[' });
    }
    fn item(&mut self, first: bool, name: Option<&[u8]>) {
        match name {
            Some(name) => self.field(first, name),
            None if first => {}
            None => self.0.push(b','),
        }
    }
    fn end(&mut self, _: usize, names: bool) {
        self.0.push(if names { b'}' } else { b']' });
    }
    fn record(&mut self) {
        self.0.push(b'{');
    }
    fn field(&mut self, first: bool, name: &[u8]) {
        if !first {
            self.0.push(b',');
        }
        self.text(name);
        self.0.push(b':');
    }
    fn end_record(&mut self) {
        self.0.push(b'}');
    }
    fn branch(&mut self, _: usize, node: &Node) {
        if node.kind.name() != "null" {
            self.0.push(b'{');
            self.field(true, node.tag.as_bytes());
        }
    }
    fn end_branch(&mut self, node: &Node) {
        if node.kind.name() != "null" {
            self.0.push(b'}');
        }
    }
}
