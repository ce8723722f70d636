//! Names and constants as text.

use formats::rfc3339;
use formats::value::Value;

use super::Printer;
use crate::val::Val;

/// Whether a key may stand without quotes, also behind a number.
pub(super) fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(|b| !b.is_ascii_digit())
        && text.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

impl Printer {
    /// A name, quoted where it must be.
    pub(super) fn label(&mut self, name: &[u8]) {
        match is_name(name) {
            true => self.put(String::from_utf8_lossy(name)),
            false => self.text(name),
        }
    }

    pub(super) fn field(&mut self, key: &[u8]) {
        self.put(".");
        self.label(key);
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        self.put("\"");
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => self.put(format_args!("\\{c}")),
                    '\n' => self.put("\\n"),
                    '\0'..' ' | '\u{7f}' => self.put(format_args!("\\x{:02x}", u32::from(c))),
                    c => self.put(c),
                }
            }
            for byte in chunk.invalid() {
                self.put(format_args!("\\x{byte:02x}"));
            }
        }
        self.put("\"");
    }

    /// A constant, as an expression that is folded to it.
    pub(super) fn val(&mut self, val: &Val) {
        match val {
            Val::Data(value) | Val::Narrow(value) => self.value(value),
            Val::NilArray => self.put("[]"),
            Val::Deleted => self.put("deleted()"),
            Val::Nothing => self.put("nothing()"),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(b) => self.put(b),
            // The digits of the smallest number are no number without their sign.
            Value::Int(i64::MIN) => self.put(format_args!("({} - 1)", i64::MIN + 1)),
            Value::Int(n) => self.put(n),
            Value::Uint(n) => self.put(n),
            Value::Float(x) => self.float(*x),
            Value::Float32(x) => self.float(f64::from(*x)),
            Value::Number(text) => self.put(&**text),
            Value::String(text) => self.text(text.as_bytes()),
            Value::Bytes(bytes) => {
                self.text(bytes);
                self.put(".bytes()");
            }
            Value::Timestamp(time) => {
                let mut text = Vec::new();
                rfc3339::write(&mut text, time);
                self.text(&text);
                self.put(".ts_parse(\"2006-01-02T15:04:05.999999999Z07:00\")");
                if !time.zone.is_empty() {
                    self.put(".ts_tz(");
                    self.text(time.zone.as_bytes());
                    self.put(")");
                }
            }
            Value::Array(items) => {
                self.put("[");
                self.list(items.iter(), Self::value);
                self.put("]");
            }
            Value::Object(object) => {
                self.put("{");
                self.list(object.iter(), |p, (key, value)| {
                    p.text(key.as_bytes());
                    p.put(": ");
                    p.value(value);
                });
                self.put("}");
            }
        }
    }

    /// A double: literals have no exponent, no infinity and no negative zero.
    fn float(&mut self, x: f64) {
        if x.is_nan() {
            self.put("(");
            self.float(f64::INFINITY);
            self.put(" - ");
            self.float(f64::INFINITY);
            self.put(")");
        } else if x.is_infinite() {
            let sign = if x < 0.0 { "-" } else { "" };
            self.put(format_args!("({sign}{:.1} * 2.0)", f64::MAX));
        } else if x == 0.0 && x.is_sign_negative() {
            self.put("(0.0 * -1.0)");
        } else {
            self.decimal(x);
        }
    }

    /// The digits of a double, with a point.
    pub(super) fn decimal(&mut self, x: f64) {
        self.put(x);
        if x.fract() == 0.0 {
            self.put(".0");
        }
    }
}
