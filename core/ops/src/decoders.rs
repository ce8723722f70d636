//! What reads bytes of unknown origin, for tests from outside that feed it any.

use formats::value::Value;
use prost_reflect::MessageDescriptor;

use crate::avro::{Schema, read, read_single, read_textual};
use crate::protobuf::{Shape, compile, document, from_json};

/// A schema of Avro.
pub struct Avro(Schema);

impl Avro {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(schema: &str) -> Result<Self, String> {
        Schema::parse(schema).map(Avro)
    }

    /// Bytes in each of the forms that they may have; what was read of each.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Vec<Value> {
        let textual = formats::json::parse(bytes).ok();
        let textual = textual.and_then(|json| read_textual(&self.0, &json).ok());
        let others = [read(&self.0, bytes).ok(), read_single(&self.0, bytes).ok()];
        others.into_iter().chain([textual]).flatten().collect()
    }
}

/// A message of protobuf.
pub struct Protobuf(MessageDescriptor);

impl Protobuf {
    /// Reads a definition and finds a message in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(definition: &str, message: &str) -> Result<Self, String> {
        let texts = [("main.proto".to_owned(), definition.to_owned())];
        let found = compile(texts.into())?.get_message_by_name(message);
        found.map(Protobuf).ok_or_else(|| format!("there is no {message}"))
    }

    /// Bytes as a message and as JSON; what was read of each.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Vec<Value> {
        let packed = from_json(&self.0, bytes, true).ok();
        let bytes = [Some(bytes), packed.as_deref()].into_iter().flatten();
        let shapes = [false, true].map(|native| Shape { native, ..Shape::default() });
        let read = bytes.flat_map(|bytes| shapes.map(|shape| document(&self.0, bytes, shape)));
        read.flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_every_form() {
        let avro = Avro::new(r#""boolean""#).unwrap();
        assert_eq!(avro.read(b"true").len(), 2);
        let definition = "syntax = \"proto3\"; message M { string a = 1; }";
        let message = Protobuf::new(definition, "M").unwrap();
        assert_eq!(message.read(b"{\"a\":\"b\"}").len(), 2);
        assert_eq!(message.read(b"\x0a\x01b").len(), 2);
        assert!(Protobuf::new(definition, "N").is_err());
        assert!(Avro::new("{").is_err());
    }
}
