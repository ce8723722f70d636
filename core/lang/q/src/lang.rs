//! q as a language of plans: specs become plans, and their operators expressions.

mod errors;
mod lifecycle;
#[cfg(test)]
mod lifecycle_tests;
mod lower;
mod readers;
#[cfg(test)]
mod tests;
mod writers;

pub use lower::lower;

use crate::error::QError;
use crate::qsp::batch::{bytes, close, deliver, lines, open};
use crate::qsp::run::Runner;
use crate::qsp::{Kind, Merge, Output, Pipeline, stage};
use crate::session::{Host, Options, Session};
use errors::Errors;
use formats::k::K;
use lifecycle::Life;
use plan::env::Log;
use plan::{
    Batch, Class, Code, Data, Diagnostic, Expr, Form, Language, OperatorError, Services, Span,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Name under which plans refer to the language.
pub const NAME: &str = "q";

/// The language.
pub struct Q;

/// The language, for registries.
pub static LANGUAGE: Q = Q;

/// Clock and chance of a shard.
struct Shard(Rc<dyn Services>);

impl Host for Shard {
    fn now(&mut self) -> i64 {
        i64::try_from(self.0.wall_ns()).unwrap_or(i64::MAX)
    }

    fn random(&mut self) -> u64 {
        self.0.random()
    }
}

impl Language for Q {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(
        &self,
        prelude: Option<&Code>,
        services: Rc<dyn Services>,
    ) -> Result<Box<dyn plan::Session>, Vec<Diagnostic>> {
        let log = Rc::clone(&services);
        let options = Options {
            host: Box::new(Shard(Rc::clone(&services))),
            printer: Some(Box::new(move |text| log.log(Log::Info, text.trim_end(), &[]))),
            ..Options::default()
        };
        let mut session = Session::new(options);
        let mut pipeline = Pipeline::default();
        if let Some(code) = prelude.filter(|code| code.lang == NAME) {
            session.load_script(&code.text).map_err(|e| vec![diagnostic(&e)])?;
            pipeline = session.pipeline().map_err(|e| vec![diagnostic(&e)])?;
        }
        for warning in &pipeline.warnings {
            services.log(Log::Warn, warning, &[]);
        }
        let publisher = Rc::clone(&services);
        session.qsp.publisher = Some(Box::new(move |name, value| publisher.publish(name, value)));
        lifecycle::set_up(&mut session).map_err(|e| vec![diagnostic(&e)])?;
        session.qsp.calls.live = true;
        let shared = Shared {
            session: RefCell::new(session),
            errors: Errors::new(Rc::clone(&services)),
            services,
            pipeline,
            merges: RefCell::default(),
            life: Life::default(),
        };
        Ok(Box::new(Environment(Rc::new(shared))))
    }
}

/// What an error of q is to its user.
fn diagnostic(error: &QError) -> Diagnostic {
    let span = Span { line: error.line, column: error.column, len: 1 };
    let len = error.span.map_or(1, |(start, end)| end.saturating_sub(start).max(1));
    let span = Span { len: u32::try_from(len).unwrap_or(1), ..span };
    Diagnostic::error("q", format!("'{error}"), span)
}

/// What the operators of a pipeline on a shard share.
struct Shared {
    session: RefCell<Session>,
    services: Rc<dyn Services>,
    errors: Errors,
    pipeline: Pipeline,
    merges: RefCell<HashMap<usize, Rc<RefCell<Merge>>>>,
    life: Life,
}

struct Environment(Rc<Shared>);

/// A slot is the number of an operator and, above these bits, of an input of it.
const PORT_BITS: u32 = 16;

impl plan::Session for Environment {
    fn compile(&self, code: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        let fail = |text: &str| vec![Diagnostic::error("q", text, Span::default())];
        let Some(slot) = code.slot else {
            return Err(fail("q code in a plan refers to a function of the plan's spec"));
        };
        let (id, port) = ((slot & ((1 << PORT_BITS) - 1)) as usize, slot >> PORT_BITS);
        let node = self.0.pipeline.nodes.iter().find(|n| n.id == id);
        let node = node.cloned().ok_or_else(|| fail("the spec has no such operator"))?;
        let runner = if node.op == "merge" {
            let mut merges = self.0.merges.borrow_mut();
            let merge = Rc::clone(merges.entry(id).or_default());
            Runner::side(node, merge, port as usize)
        } else if node.kind == Kind::Reader && port == lower::ENTRY {
            self.0.session.borrow_mut().qsp.calls.open(id);
            Runner::entry(node)
        } else {
            Runner::new(node).map_err(|e| vec![diagnostic(&e)])?
        };
        if !runner.is_source() {
            self.0.life.part(id);
        }
        Ok(Box::new(Operator { shared: Rc::clone(&self.0), runner, ended: false }))
    }
}

/// One operator of a spec.
struct Operator {
    shared: Rc<Shared>,
    runner: Runner,
    ended: bool,
}

impl Operator {
    fn failed(&self, error: &QError, message: Option<K>) -> Result<(), OperatorError> {
        self.shared.errors.take(&self.runner.node.name, error)?;
        self.shared.tell(&self.runner.node, error, message.unwrap_or_default())
    }

    /// Hands on what the spec called the reader with that the operator stands behind.
    fn enter(&self, out: &mut Vec<Batch>) {
        if self.runner.is_entry() {
            self.shared.called(&self.runner.node, out);
        }
    }

    /// What the operator still has, and what its handler of the end pushes.
    fn finish(&mut self, session: &mut Session, pieces: &mut Output) -> Result<(), QError> {
        let done = self.runner.finish(session, pieces);
        let node = &self.runner.node;
        if self.ended || !self.shared.life.part_ended(node.id) {
            return done;
        }
        session.qsp.calls.close(node.id);
        let Some(finished) = self.shared.pipeline.handlers.finished(&node.name) else {
            return done;
        };
        session.qsp.pushed.clear();
        let called = session.apply(finished, &[stage::handle(node), K::Null]);
        pieces.append(&mut session.qsp.pushed);
        done.and(called.map(|_| ()))
    }

    /// Hands on pieces that belong to no batch at hand: also those from before an error.
    fn flush(
        &self,
        done: Result<(), QError>,
        pieces: Output,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        out.extend(pieces.into_iter().map(|(m, k)| Batch::new(close(m, k))));
        done.or_else(|error| self.failed(&error, None))
    }
}

fn busy() -> OperatorError {
    OperatorError::new("the session of the spec is in use")
}

impl Expr for Operator {
    fn class(&self) -> Class {
        // All operators of a spec share the variables of one session.
        Class::Bound
    }

    fn map(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.shared.start()?;
        if self.runner.is_entry() {
            self.enter(out);
            out.push(batch);
            return Ok(());
        }
        let data = match std::mem::replace(&mut batch.data, Data::Value(K::Null)) {
            Data::Raw(raw) if self.runner.reads_bytes() => Data::Value(bytes(&raw.bytes)),
            data => data,
        };
        let Some((metadata, data)) = open(data) else {
            return Err(OperatorError::new("q works on values and messages only"));
        };
        let mut pieces = Output::new();
        let watched = self.shared.pipeline.handlers.error.is_some();
        let message = watched.then(|| lifecycle::message(metadata.clone(), data.clone()));
        let done = {
            let mut session = self.shared.session.try_borrow_mut().map_err(|_| busy())?;
            self.runner.batch(&mut session, metadata, data, &mut pieces)
        };
        let text = match done {
            Ok(text) => text,
            // No batch is at fault when a reader cannot even begin.
            Err(error) if self.runner.node.kind == Kind::Reader => {
                self.shared.services.failed();
                return Err(errors::fatal(&self.runner.node.name, &error));
            }
            Err(error) => {
                self.failed(&error, message)?;
                None
            }
        };
        match text {
            Some(text) if text.is_empty() => batch.ok(),
            Some(text) => out.push(batch.with_data(lines(&text))),
            None => {
                let pieces = pieces.into_iter().map(|(m, k)| close(m, k)).collect();
                deliver(batch, pieces, out);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.shared.start()?;
        self.enter(out);
        let mut pieces = Output::new();
        let done = {
            let shared = Rc::clone(&self.shared);
            let mut session = shared.session.try_borrow_mut().map_err(|_| busy())?;
            self.finish(&mut session, &mut pieces)
        };
        self.flush(done, pieces, out)?;
        if std::mem::replace(&mut self.ended, true) { Ok(()) } else { self.shared.ended() }
    }

    fn due_ns(&self) -> Option<u64> {
        if !self.ended && self.shared.is_due(&self.runner.node, self.runner.is_entry()) {
            return Some(0);
        }
        let due = i128::from(self.runner.due()?);
        let wait = due - self.shared.services.wall_ns();
        let wait = u64::try_from(wait.max(0)).unwrap_or(u64::MAX);
        Some(self.shared.services.now_ns().saturating_add(wait))
    }

    fn on_time(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.shared.start()?;
        self.enter(out);
        let now = i64::try_from(self.shared.services.wall_ns()).unwrap_or(i64::MAX);
        if self.runner.due().is_none_or(|due| due > now) {
            return Ok(());
        }
        let mut pieces = Output::new();
        let done = {
            let mut session = self.shared.session.try_borrow_mut().map_err(|_| busy())?;
            self.runner.tick(&mut session, now, &mut pieces)
        };
        self.flush(done, pieces, out)
    }
}
