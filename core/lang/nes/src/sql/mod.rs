//! The SQL dialect of 2025 and 2026 (spec/nes-query-language.md §11): a second front end to the
//! same plans. Statements are parsed here; what they compute is lowered by [`crate::lower`].

mod ast;
mod command;
mod error;
mod input;
mod lex;
mod lower;
pub(crate) mod names;
mod parse;
mod select;
mod settings;
mod types;
mod windowed;

use plan::{Diagnostic, Plan, Span};

use self::ast::Statement;
use self::error::numbered;
use crate::catalog::{SinkCatalog, SourceCatalog};
use crate::lower::Lowered;

pub(crate) use self::ast::Component;
pub use self::command::{Command, command};
pub use self::error::{failure, unknown_query};
pub use self::settings::Settings;

/// Words that begin a statement of this dialect, and of no other language.
const FIRST_WORDS: &[&str] = &[
    "SELECT", "CREATE", "DROP", "SHOW", "EXPLAIN", "TABLE", "VALUES", "INSERT", "UPDATE", "DELETE",
    "ALTER",
];

/// Whether a text is written in this dialect.
#[must_use]
pub fn is_sql(text: &str) -> bool {
    FIRST_WORDS.contains(&lex::first_word(text).as_str())
}

/// Whether a text in this dialect is a statement about catalogs and no query.
#[must_use]
pub fn is_statement(text: &str) -> bool {
    ["CREATE", "DROP", "SHOW", "EXPLAIN"].contains(&lex::first_word(text).as_str())
}

/// Lowers a query over the sources and sinks of catalogs.
///
/// # Errors
/// What is wrong with the text, with its documented number and its place.
pub(crate) fn lower(
    text: &str,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Lowered, Diagnostic> {
    match parse::parse(text).map_err(numbered)? {
        Statement::Query(query) | Statement::Explain(query) => {
            lower::query(&query, sources, sinks).map_err(numbered)
        }
        _ => {
            let text = "this is a statement and no query";
            Err(numbered(Diagnostic::error("syntax", text, Span::default())))
        }
    }
}

/// Lowers a script: statements that create sources and sinks, and one query.
///
/// # Errors
/// See [`lower`]; or a statement that a script cannot have.
pub(crate) fn lower_script(text: &str) -> Result<Plan, Diagnostic> {
    let (mut sources, mut sinks) = (SourceCatalog::empty(), SinkCatalog::default());
    let mut plan = None;
    for (statement, span) in parse::parse_all(text).map_err(numbered)? {
        let wrong = |text: &str| Err(numbered(Diagnostic::error("unsupported", text, span)));
        match statement {
            Statement::Query(query) if plan.is_none() => {
                let lowered = lower::query(&query, &sources, &sinks).map_err(numbered)?;
                plan = Some(lowered.plan);
            }
            Statement::Query(_) => return wrong("a script has one query"),
            other => match command::of(other, &sources, &sinks).map_err(numbered)? {
                Command::CreateLogical(name, schema) => {
                    let _ = sources.add(&name, schema);
                }
                Command::CreatePhysical(source) => {
                    let _ = sources.add_physical(source);
                }
                Command::CreateSink(sink) => {
                    let _ = sinks.add(sink);
                }
                _ => return wrong("a script creates sources and sinks and has one query"),
            },
        }
    }
    let none = || Diagnostic::error("syntax", "the script has no query", Span::default());
    plan.ok_or_else(|| numbered(none()))
}

#[cfg(test)]
mod tests;
