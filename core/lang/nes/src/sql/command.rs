//! Statements that change or show catalogs.

use plan::{Diagnostic, Json, serde_json::json};

use super::ast::{Component, Condition, Query, Statement, Subject};
use super::error::numbered;
use super::names::{meant, plain, shown};
use super::settings::{sink_of, source_of};
use crate::ast::Attr;
use crate::catalog::{Physical, ROOT, SinkCatalog, SinkEntry, SourceCatalog};
use crate::schema::{SEPARATOR, Schema};

/// What a statement asks of the catalogs. That it can be done was checked; what it changes is
/// changed by whoever keeps the catalogs.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A new logical source.
    CreateLogical(String, Schema),
    /// A new physical source.
    CreatePhysical(Physical),
    /// A new sink.
    CreateSink(SinkEntry),
    /// A logical source goes.
    DropLogical(String),
    /// A physical source goes.
    DropPhysical(String),
    /// A sink goes.
    DropSink(String),
    /// A query is stopped.
    DropQuery(u64),
    /// The answer: a list of objects.
    Rows(Json),
    /// Queries are shown, all or the one of an id.
    ShowQueries(Option<u64>),
    /// The plan of a query, as an indented tree.
    Explain(String),
}

/// The command that a text is.
///
/// # Errors
/// What is wrong with the text, with its documented number and its place; a query is none.
pub fn command(
    text: &str,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    let statement = super::parse::parse(text).map_err(numbered)?;
    of(statement, sources, sinks).map_err(numbered)
}

/// The command of a statement.
pub(super) fn of(
    statement: Statement,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    match statement {
        Statement::Query(query) => {
            let text = "this is a query and no statement about catalogs";
            Err(Diagnostic::error("syntax", text, query.span))
        }
        Statement::Explain(query) => explain(&query, sources, sinks),
        Statement::CreateLogical(name, schema) => create_logical(&name, schema, sources),
        Statement::CreatePhysical(of, component) => create_physical(&of, &component, sources),
        Statement::CreateSink(name, schema, component) => {
            create_sink(&name, schema, component, sinks)
        }
        Statement::Drop(subject, condition) => drop(subject, &condition, sources, sinks),
        Statement::Show(subject, of, condition) => {
            show(subject, of.as_ref(), condition.as_ref(), sources, sinks)
        }
    }
}

fn explain(
    query: &Query,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    super::lower::query(query, sources, sinks).map(|lowered| Command::Explain(lowered.tree))
}

fn create_logical(
    name: &Attr,
    schema: Schema,
    sources: &SourceCatalog,
) -> Result<Command, Diagnostic> {
    let plain = plain(&name.name);
    if sources.schema(&plain).is_some() {
        let text = format!("there is a logical source {plain} already");
        return Err(Diagnostic::error("source-exists", text, name.span));
    }
    if let Some(field) = schema.fields.iter().find(|f| f.name.contains(SEPARATOR)) {
        let text = format!("a field of a source has no qualifier, as {} has", shown(&field.name));
        return Err(Diagnostic::error("syntax", text, name.span));
    }
    Ok(Command::CreateLogical(plain, schema))
}

/// The logical source that a name means.
fn logical(name: &Attr, sources: &SourceCatalog) -> Result<String, Diagnostic> {
    let known: Vec<&str> = sources.logical().map(|(name, _)| name).collect();
    match meant(known.iter(), &name.name, |known| known).as_slice() {
        [one] => Ok((**one).to_owned()),
        _ => {
            let text = format!("there is no logical source {}", shown(&name.name));
            Err(Diagnostic::error("unknown-source", text, name.span))
        }
    }
}

fn create_physical(
    of: &Attr,
    component: &Component,
    sources: &SourceCatalog,
) -> Result<Command, Diagnostic> {
    let logical = logical(of, sources)?;
    let (kind, config) = source_of(component)?;
    let known = sources.physical(&logical);
    let free = |n: &usize| !known.iter().any(|p| p.name == format!("{logical}_{n}"));
    let number = (0..=known.len()).find(free).unwrap_or(known.len());
    let name = format!("{logical}_{number}");
    Ok(Command::CreatePhysical(Physical { logical, name, kind, node: ROOT, config }))
}

