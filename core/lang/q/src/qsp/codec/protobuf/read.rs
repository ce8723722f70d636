//! Fields of messages as values of q.

use super::wrong;
use crate::error::Result;
use formats::k::{K, Sym, Type};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

/// The value of a field; one that is not set and has no default is null.
pub(super) fn field(message: &DynamicMessage, field: &FieldDescriptor) -> Result {
    if field.supports_presence() && !message.has_field(field) {
        return Ok(match field.kind() {
            Kind::Message(_) => K::Null,
            kind => null(&kind),
        });
    }
    value(&message.get_field(field), field)
}

/// A column of values: a text is one value of many.
pub(super) fn column(items: Vec<K>) -> K {
    match items.first() {
        Some(K::Atom(..)) => K::collapse(items),
        _ => K::list(items),
    }
}

/// The column of no values.
pub(super) fn empty(field: &FieldDescriptor) -> K {
    if field.is_list() || field.is_map() {
        return K::list(Vec::new());
    }
    K::empty(scalar(&field.kind()))
}

/// The type of the atoms of a kind; the general list where there are none.
fn scalar(kind: &Kind) -> Type {
    match kind {
        Kind::Double => Type::Float,
        Kind::Float => Type::Real,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Type::Int,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Type::Long,
        // Unsigned numbers become wider ones.
        Kind::Uint32 | Kind::Fixed32 | Kind::Uint64 | Kind::Fixed64 => Type::Long,
        Kind::Bool => Type::Bool,
        Kind::Enum(_) => Type::Symbol,
        Kind::String | Kind::Bytes | Kind::Message(_) => Type::List,
    }
}

fn null(kind: &Kind) -> K {
    match kind {
        Kind::String => K::str(""),
        Kind::Bytes => K::empty(Type::Byte),
        kind => K::null(scalar(kind)),
    }
}

fn value(value: &Value, field: &FieldDescriptor) -> Result {
    match value {
        Value::List(items) => {
            let kind = field.kind();
            if items.is_empty() {
                return Ok(K::empty(scalar(&kind)));
            }
            let items = items.iter().map(|item| one(item, &kind)).collect::<Result<Vec<_>>>()?;
            Ok(column(items))
        }
        Value::Map(entries) => {
            let kind = field.kind();
            let entry = kind.as_message().ok_or_else(|| wrong("a map without entries"))?;
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            let of = entry.map_entry_value_field().kind();
            let keys = sorted.iter().map(|(k, _)| key(k)).collect::<Result<Vec<_>>>()?;
            let values = sorted.iter().map(|(_, v)| one(v, &of)).collect::<Result<Vec<_>>>()?;
            Ok(K::dict(column(keys), column(values)))
        }
        one_value => one(one_value, &field.kind()),
    }
}

fn unsigned(x: u64) -> Result {
    i64::try_from(x).map(K::long).map_err(|_| wrong(format!("{x} is no long")))
}

fn one(value: &Value, kind: &Kind) -> Result {
    Ok(match value {
        Value::Bool(x) => K::bool(*x),
        Value::I32(x) => K::int(*x),
        Value::I64(x) => K::long(*x),
        Value::U32(x) => K::long(i64::from(*x)),
        Value::U64(x) => return unsigned(*x),
        Value::F32(x) => K::Atom(Type::Real, formats::k::Scalar::F32(*x)),
        Value::F64(x) => K::float(*x),
        Value::String(x) => K::str(x),
        Value::Bytes(x) => K::vec(Type::Byte, x.to_vec()),
        Value::EnumNumber(x) => {
            let known = kind.as_enum().and_then(|e| e.get_value(*x));
            match known {
                Some(name) => K::sym(name.name()),
                None => K::sym(x.to_string().as_str()),
            }
        }
        Value::Message(inner) => {
            let fields: Vec<_> = inner.descriptor().fields().collect();
            let names = fields.iter().map(|f| Sym::new(f.name())).collect();
            let values = fields.iter().map(|f| field(inner, f)).collect::<Result<Vec<_>>>()?;
            K::dict(K::syms(names), column(values))
        }
        Value::List(_) | Value::Map(_) => return Err(wrong("a list within a list")),
    })
}

fn key(key: &MapKey) -> Result {
    Ok(match key {
        MapKey::Bool(x) => K::bool(*x),
        MapKey::I32(x) => K::int(*x),
        MapKey::I64(x) => K::long(*x),
        MapKey::U32(x) => K::long(i64::from(*x)),
        MapKey::U64(x) => return unsigned(*x),
        MapKey::String(x) => K::str(x),
    })
}
