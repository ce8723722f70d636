//! `.qsp.sql`: a query in SQL over each batch.

mod lower;
mod parse;
mod run;
#[cfg(test)]
mod tests;
mod words;

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;
use parse::Select;

static SQL: Def =
    Def { name: "sql", kind: Kind::Operator, params: &["query", "schema"], required: 1 };

/// Bytes of a query.
const QUERY_MAX: usize = 64 << 10;

/// Runs the query, in which the batch is the table `$1`.
#[derive(Default)]
pub(super) struct Sql {
    query: Option<Select>,
}

fn wrong(text: impl std::fmt::Display) -> QError {
    QError::new(format!("sql: {text}"))
}

fn parsed(node: &Node) -> Result<Select> {
    let text = node.option("query").and_then(K::as_text).ok_or_else(type_error)?;
    if text.len() > QUERY_MAX {
        return Err(QError::limit("limit"));
    }
    parse::select(&String::from_utf8_lossy(text))
}

impl Stage for Sql {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let query = match &self.query {
            Some(query) => query,
            None => self.query.insert(parsed(node)?),
        };
        let table = match data {
            K::Dict(_) if data.keyed().is_none() => data.enlist(),
            data => crate::verbs::unkeyed(&data)?,
        };
        let K::Table(table) = table else { return Err(type_error()) };
        out.push((metadata, run::select(cx, query, table)?));
        Ok(())
    }
}

/// What is wrong with the query is said now, and with a schema also what is wrong with its
/// columns.
fn sql(cx: &mut Session, args: Vec<K>) -> Result {
    let made = cx.operator(&SQL, args)?;
    let id = Session::pipe(&made)?.first;
    let Some(node) = cx.qsp.nodes.get(id).cloned() else { return Ok(made) };
    let query = parsed(&node)?;
    run::check(&query)?;
    if let Some(schema) = node.option("schema") {
        let K::Table(empty) = crate::verbs::unkeyed(schema)? else { return Err(type_error()) };
        run::select(cx, &query, std::sync::Arc::new(empty.slice(0, 0)))?;
    }
    Ok(made)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.sql", 3, sql)];
