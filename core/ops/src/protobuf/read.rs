//! JSON into messages.

use formats::number::{parse_float, parse_int, parse_uint};
use formats::value::{Text, Value};
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// The bytes of a message that is written as JSON; with `lenient`, members that the definition
/// does not have do not count.
///
/// # Errors
/// What does not fit, with its place.
pub(crate) fn from_json(
    descriptor: &MessageDescriptor,
    json: &[u8],
    lenient: bool,
) -> Result<Vec<u8>, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(!lenient);
    // It takes no more than 128 levels of nesting, and knows where something is wrong.
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = DynamicMessage::deserialize_with_options(descriptor.clone(), &mut reader, &options);
    let message = read.and_then(|message| reader.end().map(|()| message));
    let message = message.map_err(|error| {
        let name = descriptor.full_name();
        format!("unmarshalling JSON message '{name}': proto: {}", said(&error))
    })?;
    // Its doubles are near those of the text; ours are the nearest.
    let exact = formats::json::parse(json).ok().and_then(|json| {
        let json = Json(&json);
        DynamicMessage::deserialize_with_options(descriptor.clone(), json, &options).ok()
    });
    Ok(exact.unwrap_or(message).encode_to_vec())
}

/// A document as a deserializer takes it.
struct Json<'v>(&'v Value);

impl<'de> Deserializer<'de> for Json<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(digits) => {
                let bytes = digits.as_bytes();
                match (parse_int(bytes), parse_uint(bytes), parse_float(bytes)) {
                    (Ok(n), ..) => visitor.visit_i64(n),
                    (_, Ok(n), _) => visitor.visit_u64(n),
                    (.., Ok(x)) => visitor.visit_f64(x),
                    _ => Err(Error::custom("number out of range")),
                }
            }
            Value::String(text) => visitor.visit_str(&text.to_str_lossy()),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Json))),
            Value::Object(members) => {
                let named = |(name, value): (&Text, _)| (name.to_str_lossy().into_owned(), value);
                let members = members.iter().map(named).map(|(name, value)| (name, Json(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            _ => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Json<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What is wrong, with its place in front.
fn said(error: &serde_json::Error) -> String {
    let place = format!("line {}:{}", error.line(), error.column());
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if !error.is_data() {
        return format!("syntax error ({place}): {text}");
    }
    let unknown = text.strip_prefix("unrecognized field name '");
    match unknown.and_then(|name| name.strip_suffix('\'')) {
        Some(name) => format!("({place}): unknown field {name:?}"),
        None => format!("({place}): {text}"),
    }
}
