//! The textual form, which is JSON that names the branches of unions, into a document.

use formats::value::{Object, Text, Value};

use super::binary::tagged;
use super::error::Error;
use super::numbers::{bytes_for, content, double, float, integer, meaning, short_integer};
use super::schema::{Field, Kind, Place, Raw, Schema};
use super::{Budget, deeper};

/// Reads a value; a branch of a union need not be named.
///
/// # Errors
/// When it does not fit the schema.
pub(crate) fn read_textual(schema: &Schema, json: &Value) -> Result<Value, Error> {
    Reader { schema, budget: Budget::new() }.value(schema.root, json)
}

struct Reader<'s> {
    schema: &'s Schema,
    budget: Budget,
}

fn expected(what: &str) -> Error {
    Error::plain(format!("avro json: expected {what}"))
}

/// An integer, or why it is none.
fn whole<N>(read: Option<Result<N, String>>) -> Result<N, Error> {
    let read = read.ok_or_else(|| expected("number"))?;
    read.map_err(|why| Error::plain(format!("avro json: {why}")))
}

/// Bytes of a text: each of its characters is one.
pub(super) fn latin(text: &Text) -> Result<Vec<u8>, Error> {
    let text = text.to_str_lossy();
    let byte = |c: char| {
        u8::try_from(u32::from(c)).map_err(|_| {
            let code = u32::from(c);
            Error::plain(format!("avro json: \\u{code:04X} exceeds byte range in bytes field"))
        })
    };
    text.chars().map(byte).collect()
}

