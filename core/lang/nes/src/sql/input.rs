//! What stands behind FROM.

use plan::Diagnostic;

use super::ast::{Component, Input, InputKind, Join, Relation, Window, WindowKind};
use super::names::{meant, plain, shown};
use super::settings::source_of;
use crate::ast::{Attr, JoinOn, TimeWindow};
use crate::catalog::{Physical, ROOT};
use crate::lower::Lowering;
use crate::lower::join::On;
use crate::lower::stream::Stream;
use crate::schema::Schema;

/// The windows by which the two inputs of a join, or the one of an aggregation, know their time.
pub(super) fn time_windows(window: &Window) -> Result<[TimeWindow; 2], Diagnostic> {
    let WindowKind::Time { times, size_ms, slide_ms } = &window.kind else {
        let text = "this window stands in an aggregation alone";
        return Err(Diagnostic::error("unsupported", text, window.span));
    };
    let of = |time: Option<&Attr>| TimeWindow {
        time: time.map(|attr| (attr.clone(), 1)),
        size_ms: *size_ms,
        slide_ms: *slide_ms,
    };
    Ok([of(times.first()), of(times.last())])
}

impl Lowering<'_> {
    pub(super) fn relation(&mut self, relation: &Relation) -> Result<Stream, Diagnostic> {
        let mut stream = self.input(&relation.first)?;
        for join in &relation.joins {
            stream = self.joined(stream, join)?;
        }
        Ok(stream)
    }

    fn joined(&mut self, left: Stream, join: &Join) -> Result<Stream, Diagnostic> {
        self.room(join.span)?;
        let right = self.input(&join.right)?;
        let [of_left, of_right] = time_windows(&join.window)?;
        let on = JoinOn::Condition(join.on.clone());
        self.join_by(left, right, On::Condition(&on), [&of_left, &of_right])
    }

    fn input(&mut self, input: &Input) -> Result<Stream, Diagnostic> {
        self.room(input.span)?;
        let stream = match &input.kind {
            InputKind::Source(name) => {
                let name = self.logical(name)?;
                self.source(&name, input.span)?
            }
            InputKind::Query(body) => self.body(body)?,
            InputKind::Relation(relation) => self.relation(relation)?,
            InputKind::Inline(component) => self.inline(component)?,
        };
        Ok(match &input.alias {
            Some(alias) => self.rename(stream, &plain(&alias.name)),
            None => stream,
        })
    }

    /// The logical source that a name means.
    fn logical(&self, name: &Attr) -> Result<String, Diagnostic> {
        let known: Vec<&str> = self.sources().logical().map(|(name, _)| name).collect();
        let text = match meant(known.iter(), &name.name, |known| known).as_slice() {
            [one] => return Ok((**one).to_owned()),
            [] => {
                let name = shown(&name.name);
                format!("The logical source '{name}' can not be found in the SourceCatalog")
            }
            [one, other, ..] => {
                format!("the source {} may be {one} or {other}", shown(&name.name))
            }
        };
        Err(Diagnostic::error("unknown-source", text, name.span))
    }

    /// A source of this query alone, which brings its schema.
    fn inline(&mut self, component: &Component) -> Result<Stream, Diagnostic> {
        let Some(schema) = &component.settings.schema else {
            let text = "the setting SOURCE.SCHEMA is missing";
            return Err(Diagnostic::error("source", text, component.span));
        };
        let (kind, config) = source_of(component)?;
        let name = component.kind.clone();
        let physical =
            Physical { logical: name.clone(), name: name.clone(), kind, node: ROOT, config };
        let schema = Schema { fields: schema.fields.clone() };
        self.read(&name, &schema, &[&physical], component.span)
    }
}
