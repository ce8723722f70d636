//! The formats that can be unpacked.

use std::sync::Arc;

use formats::value::Value;
use plan::{Body, Record, Records};

use super::csv;
use crate::archives::{Budget, Entry, unpack_binary, unpack_tar, unpack_zip};
use crate::batches::{bytes_of, document_of};

/// How messages are packed.
pub(super) enum Format {
    Tar,
    Zip,
    Binary,
    Lines,
    JsonDocuments,
    JsonArray,
    JsonMap,
    Csv(u8),
}

/// A part of a message; its name, where it has one, as metadata.
pub(super) struct Unpacked {
    pub(super) body: Body,
    pub(super) name: Option<(&'static str, Value)>,
}

impl Unpacked {
    fn bytes(bytes: Vec<u8>) -> Self {
        Unpacked { body: Body::Own(Arc::new(bytes)), name: None }
    }

    /// A document as a message of its own. A text keeps its quotes, which a whole message would
    /// be printed without.
    fn document(value: Value) -> Self {
        let mut bytes = Vec::new();
        match &value {
            Value::String(_) if formats::json::write_value(&mut bytes, &value).is_ok() => {
                Unpacked::bytes(bytes)
            }
            _ => Unpacked { body: Body::Doc(Arc::new(value)), name: None },
        }
    }

    fn file(entry: Entry) -> Self {
        let name = Some(("archive_filename", Value::text(entry.name)));
        Unpacked { name, ..Unpacked::bytes(entry.bytes) }
    }
}

impl Format {
    pub(super) fn of(name: &str) -> Option<Format> {
        Some(match name {
            "tar" => Format::Tar,
            "zip" => Format::Zip,
            "binary" => Format::Binary,
            "lines" => Format::Lines,
            "json_documents" => Format::JsonDocuments,
            "json_array" => Format::JsonArray,
            "json_map" => Format::JsonMap,
            "csv" => Format::Csv(b','),
            other => match other.strip_prefix("csv:")?.as_bytes() {
                [delimiter] => Format::Csv(*delimiter),
                _ => return None,
            },
        })
    }

    /// The parts of a message.
    pub(super) fn unpack(&self, records: &Records, rec: &Record) -> Result<Vec<Unpacked>, String> {
        let mut scratch = Vec::new();
        let mut bytes = || bytes_of(records, rec, &mut scratch).to_vec();
        match self {
            Format::Tar => Ok(unpack_tar(&bytes())?.into_iter().map(Unpacked::file).collect()),
            Format::Zip => Ok(unpack_zip(&bytes())?.into_iter().map(Unpacked::file).collect()),
            Format::Binary => {
                Ok(unpack_binary(&bytes())?.into_iter().map(Unpacked::bytes).collect())
            }
            Format::Lines => {
                Ok(bytes().split(|b| *b == b'\n').map(|l| Unpacked::bytes(l.to_vec())).collect())
            }
            Format::JsonDocuments => documents(&bytes()),
            Format::JsonArray => {
                let what = "failed to parse message into JSON array";
                match &*document_of(records, rec).map_err(|e| format!("{what}: {e}"))? {
                    Value::Array(items) => {
                        Ok(items.iter().cloned().map(Unpacked::document).collect())
                    }
                    _ => Err(format!("{what}: the document is not an array")),
                }
            }
            Format::JsonMap => {
                let what = "failed to parse message into JSON map";
                match &*document_of(records, rec).map_err(|e| format!("{what}: {e}"))? {
                    Value::Object(members) => Ok(members
                        .iter()
                        .map(|(key, value)| Unpacked {
                            name: Some(("archive_key", Value::String(key.clone()))),
                            ..Unpacked::document(value.clone())
                        })
                        .collect()),
                    _ => Err(format!("{what}: the document is not an object")),
                }
            }
            Format::Csv(delimiter) => {
                let rows = csv::objects(&bytes(), *delimiter)?;
                Ok(rows.into_iter().map(Unpacked::document).collect())
            }
        }
    }
}

/// JSON documents one after the other, with white space between them or none.
fn documents(bytes: &[u8]) -> Result<Vec<Unpacked>, String> {
    let mut budget = Budget::default();
    let mut parts = Vec::new();
    let mut rest = bytes.trim_ascii_start();
    while !rest.is_empty() {
        let (value, len) = formats::json::parse_prefix(rest)
            .map_err(|e| format!("failed to parse message into JSON documents: {e}"))?;
        budget.take(len)?;
        parts.push(Unpacked::document(value));
        rest = rest.get(len..).unwrap_or_default().trim_ascii_start();
    }
    Ok(parts)
}
