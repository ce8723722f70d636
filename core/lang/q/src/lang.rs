//! q as a language of plans: specs become plans, and their operators expressions.

mod ask;
mod checkpoint;
mod errors;
mod graph;
mod lifecycle;
mod lower;
mod program;
mod readers;
#[cfg(test)]
mod tests;
mod timers;
mod workers;
mod writers;

pub use lower::{lower, publishes};
pub use workers::{together, workers_max};

use crate::error::QError;
use crate::qsp::batch::{close, deliver};
use crate::qsp::run::Runner;
use crate::qsp::{Output, Pipeline};
use crate::session::{Host, Options, Session};
use errors::Errors;
use formats::k::K;
use lifecycle::Life;
use plan::env::Log;
use plan::{
    Batch, Class, Code, Component, Data, Diagnostic, Expr, Fault, Form, Language, OperatorError,
    Services, Span,
};
use program::{OutputOf, Program};
use std::cell::RefCell;
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

    fn worker(&self) -> (usize, usize) {
        self.0.worker()
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
        let bells = Rc::clone(&services);
        session.qsp.ring = Some(Box::new(move |name| bells.bell(name).ring()));
        let mut pipeline = Pipeline::default();
        if let Some(code) = prelude.filter(|code| code.lang == NAME) {
            session.load_script(&code.text).map_err(|e| vec![diagnostic(&e)])?;
            pipeline = session.pipeline().map_err(|e| vec![diagnostic(&e)])?;
        }
        for warning in &pipeline.warnings {
            services.log(Log::Warn, warning, &[]);
        }
        lifecycle::set_up(&mut session).map_err(|e| {
            // As errors of other handlers: by its name.
            vec![Diagnostic::error("q", format!("onSetup: '{e}"), Span::default())]
        })?;
        session.qsp.calls.live = true;
        let shared = Shared {
            session: RefCell::new(session),
            errors: Errors::new(Rc::clone(&services)),
            services,
            pipeline,
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
    life: Life,
}

struct Environment(Rc<Shared>);

/// The slot of the program of a spec; below are the numbers of its readers.
const PROGRAM: u32 = 1 << 16;
/// The slot of what the first writer gets; the others follow.
const OUTPUTS: u32 = PROGRAM + 1;

impl plan::Session for Environment {
    fn compile(&self, code: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        let fail = |text: &str| vec![Diagnostic::error("q", text, Span::default())];
        let Some(slot) = code.slot else {
            return Err(fail("q code in a plan refers to a function of the plan's spec"));
        };
        if slot == PROGRAM {
            return Ok(Box::new(Program::new(Rc::clone(&self.0))?));
        }
        if let Some(writer) = slot.checked_sub(OUTPUTS) {
            return Ok(Box::new(OutputOf(writer as usize)));
        }
        let node = self.0.pipeline.nodes.iter().find(|n| n.id == slot as usize);
        let node = node.cloned().ok_or_else(|| fail("the spec has no such operator"))?;
        if readers::is_endless(&node) {
            return Ok(Box::new(Nothing));
        }
        let runner = Runner::new(node).map_err(|e| vec![diagnostic(&e)])?;
        Ok(Box::new(Reader { shared: Rc::clone(&self.0), runner }))
    }

    fn ask(&self, question: &K) -> Option<Result<K, String>> {
        let Ok(mut session) = self.0.session.try_borrow_mut() else {
            return Some(Err(busy().0));
        };
        Some(ask::answer(&mut session, question).map_err(|error| error.text.clone()))
    }

    fn refused(&self, sink: &Component, data: &Data, fault: &Fault) -> Result<(), OperatorError> {
        self.0.refused(&sink.label, data, &fault.text)
    }
}

/// A reader whose data comes from an expression of the spec.
struct Reader {
    shared: Rc<Shared>,
    runner: Runner,
}

/// A reader to which nothing comes, because the spec tears its pipeline down itself.
struct Nothing;

impl Expr for Nothing {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn map(&mut self, batch: Batch, _: &mut Vec<Batch>) -> Result<(), OperatorError> {
        batch.ok();
        Ok(())
    }
}

fn busy() -> OperatorError {
    OperatorError::new("the session of the spec is in use")
}

impl Expr for Reader {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn map(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.shared.start()?;
        let mut pieces = Output::new();
        let done = {
            let mut session = self.shared.session.try_borrow_mut().map_err(|_| busy())?;
            self.runner.batch_at(&mut session, 0, K::Null, K::Null, &mut pieces)
        };
        if let Err(error) = done {
            // No batch is at fault when a reader cannot even begin.
            self.shared.services.failed();
            return Err(errors::fatal(&self.runner.node.name, &error));
        }
        let pieces = pieces.into_iter().map(|(m, k)| close(m, k)).collect();
        deliver(batch, pieces, out);
        Ok(())
    }
}
