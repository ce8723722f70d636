//! `schema`: columns in the order and types of an empty table.

use super::{column, table};
use crate::error::{Result, length_error, type_error};
use crate::eval::{table_k, table_of};
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::{K, Table, Type};
use std::sync::Arc;

/// Converts tables, and lists of columns in order, to the schema; texts are read.
pub(in crate::qsp) struct Schema;

/// A column as another type.
fn converted(own: &K, to: &K) -> Result {
    let to = to.ty().ok_or_else(type_error)?;
    let text = own.ty() == Some(Type::List) && own.items().all(|i| i.as_text().is_some());
    match to {
        Type::List => Ok(own.clone()),
        _ if text => crate::convert::cast::parse(to, own),
        _ => crate::convert::cast::cast(to, own),
    }
}

impl Stage for Schema {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let schema = node.option("schema").cloned().unwrap_or_default();
        let schema = table(&schema)?;
        let plain: Table = match &data {
            K::Table(t) => Table::clone(t),
            other => {
                if other.len() != schema.names.len() {
                    return Err(length_error());
                }
                let named = schema.names.iter().copied().zip(other.items());
                match table_of(named.collect(), 0)? {
                    K::Table(t) => Table::clone(&t),
                    _ => return Err(type_error()),
                }
            }
        };
        let mut columns = Vec::with_capacity(schema.names.len());
        for (name, to) in schema.iter() {
            columns.push(converted(&column(&plain, name)?, to)?);
        }
        let names = Arc::clone(&schema.names);
        out.push((metadata, table_k(Table { names, columns })));
        Ok(())
    }
}
