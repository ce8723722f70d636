//! Messages of the interface that are Protobuf (spec/nes-query-language.md §8, and the document's
//! own for functions).

use prost::Message;

/// `SerializableSchema`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Schema {
    #[prost(message, repeated, tag = "1")]
    pub(super) fields: Vec<Field>,
    /// 0 for rows, 1 for columns.
    #[prost(int32, tag = "2")]
    pub(super) layout: i32,
}

/// `SerializableField`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Field {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) ty: Option<DataType>,
}

/// `SerializableDataType`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DataType {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) details: Option<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `IntegerDetails`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct IntegerDetails {
    #[prost(uint64, tag = "1")]
    pub(super) bits: u64,
    #[prost(uint64, tag = "2")]
    pub(super) upper: u64,
    #[prost(int64, tag = "3")]
    pub(super) lower: i64,
}

/// `FloatDetails`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FloatDetails {
    #[prost(uint64, tag = "1")]
    pub(super) bits: u64,
    #[prost(double, tag = "2")]
    pub(super) upper: f64,
    #[prost(double, tag = "3")]
    pub(super) lower: f64,
}

/// `CharDetails`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CharDetails {
    #[prost(uint64, tag = "2")]
    pub(super) dimensions: u64,
}

/// `ArrayDetails`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ArrayDetails {
    #[prost(uint64, tag = "1")]
    pub(super) dimensions: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) ty: Option<Box<DataType>>,
}

/// `SerializableNamedSchema`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NamedSchema {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) schema: Option<Schema>,
}

/// `JavaUdfDescriptorMessage.JavaUdfClassDefinition`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct JavaClass {
    #[prost(string, tag = "1")]
    pub(super) class_name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) byte_code: Vec<u8>,
}

/// `JavaUdfDescriptorMessage`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct JavaUdf {
    #[prost(string, tag = "1")]
    pub(super) class_name: String,
    #[prost(string, tag = "2")]
    pub(super) method_name: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) instance: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub(super) classes: Vec<JavaClass>,
    /// Fields of what it takes; those of what it gives where `given` is missing, as older clients
    /// have it.
    #[prost(message, optional, tag = "5")]
    pub(super) taken: Option<Schema>,
    #[prost(message, optional, tag = "6")]
    pub(super) given: Option<Schema>,
    #[prost(string, tag = "7")]
    pub(super) input_class: String,
    #[prost(string, tag = "8")]
    pub(super) output_class: String,
}

/// `RegisterJavaUdfRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RegisterJavaUdf {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) descriptor: Option<JavaUdf>,
}

/// `GetJavaUdfDescriptorResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FoundJavaUdf {
    #[prost(bool, tag = "1")]
    pub(super) found: bool,
    #[prost(message, optional, tag = "2")]
    pub(super) descriptor: Option<JavaUdf>,
}
