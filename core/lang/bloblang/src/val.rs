//! What an expression evaluates to, and how it is read as the type somebody expects.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use formats::number;
use formats::value::{Object, Text, Timestamp, Value};

use crate::error::Error;
use crate::number::truncated;
use crate::text;

/// A result of evaluation: data, or one of the marks that say what is to become of its place.
#[derive(Clone, Debug)]
pub enum Val {
    /// Data.
    Data(Value),
    /// A number that a narrow cast made (`int32`, `uint8`, `float32`, ...). It is a number to
    /// everything except on the left of `+`, which refuses it (spec/bloblang.md §3).
    Narrow(Value),
    /// A literal `[]`: an empty array to everything, but its text is `null`
    /// (spec/bloblang.md §8).
    NilArray,
    /// The result of `deleted()`.
    Deleted,
    /// The result of `nothing()`, or of a branch that is missing.
    Nothing,
}

static EMPTY_ARRAY: LazyLock<Value> = LazyLock::new(|| Value::array(Vec::new()));

impl Val {
    /// The value `null`.
    pub const NULL: Val = Val::Data(Value::Null);

    /// A truth value.
    #[must_use]
    pub fn bool(b: bool) -> Val {
        Val::Data(Value::Bool(b))
    }

    /// A signed integer.
    #[must_use]
    pub fn int(n: i64) -> Val {
        Val::Data(Value::Int(n))
    }

    /// A count or position, which fits an integer.
    #[must_use]
    pub fn count(n: usize) -> Val {
        Val::int(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// A double.
    #[must_use]
    pub fn float(x: f64) -> Val {
        Val::Data(Value::Float(x))
    }

    /// A text.
    pub fn text(text: impl Into<Text>) -> Val {
        Val::Data(Value::String(text.into()))
    }

    /// Raw bytes.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Val {
        Val::Data(Value::Bytes(bytes.into()))
    }

    /// An array.
    #[must_use]
    pub fn array(items: Vec<Value>) -> Val {
        Val::Data(Value::array(items))
    }

    /// An object.
    #[must_use]
    pub fn object(object: Object) -> Val {
        Val::Data(Value::object(object))
    }

    /// The data; `None` for deleted and nothing.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Val::Data(value) | Val::Narrow(value) => Some(value),
            Val::NilArray => Some(&EMPTY_ARRAY),
            Val::Deleted | Val::Nothing => None,
        }
    }

    /// The data by value; `None` for deleted and nothing.
    #[must_use]
    pub fn into_value(self) -> Option<Value> {
        match self {
            Val::Data(value) | Val::Narrow(value) => Some(value),
            Val::NilArray => Some(EMPTY_ARRAY.clone()),
            Val::Deleted | Val::Nothing => None,
        }
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Val::Data(Value::Null))
    }

    /// Whether it is null, deleted or nothing: what `|` and `or` replace.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Val::Data(Value::Null) | Val::Deleted | Val::Nothing)
    }

    /// Name of the type as users see it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Val::Deleted => "delete",
            Val::Nothing => "nothing",
            Val::NilArray => "array",
            Val::Data(value) | Val::Narrow(value) => type_name(value),
        }
    }

    /// The error of a value of another type than one of `expected`.
    #[must_use]
    pub fn unexpected(&self, expected: &[&'static str]) -> Error {
        Error::type_error(expected, self.type_name(), self.shown())
    }

    /// The value as an error text shows it: texts, numbers and truth values only.
    fn shown(&self) -> Option<String> {
        match self.value()? {
            Value::String(text) => Some(format!("\"{}\"", text.to_str_lossy())),
            Value::Null
            | Value::Array(_)
            | Value::Object(_)
            | Value::Bytes(_)
            | Value::Timestamp(_) => None,
            value => Some(text::go_plain(value)),
        }
    }

    /// The bytes of a string or of raw bytes.
    ///
    /// # Errors
    /// `expected string value, got ...`
    pub fn as_text(&self) -> Result<&[u8], Error> {
        match self.value() {
            Some(Value::String(text)) => Ok(text.as_bytes()),
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.unexpected(&["string"])),
        }
    }

    /// The bytes of a string, of raw bytes, or of a timestamp in RFC 3339: what comparisons and
    /// `+` take for a text. `None` for anything else.
    pub(crate) fn text_like(&self) -> Option<Cow<'_, [u8]>> {
        match self.value()? {
            Value::String(text) => Some(Cow::Borrowed(text.as_bytes())),
            Value::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Value::Timestamp(time) => {
                let mut out = Vec::new();
                formats::rfc3339::write(&mut out, time);
                Some(Cow::Owned(out))
            }
            _ => None,
        }
    }

    /// The text of a string or of raw bytes, shared where it already is a text.
    ///
    /// # Errors
    /// `expected string value, got ...`
    pub fn into_text(self) -> Result<Text, Error> {
        match self {
            Val::Data(Value::String(text)) => Ok(text),
            other => other.as_text().map(Text::from),
        }
    }

    /// A truth value.
    ///
    /// # Errors
    /// `expected bool value, got ...`
    pub fn as_bool(&self) -> Result<bool, Error> {
        match self {
            Val::Data(Value::Bool(b)) => Ok(*b),
            _ => Err(self.unexpected(&["bool"])),
        }
    }

    /// A truth value, or a number that stands for one.
    ///
    /// # Errors
    /// `expected bool value, got ...`
    pub fn as_truth(&self) -> Result<bool, Error> {
        match self.value() {
            Some(Value::Bool(b)) => Ok(*b),
            Some(value) => match to_f64(value) {
                Some(x) => Ok(x != 0.0),
                None => Err(self.unexpected(&["bool"])),
            },
            None => Err(self.unexpected(&["bool"])),
        }
    }

    /// A number as a double.
    ///
    /// # Errors
    /// `expected number value, got ...`
    pub fn as_float(&self) -> Result<f64, Error> {
        self.value().and_then(to_f64).ok_or_else(|| self.unexpected(&["number"]))
    }

    /// A number as an integer, truncated towards zero.
    ///
    /// # Errors
    /// `expected number value, got ...`
    pub fn as_int(&self) -> Result<i64, Error> {
        self.value().and_then(to_i64).ok_or_else(|| self.unexpected(&["number"]))
    }

    /// The items of an array.
    ///
    /// # Errors
    /// `expected array value, got ...`
    pub fn as_array(&self) -> Result<&[Value], Error> {
        match self.value() {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(self.unexpected(&["array"])),
        }
    }

    /// The items of an array to change; shared ones are copied.
    ///
    /// # Errors
    /// `expected array value, got ...`
    pub fn into_array(self) -> Result<Vec<Value>, Error> {
        match self {
            Val::Data(Value::Array(items)) => Ok(Arc::unwrap_or_clone(items)),
            Val::NilArray => Ok(Vec::new()),
            other => Err(other.unexpected(&["array"])),
        }
    }

    /// The members of an object.
    ///
    /// # Errors
    /// `expected object value, got ...`
    pub fn as_object(&self) -> Result<&Object, Error> {
        match self.value() {
            Some(Value::Object(object)) => Ok(object),
            _ => Err(self.unexpected(&["object"])),
        }
    }

    /// The members of an object to change; shared ones are copied.
    ///
    /// # Errors
    /// `expected object value, got ...`
    pub fn into_object(self) -> Result<Object, Error> {
        match self {
            Val::Data(Value::Object(object)) => Ok(Arc::unwrap_or_clone(object)),
            other => Err(other.unexpected(&["object"])),
        }
    }

    /// A point in time: a timestamp, a number of seconds since the epoch, or RFC 3339 text.
    ///
    /// # Errors
    /// `expected number or string value, got ...`, or what is wrong with the text.
    pub fn as_time(&self) -> Result<Timestamp, Error> {
        crate::time::of_val(self)
    }
}

