//! What is wrong with a value, in the words that users know.

use std::fmt;

use formats::value::Value;

/// Why a value could not be read or written.
#[derive(Debug)]
pub(crate) enum Error {
    /// As it is.
    Plain(String),
    /// A value does not fit the schema.
    Unfit {
        /// The type of the value, where there is one.
        found: Option<&'static str>,
        /// The type that was wanted.
        wanted: &'static str,
        /// The way to it through records, with points; empty at the top.
        field: String,
        /// What exactly is wrong; may be empty.
        why: String,
    },
}

impl Error {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Error::Plain(text.into())
    }

    /// A value that is not what is wanted.
    pub(super) fn unfit(value: &Value, wanted: &'static str, why: impl Into<String>) -> Self {
        let found = (!matches!(value, Value::Null)).then(|| type_name(value));
        let why = if found.is_none() { "cannot encode nil".to_owned() } else { why.into() };
        Error::Unfit { found, wanted, field: String::new(), why }
    }

    /// Bytes that end too early.
    pub(super) fn short(what: &str, need: usize, have: usize) -> Self {
        Error::Plain(format!("avro: short buffer for {what}: need {need}, have {have}"))
    }

    /// The error of a record of which a field is wrong.
    pub(super) fn in_field(self, name: &str, record: Option<&'static str>) -> Self {
        match self {
            Error::Unfit { found, wanted, field, why } => {
                let field = if field.is_empty() { name.into() } else { format!("{name}.{field}") };
                Error::Unfit { found, wanted, field, why }
            }
            Error::Plain(why) => {
                Error::Unfit { found: record, wanted: "record", field: name.to_owned(), why }
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, wanted, field, why) = match self {
            Error::Plain(text) => return out.write_str(text),
            Error::Unfit { found, wanted, field, why } => (found, wanted, field, why),
        };
        match found {
            Some(found) if field.is_empty() => {
                write!(out, "avro: cannot use {found} with Avro type {wanted}")?;
            }
            Some(found) => {
                write!(out, "avro: field {field}: cannot use {found} with Avro type {wanted}")?;
            }
            None => write!(out, "avro: unsupported Avro type {wanted}")?,
        }
        if why.is_empty() { Ok(()) } else { write!(out, ": {why}") }
    }
}

/// The type of a value as users of the original are told.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Array(_) => "[]any",
        Value::Object(_) => "map[string]any",
        other => other.go_type(),
    }
}
