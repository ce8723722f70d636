//! Messages of Protocol Buffers to tables, and tables to messages.

mod read;
#[cfg(test)]
mod tests;
mod write;

use super::text_of;
use crate::error::{QError, Result, length_error, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::{K, Sym, Table, Type};
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, prost::Message};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use std::sync::Arc;

/// Bytes of a definition.
const FORMAT_MAX: usize = 1 << 20;
/// Messages of one batch.
const MESSAGES_MAX: usize = if cfg!(test) { 1000 } else { 1 << 24 };
/// The name of the definition as a file.
const FILE: &str = "format.proto";

fn wrong(text: impl std::fmt::Display) -> QError {
    QError::new(format!("protobuf: {text}"))
}

/// The one file that there is.
struct Format(String);

impl FileResolver for Format {
    fn open_file(&self, name: &str) -> std::result::Result<File, protox::Error> {
        if name == FILE {
            File::from_source(name, &self.0)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}

fn text(k: &K) -> Result<String> {
    match (k.as_sym(), k.as_text()) {
        (Some(name), _) => Ok(name.as_str().to_owned()),
        (_, Some(text)) => Ok(String::from_utf8_lossy(text).into_owned()),
        _ => Err(type_error()),
    }
}

/// The message that an operator is about, by its definition.
///
/// # Errors
/// What is wrong with the definition, or that there is none.
pub(in crate::qsp) fn descriptor(node: &Node) -> Result<MessageDescriptor> {
    if node.option("file").is_some() {
        return Err(QError::nyi(&format!("option file of .qsp.{}", node.op)));
    }
    let message = text(node.option("message").ok_or_else(|| wrong("message is missing"))?)?;
    let format = text(node.option("format").ok_or_else(|| wrong("format is missing"))?)?;
    if format.len() > FORMAT_MAX {
        return Err(QError::limit("limit"));
    }
    let mut resolver = ChainFileResolver::new();
    resolver.add(Format(format));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file(FILE).map_err(wrong)?;
    let pool = compiler.descriptor_pool();
    // The package need not be said.
    let found = pool.get_message_by_name(&message).or_else(|| {
        let own = pool.files().find(|f| f.name() == FILE)?;
        own.messages().find(|m| m.name() == message)
    });
    found.ok_or_else(|| wrong(format!("there is no message {message}")))
}

/// The definition of an operator, compiled once.
#[derive(Default)]
struct Definition(Option<MessageDescriptor>);

impl Definition {
    fn of(&mut self, node: &Node) -> Result<MessageDescriptor> {
        if self.0.is_none() {
            self.0 = Some(descriptor(node)?);
        }
        self.0.clone().ok_or_else(type_error)
    }
}

/// The fields as they stand in the definition.
fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    message.fields().collect()
}

/// Decodes a message, or a list of them, to a table with a row for each, or with `asList` to a
/// list of its columns.
#[derive(Default)]
pub(in crate::qsp) struct DecodeProtobuf(Definition);

impl Stage for DecodeProtobuf {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let definition = self.0.of(node)?;
        let messages = match data.as_list() {
            Some(list) => list.iter().map(text_of).collect::<Result<Vec<_>>>()?,
            None => vec![text_of(&data)?],
        };
        if messages.len() > MESSAGES_MAX {
            return Err(QError::limit("limit"));
        }
        cx.room(messages.len())?;
        let fields = fields(&definition);
        let mut columns: Vec<Vec<K>> = vec![Vec::with_capacity(messages.len()); fields.len()];
        for bytes in &messages {
            let message = DynamicMessage::decode(definition.clone(), bytes.as_slice());
            let message = message.map_err(wrong)?;
            for (column, field) in columns.iter_mut().zip(&fields) {
                column.push(read::field(&message, field)?);
            }
        }
        let columns = columns.into_iter().zip(&fields).map(|(items, field)| {
            if items.is_empty() { read::empty(field) } else { read::column(items) }
        });
        let columns: Vec<K> = columns.collect();
        let made = if node.flag("asList")? {
            K::list(columns)
        } else {
            let names = fields.iter().map(|f| Sym::new(f.name())).collect();
            table_k(Table { names: Arc::new(names), columns })
        };
        out.push((metadata, made));
        Ok(())
    }
}

/// Encodes each row of a table, or of columns in the order of the definition, as a message; a
/// dictionary is one message.
#[derive(Default)]
pub(in crate::qsp) struct EncodeProtobuf(Definition);

/// The rows of columns in the order of the definition.
fn rows(definition: &MessageDescriptor, columns: &K) -> Result {
    let fields = fields(definition);
    if columns.len() != fields.len() {
        return Err(length_error());
    }
    let names = fields.iter().map(|f| Sym::new(f.name())).collect();
    Ok(K::table(names, columns.items().collect())?)
}

fn encoded(definition: &MessageDescriptor, row: &K) -> Result {
    let message = write::message(definition, row)?;
    Ok(K::vec(Type::Byte, message.encode_to_vec()))
}

impl Stage for EncodeProtobuf {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let definition = self.0.of(node)?;
        let kind = node.option("payloadType").and_then(K::as_sym).map_or("auto", |s| s.as_str());
        let table = match (&data, kind) {
            (K::Table(_), "auto" | "table") => data,
            (K::Dict(_), "auto" | "table") => {
                out.push((metadata, encoded(&definition, &data)?));
                return Ok(());
            }
            (K::Vec(_), "auto" | "arrays") => rows(&definition, &data)?,
            (_, "auto" | "table" | "arrays") => return Err(type_error()),
            _ => return Err(QError::new(format!("payloadType: {kind}"))),
        };
        let messages = table.items().map(|row| encoded(&definition, &row));
        out.push((metadata, K::list(messages.collect::<Result<Vec<_>>>()?)));
        Ok(())
    }
}