impl Reader<'_> {
    fn value(&mut self, place: Place, json: &Value) -> Result<Value, Error> {
        self.budget.enter()?;
        let depth = self.budget.depth;
        let value = deeper(|| self.inner(place, json));
        self.budget.depth = depth;
        self.budget.leave();
        value
    }

    fn inner(&mut self, place: Place, json: &Value) -> Result<Value, Error> {
        let schema = self.schema;
        match (&schema.node(place).kind, json) {
            (Kind::Null, Value::Null) => Ok(Value::Null),
            (Kind::Null, _) => Err(expected("null")),
            (Kind::Boolean, Value::Bool(value)) => Ok(Value::Bool(*value)),
            (Kind::Boolean, _) => Err(expected("boolean")),
            (Kind::Int(what), _) => meaning(whole(short_integer(json))?.into(), *what),
            (Kind::Long(what), _) => meaning(whole(integer(json))?, *what),
            (Kind::Float, Value::Null) | (Kind::Double, Value::Null) => {
                Ok(float(f64::NAN, Value::Null))
            }
            (Kind::Float, _) => {
                let x = double(json).ok_or_else(|| expected("number"))? as f32;
                Ok(float(x.into(), Value::Float32(x)))
            }
            (Kind::Double, _) => {
                let x = double(json).ok_or_else(|| expected("number"))?;
                Ok(float(x, Value::Float(x)))
            }
            (Kind::String, Value::String(text)) => Ok(Value::String(text.clone())),
            (Kind::Enum(symbols), Value::String(text)) if symbols.contains(text) => {
                Ok(Value::String(text.clone()))
            }
            (Kind::Enum(_), Value::String(text)) => {
                let text = text.to_str_lossy();
                Err(Error::plain(format!("avro json: unknown enum symbol {text:?}")))
            }
            (Kind::Bytes(raw), _) => self.content(json, *raw, None),
            (Kind::Fixed(size, raw), _) => self.content(json, *raw, Some(*size)),
            (Kind::String | Kind::Enum(_), _) => Err(expected("string")),
            (Kind::Array(items), Value::Array(list)) => {
                let list: Result<Vec<_>, _> =
                    list.iter().map(|item| self.value(*items, item)).collect();
                list.map(Value::array)
            }
            (Kind::Array(_), _) => Err(expected("'['")),
            (Kind::Map(values), Value::Object(members)) => {
                let members = members
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.value(*values, value)?)));
                members.collect::<Result<Object, _>>().map(Value::object)
            }
            (Kind::Record(fields), Value::Object(members)) => {
                let name = &schema.node(place).name;
                self.record(&name.to_str_lossy(), fields, members)
            }
            (Kind::Map(_) | Kind::Record(_), _) => Err(expected("'{'")),
            (Kind::Union(branches), _) => self.union(branches, json),
        }
    }

    fn content(&self, json: &Value, raw: Raw, size: Option<usize>) -> Result<Value, Error> {
        let bytes = match (raw, json) {
            (Raw::Decimal(_), Value::Number(digits)) => return Ok(Value::Number(digits.clone())),
            (_, Value::String(text)) => match latin(text) {
                Ok(bytes) if size.is_none_or(|size| size == bytes.len()) => bytes,
                other => match (bytes_for(json, raw), other) {
                    (Some(bytes), _) => bytes,
                    (None, Ok(bytes)) => {
                        let (got, need) = (bytes.len(), size.unwrap_or_default());
                        let text = "avro json: fixed size mismatch";
                        return Err(Error::plain(format!("{text}: got {got} bytes, need {need}")));
                    }
                    (None, Err(error)) => return Err(error),
                },
            },
            _ => bytes_for(json, raw).ok_or_else(|| expected("string"))?,
        };
        Ok(content(&bytes, raw))
    }

    fn record(&mut self, name: &str, fields: &[Field], json: &Object) -> Result<Value, Error> {
        let mut members = Vec::with_capacity(fields.len());
        for field in fields {
            let title = field.name.to_str_lossy();
            match json.member(&field.name) {
                Some(value) => {
                    let value = self.value(field.place, value);
                    let value = value.map_err(|e| Error::plain(format!("field {title:?}: {e}")))?;
                    members.push((field.name.clone(), value));
                }
                None if field.default.is_some() => {}
                None => {
                    let text =
                        format!("avro json: record {name:?} missing required field {title:?}");
                    return Err(Error::plain(text));
                }
            }
        }
        Ok(Value::object(Object::from(members)))
    }

    fn union(&mut self, branches: &[Place], json: &Value) -> Result<Value, Error> {
        let schema = self.schema;
        if matches!(json, Value::Null) {
            return Ok(Value::Null);
        }
        if let Some((name, value)) = only_member(json)
            && let Some((_, place)) = schema.branch(branches, name.as_bytes())
            && let Ok(value) = self.value(place, value)
        {
            return Ok(tagged(schema, place, value));
        }
        for place in branches {
            if fits(&schema.node(*place).kind, json) {
                match self.value(*place, json) {
                    Ok(value) => return Ok(tagged(schema, *place, value)),
                    Err(error) if self.budget.steps == 0 => return Err(error),
                    Err(_) => {}
                }
            }
        }
        Err(Error::plain("avro json: no union branch matched"))
    }
}

/// The member of an object that has no other.
pub(super) fn only_member(value: &Value) -> Option<(&Text, &Value)> {
    match value {
        Value::Object(object) => match object.members() {
            [(name, value)] => Some((name, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value may be of a type, by its looks.
fn fits(kind: &Kind, json: &Value) -> bool {
    match json {
        Value::Null => false,
        Value::Bool(_) => matches!(kind, Kind::Boolean),
        Value::String(_) | Value::Bytes(_) | Value::Timestamp(_) => matches!(
            kind,
            Kind::String
                | Kind::Enum(_)
                | Kind::Bytes(_)
                | Kind::Fixed(..)
                | Kind::Float
                | Kind::Double
        ),
        Value::Array(_) => matches!(kind, Kind::Array(_)),
        Value::Object(_) => matches!(kind, Kind::Record(_) | Kind::Map(_)),
        _ => matches!(
            kind,
            Kind::Int(_)
                | Kind::Long(_)
                | Kind::Float
                | Kind::Double
                | Kind::Bytes(Raw::Decimal(_))
                | Kind::Fixed(_, Raw::Decimal(_))
        ),
    }
}
