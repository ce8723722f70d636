//! Schemas as Protobuf messages and back (spec/nes-query-language.md §8).

use nes::schema::{Field, SEPARATOR, Schema, bare};
use nes::types::Type;
use prost::Message;

use super::proto::{self, Any, ArrayDetails, CharDetails, FloatDetails, IntegerDetails};

const INTEGER: i32 = 1;
const FLOAT: i32 = 2;
const CHAR: i32 = 3;
const ARRAY: i32 = 4;
const BOOLEAN: i32 = 5;
const TEXT: i32 = 6;

fn details(name: &str, message: &impl Message) -> Option<Any> {
    let type_url = format!("type.googleapis.com/NES.SerializableDataType.{name}");
    Some(Any { type_url, value: message.encode_to_vec() })
}

fn type_message(ty: Type) -> proto::DataType {
    let (kind, details) = match ty {
        Type::Int { bits, signed } => {
            let top = 1i128 << (u32::from(bits) - u32::from(signed));
            let upper = u64::try_from(top - 1).unwrap_or(u64::MAX);
            let lower = if signed { i64::try_from(-top).unwrap_or(i64::MIN) } else { 0 };
            let message = IntegerDetails { bits: bits.into(), upper, lower };
            (INTEGER, details("IntegerDetails", &message))
        }
        Type::Float { bits } => {
            let upper = if bits == 32 { f64::from(f32::MAX) } else { f64::MAX };
            let message = FloatDetails { bits: bits.into(), upper, lower: -upper };
            (FLOAT, details("FloatDetails", &message))
        }
        Type::Boolean => (BOOLEAN, None),
        Type::Char => (CHAR, details("CharDetails", &CharDetails { dimensions: 1 })),
        Type::FixedChar(length) => {
            let of = type_message(Type::Char);
            let message = ArrayDetails { dimensions: length.into(), ty: Some(Box::new(of)) };
            (ARRAY, details("ArrayDetails", &message))
        }
        Type::Text => (TEXT, None),
    };
    proto::DataType { kind, details }
}

/// A schema as a message; names are qualified.
pub(super) fn to_proto(source: &str, schema: &Schema) -> Vec<u8> {
    let fields = schema.fields.iter().map(|field| proto::Field {
        name: format!("{source}{SEPARATOR}{}", field.name),
        ty: Some(type_message(field.ty)),
    });
    proto::Schema { fields: fields.collect(), layout: 0 }.encode_to_vec()
}

fn type_of(message: &proto::DataType) -> Option<Type> {
    let bytes = message.details.as_ref().map_or(&[][..], |any| &any.value);
    match message.kind {
        INTEGER => {
            let message = IntegerDetails::decode(bytes).ok()?;
            let bits = u8::try_from(message.bits).ok().filter(|b| [8, 16, 32, 64].contains(b))?;
            Some(Type::Int { bits, signed: message.lower < 0 })
        }
        FLOAT => match FloatDetails::decode(bytes).ok()?.bits {
            32 => Some(Type::Float { bits: 32 }),
            64 => Some(Type::Float { bits: 64 }),
            _ => None,
        },
        CHAR => match CharDetails::decode(bytes).ok()?.dimensions {
            0 | 1 => Some(Type::Char),
            length => u32::try_from(length).ok().map(Type::FixedChar),
        },
        ARRAY => {
            let length = ArrayDetails::decode(bytes).ok()?.dimensions;
            u32::try_from(length).ok().map(Type::FixedChar)
        }
        BOOLEAN => Some(Type::Boolean),
        TEXT => Some(Type::Text),
        _ => None,
    }
}

/// A named schema from a message.
pub(super) fn from_named(bytes: &[u8]) -> Result<(String, Schema), String> {
    let invalid = || "Invalid Protobuf message".to_owned();
    let message = proto::NamedSchema::decode(bytes).map_err(|_| invalid())?;
    let inner = message.schema.filter(|_| !message.name.is_empty()).ok_or_else(invalid)?;
    Ok((message.name, fields(&inner).ok_or_else(invalid)?))
}

/// The fields of a message; none where one of them has no type that is known.
pub(super) fn fields(message: &proto::Schema) -> Option<Schema> {
    let field = |field: &proto::Field| {
        Some(Field::new(bare(&field.name), field.ty.as_ref().and_then(type_of)?))
    };
    Some(Schema { fields: message.fields.iter().map(field).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_come_back() {
        let text = r#"Schema::create()->addField("a", BasicType::UINT64)->addField("b", BasicType::INT8)
            ->addField("c", BasicType::FLOAT32)->addField("d", BasicType::BOOLEAN)->addField("e", BasicType::CHAR)
            ->addField("f", DataTypeFactory::createFixedChar(8))->addField("g", DataTypeFactory::createText());"#;
        let schema = nes::parse_schema(text).unwrap();
        let bytes = to_proto("s", &schema);
        let inner = proto::Schema::decode(bytes.as_slice()).unwrap();
        assert_eq!(inner.fields[0].name, "s$a");
        let named = proto::NamedSchema { name: "s".into(), schema: Some(inner) };
        assert_eq!(from_named(&named.encode_to_vec()).unwrap(), ("s".to_owned(), schema));
        assert!(from_named(b"garbage").is_err());
        assert!(from_named(b"").is_err());
    }
}
