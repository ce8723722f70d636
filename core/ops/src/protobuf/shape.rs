//! Messages as documents.

use std::sync::Arc;

use formats::value::{Object, Text, Value};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    Value as Field,
};

use super::known;

/// Messages that may be nested in one another. What an `Any` holds is nested in it.
pub(super) const DEPTH_MAX: usize = 1_000;

/// How documents are made of messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// Members are named as in the definition, not as JSON names them.
    pub(crate) proto_names: bool,
    /// Values of enumerations are numbers, not names.
    pub(crate) enum_numbers: bool,
    /// Numbers of 64 bits, bytes and times are what they are, not texts.
    pub(crate) native: bool,
}

/// The document of a message.
///
/// # Errors
/// When the bytes are no such message, or it has no such form.
pub(crate) fn document(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    shape: Shape,
) -> Result<Value, String> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).map_err(|e| {
        format!("unmarshalling protobuf message: '{}': {e}", descriptor.full_name())
    })?;
    Making { shape, depth: DEPTH_MAX }.message(&message)
}

pub(super) struct Making {
    pub(super) shape: Shape,
    depth: usize,
}

impl Making {
    pub(super) fn message(&mut self, message: &DynamicMessage) -> Result<Value, String> {
        self.depth = self.depth.checked_sub(1).ok_or("proto: exceeded max recursion depth")?;
        let made = stacker::maybe_grow(64 << 10, 2 << 20, || match known::value(self, message)? {
            Some(value) => Ok(value),
            None => self.members(message).map(Value::object),
        });
        self.depth += 1;
        made
    }

    pub(super) fn members(&mut self, message: &DynamicMessage) -> Result<Object, String> {
        let mut members = Vec::new();
        for (field, value) in message.fields() {
            let name = match self.shape.proto_names {
                true => Text::from(field.name()),
                false => Text::from(field.json_name()),
            };
            members.push((name, self.field(&field, value)?));
        }
        for (extension, value) in message.extensions() {
            let name = Text::from(extension.json_name());
            members.push((name, self.any_field(&extension.kind(), value)?));
        }
        Ok(Object::from(members))
    }

    pub(super) fn field(
        &mut self,
        field: &FieldDescriptor,
        value: &Field,
    ) -> Result<Value, String> {
        match (value, field.kind()) {
            (Field::Map(entries), Kind::Message(entry)) => {
                let kind = entry.map_entry_value_field().kind();
                let members = entries.iter().map(|(key, value)| {
                    Ok((Text::from(key_text(key)), self.any_field(&kind, value)?))
                });
                members.collect::<Result<Object, String>>().map(Value::object)
            }
            (value, kind) => self.any_field(&kind, value),
        }
    }

    fn any_field(&mut self, kind: &Kind, value: &Field) -> Result<Value, String> {
        match value {
            Field::List(items) => {
                let items = items.iter().map(|item| self.any_field(kind, item));
                items.collect::<Result<_, _>>().map(Value::array)
            }
            Field::Message(message) => self.message(message),
            Field::EnumNumber(number) => match kind {
                Kind::Enum(list) => Ok(self.enumerated(list, *number)),
                _ => Ok(Value::Int((*number).into())),
            },
            other => Ok(self.plain(other)),
        }
    }

    fn enumerated(&self, list: &EnumDescriptor, number: i32) -> Value {
        if list.full_name() == "google.protobuf.NullValue" {
            return Value::Null;
        }
        match list.get_value(number) {
            _ if self.shape.enum_numbers => Value::Int(number.into()),
            Some(value) => Value::text(value.name()),
            None if self.shape.native => Value::text(list.default_value().name()),
            None => Value::Int(number.into()),
        }
    }

    /// A value with nothing in it.
    fn plain(&self, value: &Field) -> Value {
        let native = self.shape.native;
        match value {
            Field::Bool(value) => Value::Bool(*value),
            Field::I32(n) => Value::Int((*n).into()),
            Field::U32(n) => Value::Int((*n).into()),
            Field::I64(n) if native => Value::Int(*n),
            Field::U64(n) if native => Value::Uint(*n),
            Field::I64(n) => Value::text(n.to_string()),
            Field::U64(n) => Value::text(n.to_string()),
            Field::F32(x) if native => Value::Float((*x).into()),
            Field::F64(x) if native => Value::Float(*x),
            Field::F32(x) => float((*x).into(), Value::Float32(*x)),
            Field::F64(x) => float(*x, Value::Float(*x)),
            Field::String(text) => Value::text(text.as_str()),
            // Inside a document they are printed as base64, as in JSON.
            Field::Bytes(bytes) => Value::Bytes(Arc::from(&**bytes)),
            _ => Value::Null,
        }
    }
}

/// A float in JSON: what it has no digits for is a text.
pub(super) fn float(x: f64, value: Value) -> Value {
    match x {
        _ if x.is_finite() => value,
        _ if x.is_nan() => Value::text("NaN"),
        _ if x > 0.0 => Value::text("Infinity"),
        _ => Value::text("-Infinity"),
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
