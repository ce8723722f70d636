//! Documents as XML, by the rules by which XML becomes documents.

use super::XmlError;
use super::element::TEXT;
use crate::json::write_value;
use crate::number::{FloatSize, write_int, write_uint, write_v};
use crate::value::{Object, Text, Value};

/// The element around what has none of its own.
const ROOT: &str = "doc";

/// How a document is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'l> {
    /// One step of indentation; `None`: everything stands on one line.
    pub indent: Option<&'l str>,
    /// The name of the element around everything; `None`: the only member, if there is one.
    pub root: Option<&'l str>,
    /// Bytes that the text may have.
    pub bytes_max: usize,
}

/// The text of a document.
///
/// # Errors
/// When an attribute has parts, or the text is too long.
pub fn write(document: &Object, layout: Layout<'_>) -> Result<Vec<u8>, XmlError> {
    let mut writer = Writer { out: Vec::new(), layout };
    let around = |name: &str| (Text::from(name), Value::object(document.clone()));
    let (name, value) = match (layout.root, document.members()) {
        (Some(root), _) => around(root),
        (None, [(name, value)]) => match value {
            Value::Array(_) if layout.indent.is_some() => around(ROOT),
            Value::Array(items) if !items.iter().all(|i| matches!(i, Value::Object(_))) => {
                around(ROOT)
            }
            value => (name.clone(), value.clone()),
        },
        _ => around(ROOT),
    };
    writer.element(name.as_bytes(), &value, 0)?;
    if layout.indent.is_some() && writer.out.last() == Some(&b'\n') {
        writer.out.pop();
    }
    Ok(writer.out)
}

struct Writer<'l> {
    out: Vec<u8>,
    layout: Layout<'l>,
}

impl Writer<'_> {
    fn line(&mut self) {
        if self.layout.indent.is_some() {
            self.out.push(b'\n');
        }
    }

    fn padding(&mut self, depth: usize) -> Result<(), XmlError> {
        let step = self.layout.indent.unwrap_or_default().as_bytes();
        let bytes = step.len().saturating_mul(depth).saturating_add(self.out.len());
        if bytes > self.layout.bytes_max {
            return Err(XmlError::TooLong);
        }
        (0..depth).for_each(|_| self.out.extend_from_slice(step));
        Ok(())
    }

    fn element(&mut self, name: &[u8], value: &Value, depth: usize) -> Result<(), XmlError> {
        stacker::maybe_grow(64 << 10, 2 << 20, || match value {
            Value::Array(items) if !items.is_empty() => {
                items.iter().try_for_each(|item| match item {
                    // Lists within lists stand further in.
                    Value::Array(_) => self.element(name, item, depth + 1),
                    item => self.element(name, item, depth),
                })
            }
            Value::Object(members) => self.complex(name, members, depth),
            value => {
                self.padding(depth)?;
                self.open(name);
                let mut text = Vec::new();
                push(&mut text, value);
                self.close_simple(name, &text);
                Ok(())
            }
        })
    }

    fn open(&mut self, name: &[u8]) {
        self.out.push(b'<');
        self.out.extend_from_slice(name);
    }

    fn close(&mut self, name: &[u8]) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name);
        self.out.push(b'>');
        self.line();
    }

    fn close_simple(&mut self, name: &[u8], text: &[u8]) {
        if text.is_empty() {
            self.out.extend_from_slice(b"/>");
            return self.line();
        }
        self.out.push(b'>');
        self.out.extend_from_slice(text);
        self.close(name);
    }

    fn complex(&mut self, name: &[u8], members: &Object, depth: usize) -> Result<(), XmlError> {
        self.padding(depth)?;
        self.open(name);
        let mut parts = Vec::new();
        let mut text = None;
        for (key, value) in members.iter() {
            match key.as_bytes() {
                [b'-', attribute @ ..] if !attribute.is_empty() => {
                    self.attribute(attribute, value)?
                }
                key if key == TEXT.as_bytes() => text = Some(value),
                key => parts.push((key, value)),
            }
        }
        let mut content = Vec::new();
        text.into_iter().for_each(|text| push(&mut content, text));
        if parts.is_empty() {
            self.close_simple(name, &content);
            return Ok(());
        }
        self.out.push(b'>');
        self.out.extend_from_slice(&content);
        self.line();
        for (key, value) in parts {
            self.element(key, value, depth + 1)?;
        }
        self.padding(depth)?;
        self.close(name);
        Ok(())
    }

    fn attribute(&mut self, name: &[u8], value: &Value) -> Result<(), XmlError> {
        if matches!(value, Value::Object(_) | Value::Array(_) | Value::Null) {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(XmlError::Attribute(name, value.go_type()));
        }
        self.out.push(b' ');
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(b"=\"");
        push(&mut self.out, value);
        self.out.push(b'"');
        Ok(())
    }
}

/// Appends a value as a text in which nothing can be taken for something else.
fn push(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(n) => write_int(out, *n),
        Value::Uint(n) => write_uint(out, *n),
        Value::Float(x) => write_v(out, *x, FloatSize::F64),
        Value::Float32(x) => write_v(out, (*x).into(), FloatSize::F32),
        Value::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::String(text) => escape(out, text.as_bytes()),
        Value::Bytes(bytes) => escape(out, bytes),
        Value::Timestamp(at) => crate::rfc3339::write(out, at),
        Value::Array(_) | Value::Object(_) => {
            let mut json = Vec::new();
            if write_value(&mut json, value).is_ok() {
                escape(out, &json);
            }
        }
    }
}

fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&apos;"),
            other => out.push(*other),
        }
    }
}
