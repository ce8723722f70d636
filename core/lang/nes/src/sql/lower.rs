//! Queries to plans.

use plan::{Diagnostic, Span};

use super::ast::{Body, Query, Target};
use super::names::{meant, shown};
use super::settings::sink_of;
use crate::ast::{Attr, Sink};
use crate::catalog::{SinkCatalog, SourceCatalog};
use crate::lower::stream::{Column, Rules, Stream};
use crate::lower::{Lowered, Lowering};
use crate::schema::bare;

/// Lowers a query.
pub(super) fn query(
    query: &Query,
    sources: &SourceCatalog,
    sinks: &SinkCatalog,
) -> Result<Lowered, Diagnostic> {
    let mut lowering = Lowering::new(sources, Rules::Sql);
    let stream = lowering.body(&query.body)?;
    let (sink, span) = match &query.target {
        Target::Inline(component) => (sink_of(component)?, component.span),
        Target::Named(name) => (named(name, sinks, &stream)?, name.span),
    };
    lowering.finish(stream, &[sink], span)
}

/// The sink of a name, whose columns the result must have.
fn named(name: &Attr, sinks: &SinkCatalog, stream: &Stream) -> Result<Sink, Diagnostic> {
    let found = meant(sinks.all().iter(), &name.name, |sink| sink.name.as_str());
    let [entry] = found.as_slice() else {
        let text = format!("there is no sink {}", shown(&name.name));
        return Err(Diagnostic::error("unknown-sink", text, name.span));
    };
    let fields = &entry.schema.fields;
    let same = |(column, field): (&Column, &crate::schema::Field)| {
        let fits = column.null.is_none() || field.nullable;
        bare(&column.name).eq_ignore_ascii_case(bare(&field.name)) && column.ty == field.ty && fits
    };
    if fields.len() != stream.fields.len() || !stream.fields.iter().zip(fields).all(same) {
        let wanted: Vec<String> =
            fields.iter().map(|f| format!("{}:{}", f.name, f.ty.sql_name())).collect();
        let text = format!(
            "the sink {} has the columns {} and the result {}",
            entry.name,
            wanted.join(" "),
            stream.schema_text()
        );
        return Err(Diagnostic::error("schema-mismatch", text, name.span));
    }
    sink_of(&entry.component(name.span))
}

impl Lowering<'_> {
    /// A query without its sink.
    pub(super) fn body(&mut self, body: &Body) -> Result<Stream, Diagnostic> {
        match body {
            Body::Select(select) => self.select(select),
            Body::Union(all) => {
                let mut result: Option<Stream> = None;
                for (body, span) in all {
                    self.room(*span)?;
                    let next = self.body(body)?;
                    result = Some(match result {
                        None => next,
                        Some(before) => self.united(before, next, *span)?,
                    });
                }
                let none = || Diagnostic::error("syntax", "nothing is united", Span::default());
                result.ok_or_else(none)
            }
        }
    }

    /// A union, whose sides have the same names.
    fn united(&mut self, left: Stream, right: Stream, span: Span) -> Result<Stream, Diagnostic> {
        let mut pairs = left.fields.iter().zip(&right.fields);
        let other = pairs.find(|(a, b)| !bare(&a.name).eq_ignore_ascii_case(bare(&b.name)));
        if let Some((a, b)) = other {
            let text = format!(
                "the inputs of a union must have the same fields, not {} and {}",
                bare(&a.name),
                bare(&b.name)
            );
            return Err(Diagnostic::error("schema-mismatch", text, span));
        }
        self.union(left, right, span)
    }
}
