//! Arrow streams to tables, and tables to Arrow streams.

mod read;
#[cfg(test)]
mod tests;
mod write;

use super::text_of;
use crate::error::{QError, Result, length_error, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::qsp::transform::schema;
use crate::session::Session;
use formats::k::{K, Sym, Table};
use std::sync::Arc;

fn wrong(text: impl std::fmt::Display) -> QError {
    QError::new(format!("arrow: {text}"))
}

/// Decodes a batch that is a whole stream, or a file of one; of a list each item is one. The
/// result is a table, or with `asList` a list of its columns.
pub(in crate::qsp) struct DecodeArrow;

impl Stage for DecodeArrow {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let streams = match data.as_list() {
            Some(list) => list.iter().map(text_of).collect::<Result<Vec<_>>>()?,
            None => vec![text_of(&data)?],
        };
        let as_list = node.flag("asList")?;
        let mut made = Vec::with_capacity(streams.len());
        for bytes in &streams {
            let table = read::table(cx, bytes)?;
            made.push(if as_list { K::list(table.columns) } else { table_k(table) });
        }
        out.extend(made.into_iter().map(|k| (metadata.clone(), k)));
        Ok(())
    }
}

/// Encodes a table, or a list of columns, as a stream. With a `schema` its types are those of the
/// columns, and its order too unless `matchCols` is off.
pub(in crate::qsp) struct EncodeArrow;

/// What is encoded: a table, or columns under the names of the schema.
fn payload(node: &Node, schema: Option<&[(Sym, formats::k::Type)]>, data: &K) -> Result<Table> {
    let kind = node.option("payloadType").and_then(K::as_sym).map_or("auto", |s| s.as_str());
    if !matches!(kind, "auto" | "table" | "arrays") {
        return Err(QError::new(format!("payloadType: {kind}")));
    }
    match data {
        K::Table(t) if kind != "arrays" => Ok(Table::clone(t)),
        K::Dict(_) if kind != "arrays" => match data.clone().enlist() {
            K::Table(t) => Ok(Table::clone(&t)),
            _ => Err(type_error()),
        },
        K::Vec(_) if kind != "table" => {
            let names = match schema {
                Some(schema) if schema.len() == data.len() => {
                    schema.iter().map(|(n, _)| *n).collect()
                }
                Some(_) => return Err(length_error()),
                None => (0..data.len()).map(|i| Sym::new(&format!("x{i}"))).collect(),
            };
            match K::table(names, data.items().collect())? {
                K::Table(t) => Ok(Table::clone(&t)),
                _ => Err(type_error()),
            }
        }
        _ => Err(type_error()),
    }
}

impl Stage for EncodeArrow {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let wanted = node.option("schema").map(schema::wanted).transpose()?;
        let mut table = payload(node, wanted.as_deref(), &data)?;
        if let Some(wanted) = wanted {
            let names: Vec<Sym> = wanted.iter().map(|(n, _)| *n).collect();
            let reorder = node.number("matchCols", 1)? != 0;
            if names.len() != table.names.len() || !reorder && names != *table.names {
                return Err(QError::new("mismatch"));
            }
            let mut columns = Vec::with_capacity(names.len());
            for (name, ty) in wanted {
                let own = table.column(name).ok_or_else(|| QError::new("mismatch"))?;
                columns.push(schema::converted(own, ty, schema::Parse::Auto)?);
            }
            table = Table { names: Arc::new(names), columns };
        }
        out.push((metadata, K::vec(formats::k::Type::Byte, write::stream(&table)?)));
        Ok(())
    }
}
