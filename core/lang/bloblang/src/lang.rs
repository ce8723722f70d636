//! Bloblang as a language of plans.

use std::rc::Rc;
use std::sync::Arc;

use formats::value::Value;
use plan::expr::Place;
use plan::{
    Batch, Body, Class, Code, Diagnostic, Expr, Fault, Form, Language, OperatorError, Records,
    Services, Session, Span,
};

use crate::batch::Runner;
use crate::class;
use crate::error::Error;
use crate::exec::Setup;
use crate::fast::Overlay;
use crate::fields::Fields;
use crate::local::working_dir;
use crate::mapping::{Interpolated, Mapping, Outcome};
use crate::reach;
use crate::val::Val;

/// Name under which plans refer to the language.
pub const NAME: &str = "bloblang";

/// The language.
pub struct Bloblang;

/// The language, for registries.
pub static LANGUAGE: Bloblang = Bloblang;

impl Language for Bloblang {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(
        &self,
        prelude: Option<&Code>,
        services: Rc<dyn Services>,
    ) -> Result<Box<dyn Session>, Vec<Diagnostic>> {
        if prelude.is_some_and(|code| code.lang == NAME) {
            let text = "a mapping needs no prelude";
            return Err(vec![Diagnostic::error("prelude", text, Span::default())]);
        }
        let setup = Setup { services, dir: working_dir() };
        Ok(Box::new(Bloblangs { setup }))
    }
}

/// An environment of the language with these surroundings, for tools that run no engine.
#[must_use]
pub fn session(setup: Setup) -> Box<dyn Session> {
    Box::new(Bloblangs { setup })
}

struct Bloblangs {
    setup: Setup,
}

impl Session for Bloblangs {
    fn compile(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        let fail = |error: crate::ParseError| vec![error.diagnostic()];
        if form == Form::Text {
            let text = Interpolated::parse(&code.text, &self.setup).map_err(fail)?;
            let fields = Fields::of(&text.paths, |visit| text.every(visit));
            return Ok(Box::new(TextExpr { text, fields }));
        }
        let mapping = Mapping::parse(&code.text, &self.setup).map_err(fail)?;
        let class = class::of_program(&mapping.program);
        match form {
            Form::Query => {
                let program = &mapping.program;
                let fields = Fields::of(&program.paths, |visit| class::every_in(program, visit));
                Ok(Box::new(QueryExpr { mapping, class, fields }))
            }
            _ => {
                let runner = Runner::new(mapping, form == Form::Mutation);
                Ok(Box::new(MapExpr { runner, class, overlay: None }))
            }
        }
    }
}

fn fault(error: &Error) -> Fault {
    Fault::new(error.to_string())
}

fn no_messages() -> Fault {
    Fault::new("the batch holds no messages")
}

/// Room that a changed document gets at first, in bytes.
const OVERLAY_BYTES: usize = 512;

/// A mapping or mutation.
struct MapExpr {
    runner: Runner,
    class: Class,
    /// The mapping as one that changes other messages, once it does.
    overlay: Option<Overlay>,
}

impl Expr for MapExpr {
    fn class(&self) -> Class {
        self.class
    }

    fn map(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.runner.run(batch, out)
    }

    fn overlay(
        &mut self,
        from: &Batch,
        index: usize,
        onto: &mut Batch,
        target: usize,
    ) -> Result<(), Fault> {
        let from = from.as_records().ok_or_else(no_messages)?;
        let onto = onto.as_records_mut().ok_or_else(no_messages)?;
        let overlay = self.overlay.get_or_insert_with(|| Overlay::new(self.runner.mapping()));
        let mut out = Vec::with_capacity(OVERLAY_BYTES);
        if overlay.run(self.runner.mapping(), (from, index), (onto, target), &mut out) {
            let Some(record) = onto.recs.get_mut(target) else { return Ok(()) };
            record.body = Body::Own(Arc::new(out));
            return Ok(());
        }
        let mapped = self.runner.mapping().overlay(from, index, onto, target);
        if let Some(error) = mapped.error {
            return Err(fault(&error));
        }
        let Some(record) = onto.recs.get_mut(target) else { return Ok(()) };
        if let Outcome::Is(value) = mapped.outcome {
            record.body = crate::batch::body_of(value);
        }
        if let Some(meta) = mapped.meta {
            record.meta = Some(Arc::new(meta));
        }
        Ok(())
    }

    fn value(&mut self, batch: &Batch, index: usize) -> Result<Value, Fault> {
        value(self.runner.mapping(), batch, index)
    }

    fn reads(&self) -> Option<Vec<Place>> {
        Some(reach::reads(&self.runner.mapping().program))
    }

    fn writes(&self) -> Option<Vec<Place>> {
        Some(reach::writes(&self.runner.mapping().program))
    }
}

/// The value that a mapping builds for a message; null where it builds none.
fn value(mapping: &Mapping, batch: &Batch, index: usize) -> Result<Value, Fault> {
    let records = batch.as_records().ok_or_else(no_messages)?;
    let mapped = mapping.map(records, index);
    match (mapped.error, mapped.outcome) {
        (Some(error), _) => Err(fault(&error)),
        (None, Outcome::Is(value)) => Ok(value),
        (None, _) => Ok(Value::Null),
    }
}

/// A query.
struct QueryExpr {
    mapping: Mapping,
    class: Class,
    fields: Fields,
}

impl QueryExpr {
    fn holds(&mut self, records: &Records, index: usize) -> Result<bool, Fault> {
        let doc = self.fields.read(records, index);
        let mapped = self.mapping.map_with(records, index, doc);
        if let Some(error) = mapped.error {
            return Err(fault(&error));
        }
        let val = match mapped.outcome {
            Outcome::Is(value) => Val::Data(value),
            Outcome::Deleted => Val::Deleted,
            Outcome::Unchanged => Val::Nothing,
        };
        val.as_bool().map_err(|error| fault(&error.annotate(|| "mapping".into())))
    }
}

impl Expr for QueryExpr {
    fn class(&self) -> Class {
        self.class
    }

    fn test(
        &mut self,
        batch: &Batch,
        mask: &mut Vec<Result<bool, Fault>>,
    ) -> Result<(), OperatorError> {
        let records = batch.as_records();
        let records = records.ok_or_else(|| OperatorError::new(no_messages().text))?;
        mask.extend((0..records.recs.len()).map(|index| self.holds(records, index)));
        Ok(())
    }

    fn value(&mut self, batch: &Batch, index: usize) -> Result<Value, Fault> {
        value(&self.mapping, batch, index)
    }
}

/// A text with embedded queries.
struct TextExpr {
    text: Interpolated,
    fields: Fields,
}

impl Expr for TextExpr {
    fn class(&self) -> Class {
        self.text.queries().map(class::of_node).max().unwrap_or(Class::Stateless)
    }

    fn text(&mut self, batch: &Batch, index: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let records = batch.as_records().ok_or_else(no_messages)?;
        let doc = self.fields.read(records, index);
        self.text.push_with(out, records, index, doc).map_err(|error| fault(&error))
    }

    fn value(&mut self, batch: &Batch, index: usize) -> Result<Value, Fault> {
        let mut out = Vec::new();
        self.text(batch, index, &mut out)?;
        Ok(Value::text(out))
    }

    fn constant(&self) -> Option<&str> {
        self.text.constant()
    }
}