impl From<Value> for Val {
    fn from(value: Value) -> Val {
        Val::Data(value)
    }
}

impl From<bool> for Val {
    fn from(b: bool) -> Val {
        Val::bool(b)
    }
}

impl From<i64> for Val {
    fn from(n: i64) -> Val {
        Val::int(n)
    }
}

impl From<f64> for Val {
    fn from(x: f64) -> Val {
        Val::float(x)
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Val {
        Val::text(text)
    }
}

/// Name of a value's type as users see it.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Float32(_) | Value::Number(_) => {
            "number"
        }
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Timestamp(_) => "timestamp",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A number as a double; `None` for anything else, and for number text beyond the doubles.
#[must_use]
pub fn to_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Uint(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Float32(x) => Some(f64::from(*x)),
        Value::Number(text) => number::json_number_f64(text.as_bytes()),
        _ => None,
    }
}

/// A number as an integer, truncated towards zero; `None` for anything else.
#[must_use]
pub fn to_i64(value: &Value) -> Option<i64> {
    match value {
        Value::Int(n) => Some(*n),
        Value::Uint(n) => Some(*n as i64),
        Value::Float(x) => Some(truncated(*x)),
        Value::Float32(x) => Some(truncated(f64::from(*x))),
        Value::Number(text) => number::json_number_i64(text.as_bytes())
            .or_else(|| number::json_number_f64(text.as_bytes()).map(truncated)),
        _ => None,
    }
}
