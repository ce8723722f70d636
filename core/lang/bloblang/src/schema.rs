//! Schemas of values, for `infer_schema` (spec/bloblang.md §11).

use std::fmt::Write;

use formats::value::{Object, Text, Value};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::number::Num;
use crate::val::Val;

const LEVEL_BYTES: usize = 64 << 10;
const GROWTH_BYTES: usize = 2 << 20;

/// Levels of nesting that a schema may have. A fingerprint covers all that is below, so the work
/// grows with the square of the depth.
pub(crate) const SCHEMA_DEPTH_MAX: usize = 1_000;

/// The types that schemas know, with the numbers that fingerprints use for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Boolean = 1,
    Int64 = 3,
    Float32 = 4,
    Float64 = 5,
    String = 6,
    ByteArray = 7,
    Object = 8,
    Array = 10,
    Null = 11,
    Timestamp = 13,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Type::Boolean => "BOOLEAN",
            Type::Int64 => "INT64",
            Type::Float32 => "FLOAT32",
            Type::Float64 => "FLOAT64",
            Type::String => "STRING",
            Type::ByteArray => "BYTE_ARRAY",
            Type::Object => "OBJECT",
            Type::Array => "ARRAY",
            Type::Null => "NULL",
            Type::Timestamp => "TIMESTAMP",
        }
    }
}

struct Schema {
    name: Text,
    kind: Type,
    children: Vec<Schema>,
}

/// The schema of a value as an object.
///
/// # Errors
/// The place of what has no type in schemas, or of an array whose elements differ.
pub(crate) fn infer(val: &Val) -> Result<Val, Error> {
    let Some(value) = val.value() else {
        return Err(Error::new(format!(" unsupported data type: {}", crate::text::go_type(val))));
    };
    let schema = schema_of(Text::default(), value, 0).map_err(Error::new)?;
    Ok(Val::Data(schema.into_value().0))
}

fn schema_of(name: Text, value: &Value, depth: usize) -> Result<Schema, String> {
    if depth > SCHEMA_DEPTH_MAX {
        return Err(format!(" nested deeper than {SCHEMA_DEPTH_MAX} levels"));
    }
    let mut children = Vec::new();
    let kind = match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Int(_) => Type::Int64,
        Value::Float(_) => Type::Float64,
        Value::Float32(_) => Type::Float32,
        Value::Number(_) => match Num::of(value) {
            Some(Num::Float(_)) => Type::Float64,
            Some(_) => Type::Int64,
            None => {
                let text = crate::text::go_plain(value);
                return Err(format!(
                    " json.Number value \"{text}\" is not parseable as int64 or float64"
                ));
            }
        },
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::ByteArray,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Array(items) => {
            children.extend(element_schema(items, depth)?);
            Type::Array
        }
        Value::Object(object) => {
            for (key, member) in object.iter() {
                let child = inner(key.clone(), member, depth)
                    .map_err(|e| format!(".{}{e}", key.to_str_lossy()))?;
                children.push(child);
            }
            Type::Object
        }
        Value::Uint(_) => {
            let name = crate::text::go_type(&Val::Data(value.clone()));
            return Err(format!(" unsupported data type: {name}"));
        }
    };
    Ok(Schema { name, kind, children })
}

fn inner(name: Text, value: &Value, depth: usize) -> Result<Schema, String> {
    stacker::maybe_grow(LEVEL_BYTES, GROWTH_BYTES, || schema_of(name, value, depth + 1))
}

/// The schema of the first element; the others must have its type.
fn element_schema(items: &[Value], depth: usize) -> Result<Option<Schema>, String> {
    let mut first: Option<Schema> = None;
    for (i, item) in items.iter().enumerate() {
        let schema = inner(Text::default(), item, depth).map_err(|e| format!(".{i}{e}"))?;
        match &first {
            None => first = Some(schema),
            Some(first) if first.kind != schema.kind => {
                let (a, b) = (first.kind.name(), schema.kind.name());
                return Err(format!(".{i} mismatched array types, found {a} and {b}"));
            }
            Some(_) => {}
        }
    }
    Ok(first)
}

impl Schema {
    /// The schema as an object, and the form that its fingerprint is taken of.
    fn into_value(self) -> (Value, Vec<u8>) {
        let mut form = format!("T:{}|N:", self.kind as u8).into_bytes();
        form.extend_from_slice(self.name.as_bytes());
        form.extend_from_slice(format!("|O:0|C:{}|", self.children.len()).as_bytes());
        let mut children = Vec::with_capacity(self.children.len());
        for (i, child) in self.children.into_iter().enumerate() {
            let (value, inner) =
                stacker::maybe_grow(LEVEL_BYTES, GROWTH_BYTES, || child.into_value());
            form.extend_from_slice(format!("[{i}:").as_bytes());
            form.extend_from_slice(&inner);
            form.push(b']');
            children.push(value);
        }
        let mut fingerprint = String::new();
        for byte in Sha256::digest(&form) {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        let mut members = vec![
            (Text::from("type"), Value::text(self.kind.name())),
            (Text::from("fingerprint"), Value::text(fingerprint)),
        ];
        if !self.name.as_bytes().is_empty() {
            members.push((Text::from("name"), Value::String(self.name)));
        }
        if !children.is_empty() {
            members.push((Text::from("children"), Value::array(children)));
        }
        (Value::object(members.into_iter().collect::<Object>()), form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_limited() {
        let nested = |n| (0..n).fold(Value::Null, |inner, _| Value::array(vec![inner]));
        assert!(infer(&Val::Data(nested(SCHEMA_DEPTH_MAX))).is_ok());
        let error = infer(&Val::Data(nested(SCHEMA_DEPTH_MAX + 1))).unwrap_err().to_string();
        assert!(error.ends_with("nested deeper than 1000 levels"), "{error}");
    }
}