fn create_sink(
    name: &Attr,
    schema: Schema,
    component: Component,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    sink_of(&component)?;
    let plain = plain(&name.name);
    if sinks.get(&plain).is_some() {
        let text = format!("there is a sink {plain} already");
        return Err(Diagnostic::error("source-exists", text, name.span));
    }
    let Component { kind, settings, .. } = component;
    Ok(Command::CreateSink(SinkEntry { name: plain, schema, kind, settings }))
}

/// The value of a condition on the one attribute that a subject is known by.
fn value<'c>(condition: &'c Condition, attr: &str) -> Result<&'c str, Diagnostic> {
    if plain(&condition.attr.name).eq_ignore_ascii_case(attr) {
        return Ok(&condition.value);
    }
    let text = format!("only {attr} can be asked for here");
    Err(Diagnostic::error("unsupported", text, condition.attr.span))
}

fn id(condition: &Condition) -> Result<u64, Diagnostic> {
    let id = value(condition, "ID")?;
    id.parse().map_err(|_| {
        let text = format!("there is no query {id}");
        Diagnostic::error("unknown-query", text, condition.attr.span)
    })
}

fn drop(
    subject: Subject,
    condition: &Condition,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    let unknown = |code, what: &str| {
        let text = format!("there is no {what} {}", condition.value);
        Err(Diagnostic::error(code, text, condition.attr.span))
    };
    match subject {
        Subject::Query => id(condition).map(Command::DropQuery),
        Subject::Logical => {
            let name = value(condition, "NAME")?;
            let attr = Attr { name: name.to_owned(), span: condition.attr.span };
            let name = logical(&attr, sources)?;
            if !sources.physical(&name).is_empty() {
                let text = format!("physical sources feed the logical source {name}");
                return Err(Diagnostic::error("unsupported", text, condition.attr.span));
            }
            Ok(Command::DropLogical(name))
        }
        Subject::Physical => {
            let name = value(condition, "NAME")?;
            match sources.all_physical().iter().find(|p| p.name.eq_ignore_ascii_case(name)) {
                Some(source) => Ok(Command::DropPhysical(source.name.clone())),
                None => unknown("unknown-source", "physical source"),
            }
        }
        Subject::Sink => {
            let name = value(condition, "NAME")?;
            match sinks.all().iter().find(|s| s.name.eq_ignore_ascii_case(name)) {
                Some(sink) => Ok(Command::DropSink(sink.name.clone())),
                None => unknown("unknown-sink", "sink"),
            }
        }
    }
}

fn show(
    subject: Subject,
    of: Option<&Attr>,
    condition: Option<&Condition>,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Command, Diagnostic> {
    if subject == Subject::Query {
        return Ok(Command::ShowQueries(condition.map(id).transpose()?));
    }
    let of = of.map(|name| logical(name, sources)).transpose()?;
    let name = condition.map(|condition| value(condition, "NAME")).transpose()?;
    let wanted = |n: &str| name.is_none_or(|name| n.eq_ignore_ascii_case(name));
    let rows: Vec<Json> = match subject {
        Subject::Logical => sources
            .logical()
            .filter(|(name, _)| wanted(name))
            .map(|(name, schema)| json!({"name": name, "schema": columns(schema)}))
            .collect(),
        Subject::Sink => sinks
            .all()
            .iter()
            .filter(|sink| wanted(&sink.name))
            .map(|s| json!({"name": s.name, "type": s.kind, "schema": columns(&s.schema)}))
            .collect(),
        Subject::Query | Subject::Physical => sources
            .all_physical()
            .iter()
            .filter(|p| wanted(&p.name) && of.as_ref().is_none_or(|of| p.logical == *of))
            .map(|p| json!({"name": p.name, "logicalSource": p.logical, "type": p.kind}))
            .collect(),
    };
    Ok(Command::Rows(Json::Array(rows)))
}

fn columns(schema: &Schema) -> Vec<Json> {
    let one = |f: &crate::schema::Field| json!({"name": f.name, "type": f.ty.sql_name(), "nullable": f.nullable});
    schema.fields.iter().map(one).collect()
}
