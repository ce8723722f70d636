//! Values of q as fields of messages.

use super::wrong;
use crate::convert::numeric::{Column, floats};
use crate::error::{QError, Result, type_error};
use formats::k::{K, Type};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use std::collections::HashMap;

/// The message of a dictionary; names that the definition has not are an error, and what is null
/// or missing is not set.
pub(super) fn message(descriptor: &MessageDescriptor, row: &K) -> Result<DynamicMessage> {
    let K::Dict(d) = row else { return Err(type_error()) };
    let names = d.keys.as_syms().ok_or_else(type_error)?;
    let mut message = DynamicMessage::new(descriptor.clone());
    for (name, value) in names.iter().zip(d.values.items()) {
        let field = descriptor.get_field_by_name(name.as_str());
        let field = field.ok_or_else(|| wrong(format!("there is no field {name}")))?;
        if is_null(&value) && !field.is_list() {
            continue;
        }
        let made = whole(&field, &value)
            .map_err(|e| if e.text == "type" { QError::new(format!("type: {name}")) } else { e })?;
        message.try_set_field(&field, made).map_err(wrong)?;
    }
    Ok(message)
}

fn is_null(k: &K) -> bool {
    match k {
        K::Null => true,
        K::Atom(Type::Bool | Type::Byte | Type::Char, _) => false,
        K::Atom(ty, scalar) => *scalar == ty.null(),
        _ => false,
    }
}

fn whole(field: &FieldDescriptor, k: &K) -> Result<Value> {
    let kind = field.kind();
    if field.is_map() {
        let K::Dict(d) = k else { return Err(type_error()) };
        let entry = kind.as_message().ok_or_else(type_error)?;
        let (keys, values) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let mut entries = HashMap::new();
        for (key, value) in d.keys.items().zip(d.values.items()) {
            entries.insert(map_key(&keys.kind(), &key)?, one(&values.kind(), &value)?);
        }
        return Ok(Value::Map(entries));
    }
    if field.is_list() {
        // A text is one item of a list of texts.
        let single = k.is_atom() || k.as_text().is_some() && matches!(kind, Kind::String);
        let items = if single { vec![k.clone()] } else { k.items().collect() };
        let items = items.iter().map(|item| one(&kind, item)).collect::<Result<_>>()?;
        return Ok(Value::List(items));
    }
    one(&kind, k)
}

fn whole_number<T: TryFrom<i64>>(k: &K) -> Result<T> {
    let x = k.as_long().ok_or_else(type_error)?;
    T::try_from(x).map_err(|_| wrong(format!("{x} is out of range")))
}

fn float(k: &K) -> Result<f64> {
    match floats(k) {
        Some(Column::Atom(x)) => Ok(x),
        _ => Err(type_error()),
    }
}

fn text(k: &K) -> Result<String> {
    match (k.as_text(), k.as_sym()) {
        (Some(text), _) => Ok(String::from_utf8_lossy(text).into_owned()),
        (_, Some(name)) => Ok(name.as_str().to_owned()),
        _ => Err(type_error()),
    }
}

fn one(kind: &Kind, k: &K) -> Result<Value> {
    formats::budget::check();
    Ok(match kind {
        Kind::Double => Value::F64(float(k)?),
        Kind::Float => Value::F32(float(k)? as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(whole_number(k)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(whole_number(k)?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(whole_number(k)?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(whole_number(k)?),
        Kind::Bool => Value::Bool(k.as_long().ok_or_else(type_error)? != 0),
        Kind::String => Value::String(text(k)?),
        Kind::Bytes => Value::Bytes(super::text_of(k)?.into()),
        Kind::Message(inner) => Value::Message(message(inner, k)?),
        Kind::Enum(values) => match (k.as_sym(), k.as_text()) {
            (None, None) => Value::EnumNumber(whole_number(k)?),
            _ => {
                let name = text(k)?;
                let value = values.get_value_by_name(&name);
                let value = value.ok_or_else(|| wrong(format!("there is no value {name}")))?;
                Value::EnumNumber(value.number())
            }
        },
    })
}

fn map_key(kind: &Kind, k: &K) -> Result<MapKey> {
    Ok(match one(kind, k)? {
        Value::Bool(x) => MapKey::Bool(x),
        Value::I32(x) => MapKey::I32(x),
        Value::I64(x) => MapKey::I64(x),
        Value::U32(x) => MapKey::U32(x),
        Value::U64(x) => MapKey::U64(x),
        Value::String(x) => MapKey::String(x),
        _ => return Err(type_error()),
    })
}
