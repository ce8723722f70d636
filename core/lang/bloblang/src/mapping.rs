//! Parsed mappings and interpolated texts, run on single messages.

use std::rc::Rc;

use formats::json::Paths;
use formats::value::Value;
use plan::{Meta, Records, Services};

use crate::class;
use crate::error::Error;
use crate::exec::{Ctx, Doc, Exec, MetaOut, Root, Setup};
use crate::fields;
use crate::growth::weigh;
use crate::node::Node;
use crate::parse::{self, Options, ParseError, Piece};
use crate::program::Program;
use crate::text;
use crate::val::Val;

/// What a mapping makes of a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Its content stays as it is, byte by byte.
    Unchanged,
    /// It is filtered.
    Deleted,
    /// Its new content.
    Is(Value),
}

/// The result of a mapping.
#[derive(Debug)]
pub struct Mapped {
    /// The content.
    pub outcome: Outcome,
    /// The metadata, when it was written.
    pub meta: Option<Meta>,
    /// Why the mapping failed.
    pub error: Option<Error>,
    /// Whether what was changed before the failure stays, as it does in a mutation.
    pub keep: bool,
}

/// A parsed mapping.
pub struct Mapping {
    pub(crate) program: Program,
    services: Rc<dyn Services>,
}

impl Setup {
    pub(crate) fn options(&self) -> Options {
        Options { setup: self.clone(), imports: true, pure_only: false, import_depth: 0 }
    }
}

impl Mapping {
    /// Parses a mapping.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str, setup: &Setup) -> Result<Mapping, ParseError> {
        let program = parse::program(text, &setup.options())?;
        Ok(Mapping { program, services: Rc::clone(&setup.services) })
    }

    /// Runs the mapping on message `index`: a new document is built, the message is not changed.
    pub fn map(&self, records: &Records, index: usize) -> Mapped {
        let mut ex = Exec::new(records, index, &self.services);
        ex.root = Root::Is(Val::Nothing);
        let error = self.program.run(&mut ex).err();
        result(ex, error, false, false)
    }

    /// The same as [`Mapping::map`] with something else than the document as `this`.
    pub(crate) fn map_as(&self, this: &Val, records: &Records, index: usize) -> Mapped {
        let mut ex = Exec::new(records, index, &self.services);
        ex.root = Root::Is(Val::Nothing);
        let error = self.program.run_on(this, &mut ex).err();
        result(ex, error, false, false)
    }

    /// The same as [`Mapping::map`] with the document of the message.
    pub(crate) fn map_with(&self, records: &Records, index: usize, doc: Doc<'_>) -> Mapped {
        let mut ex = Exec::new(records, index, &self.services);
        ex.root = Root::Is(Val::Nothing);
        ex.doc = doc;
        let error = self.program.run(&mut ex).err();
        result(ex, error, false, false)
    }

    pub(crate) fn services(&self) -> &Rc<dyn Services> {
        &self.services
    }

    /// Runs the mapping on message `index` of `from`, with the document and metadata of message
    /// `target` of `onto` as those being built.
    pub fn overlay(&self, from: &Records, index: usize, onto: &Records, target: usize) -> Mapped {
        let mut other = Exec::new(onto, target, &self.services);
        // It is taken, not shared: what is shared is copied by the first assignment.
        let root = match other.document().is_ok() {
            true => other.take_document(),
            false => None,
        };
        let mut ex = Exec::new(from, index, &self.services);
        let parsed = root.is_some();
        ex.root = Root::Is(root.map_or(Val::Nothing, Val::Data));
        let meta = onto.recs.get(target).and_then(|record| record.meta.as_deref());
        ex.meta = MetaOut::Own(meta.cloned().unwrap_or_default());
        let error = self.program.run(&mut ex).err();
        result(ex, error, parsed, false)
    }

    /// Runs the mapping as a mutation of message `index`: the document being built is the
    /// message's own.
    pub fn mutate(&self, records: &Records, index: usize) -> Mapped {
        let mut ex = Exec::new(records, index, &self.services);
        ex.root = Root::Is(Val::Nothing);
        let parsed = ex.document().is_ok();
        if parsed && let Doc::Is(value) = std::mem::replace(&mut ex.doc, Doc::Root) {
            ex.root = Root::Is(Val::Data(value));
        }
        let error = self.program.run(&mut ex).err();
        result(ex, error, parsed, true)
    }
}

/// Takes the result out of an execution. `parsed` says that the document counts as written even
/// when nothing was assigned.
fn result(ex: Exec<'_>, error: Option<Error>, parsed: bool, keep: bool) -> Mapped {
    let meta = match ex.meta {
        MetaOut::Own(meta) => Some(meta),
        _ => None,
    };
    let outcome = match ex.root {
        Root::Is(Val::Deleted) => Outcome::Deleted,
        Root::Is(val) if ex.touched || parsed => match val.into_value() {
            Some(value) => Outcome::Is(value),
            None => Outcome::Unchanged,
        },
        _ => Outcome::Unchanged,
    };
    Mapped { outcome, meta, error, keep }
}

/// The result of a query that is to be written.
fn weighed(query: &Node, ex: &mut Exec<'_>) -> Result<Val, Error> {
    let val = query.eval(&mut Ctx::new(ex))?;
    weigh(&val)?;
    Ok(val)
}

/// A text with embedded queries.
pub struct Interpolated {
    pieces: Vec<Piece>,
    /// The paths that its queries have in the document.
    pub(crate) paths: Paths,
    services: Rc<dyn Services>,
}

impl Interpolated {
    /// Parses an interpolated text.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str, setup: &Setup) -> Result<Interpolated, ParseError> {
        let pieces = parse::interpolation(text, &setup.options())?;
        let services = Rc::clone(&setup.services);
        let text = Interpolated { pieces, paths: Paths::new(), services };
        let paths = fields::numbered(|visit| text.every(visit));
        Ok(Interpolated { paths, ..text })
    }

    /// The text, when no query is in it.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the text for message `index`.
    ///
    /// # Errors
    /// Those of the queries; `out` is as before then.
    pub fn push(&self, out: &mut Vec<u8>, records: &Records, index: usize) -> Result<(), Error> {
        self.push_with(out, records, index, Doc::Unread)
    }

    /// The same with the document of the message.
    pub(crate) fn push_with(
        &self,
        out: &mut Vec<u8>,
        records: &Records,
        index: usize,
        doc: Doc<'_>,
    ) -> Result<(), Error> {
        let before = out.len();
        let mut ex = Exec::new(records, index, &self.services);
        ex.doc = doc;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Query(query) => match weighed(query, &mut ex) {
                    Ok(val) => text::push(out, &val),
                    Err(error) => {
                        out.truncate(before);
                        return Err(error);
                    }
                },
            }
        }
        Ok(())
    }

    /// Calls `visit` with every expression.
    pub(crate) fn every<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        self.queries().for_each(|query| class::every(query, visit));
    }

    /// The queries.
    pub(crate) fn queries(&self) -> impl Iterator<Item = &Node> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Query(node) => Some(node),
            Piece::Text(_) => None,
        })
    }
}
