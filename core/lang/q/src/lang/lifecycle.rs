//! When the handlers of a spec are called while its pipeline runs.
//!
//! ```text
//! open -> onSetup        the spec was loaded
//! a state -> onRecover   what onCheckpoint gave when the state was written
//! first turn -> onStart  the operators are there; nothing has flown yet
//! end of an operator -> its onFinish, before those behind it end
//! end of the last reader, or the pipeline is dropped by force -> onTeardown
//! ```
//!
//! A process that ends while its pipeline goes on in the next one is no end of the pipeline.

use super::{Shared, busy};
use crate::error::{QError, Result};
use crate::qsp::batch::open;
use crate::qsp::stage::handle;
use crate::qsp::{Kind, Node};
use crate::session::Session;
use formats::k::{K, Sym};
use plan::env::Log;
use plan::{Data, OperatorError};
use std::cell::Cell;

/// How far a pipeline is in its life.
#[derive(Default)]
pub(super) struct Life {
    recovered: Cell<bool>,
    started: Cell<bool>,
    over: Cell<bool>,
}

impl Life {
    /// Whether there is something that a state could tell of. Before that somebody only looks
    /// whether there are states at all.
    fn is_begun(&self) -> bool {
        self.recovered.get() || self.started.get() || self.over.get()
    }
}

/// Calls what is called before anything has started.
///
/// # Errors
/// What it signals.
pub(super) fn set_up(session: &mut Session) -> Result<()> {
    let setup = session.qsp.handlers.setup.clone();
    setup.map_or(Ok(()), |setup| session.apply(&setup, &[K::Null]).map(|_| ()))
}

/// What an operator was working on.
pub(super) fn message(metadata: K, data: K) -> K {
    let names = ["metadata", "data"].map(Sym::new).to_vec();
    K::dict(K::syms(names), K::list(vec![metadata, data]))
}

impl Shared {
    /// Whether the program has something to do at once: to see the pipeline begin, or to take what
    /// the spec has called its readers with.
    pub(super) fn is_due(&self) -> bool {
        if self.life.over.get() {
            return false;
        }
        let begins = !self.life.started.get() && self.pipeline.handlers.start.is_some();
        begins || self.session.try_borrow().is_ok_and(|cx| cx.qsp.calls.due())
    }

    /// Whether it has started, and nothing has to be done before the next data.
    pub(super) fn is_going_on(&self) -> bool {
        self.life.started.get() && !self.life.over.get() && !self.is_due()
    }

    /// The first turn: everything has started.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn start(&self) -> std::result::Result<(), OperatorError> {
        if self.life.started.replace(true) {
            return Ok(());
        }
        let Some(start) = &self.pipeline.handlers.start else { return Ok(()) };
        let mut session = self.session.try_borrow_mut().map_err(|_| busy())?;
        self.handler(&mut session, "onStart", start, &[K::Null]).map(|_| ())
    }

    /// The process ends, and the pipeline goes on in the next one.
    pub(super) fn suspend(&self) {
        self.life.over.set(true);
    }

    /// Everything has ended.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn tear_down(&self) -> std::result::Result<(), OperatorError> {
        if self.life.over.replace(true) {
            return Ok(());
        }
        let Some(teardown) = &self.pipeline.handlers.teardown else { return Ok(()) };
        let mut session = self.session.try_borrow_mut().map_err(|_| busy())?;
        self.handler(&mut session, "onTeardown", teardown, &[K::Null]).map(|_| ())
    }

    /// Whether the pipeline has ended.
    pub(super) fn is_over(&self) -> bool {
        self.life.over.get()
    }

    /// Calls a handler; what it signals counts as an error of the pipeline, and it gives nothing.
    pub(super) fn handler(
        &self,
        session: &mut Session,
        name: &str,
        f: &K,
        args: &[K],
    ) -> std::result::Result<Option<K>, OperatorError> {
        let called = session.apply(f, args);
        // There is no operator behind it.
        session.qsp.pushed.clear();
        match called {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.errors.take(name, &error).map(|()| None),
        }
    }

    /// Takes note of what an operator has signalled, and tells the handler of errors of it and of
    /// what was being worked on.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn failed(
        &self,
        session: &mut Session,
        node: &Node,
        error: &QError,
        message: Option<K>,
    ) -> std::result::Result<(), OperatorError> {
        self.errors.take(&node.name, error)?;
        self.tell(session, node, message.unwrap_or_default(), &error.text)
    }

    /// Tells the handler of errors what a writer could not deliver and never will. It is counted
    /// and logged already.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn refused(
        &self,
        writer: &str,
        data: &Data,
        error: &str,
    ) -> std::result::Result<(), OperatorError> {
        let writes = |node: &&Node| node.kind == Kind::Writer && node.name == writer;
        let Some(node) = self.pipeline.nodes.iter().find(writes) else { return Ok(()) };
        let mut session = self.session.try_borrow_mut().map_err(|_| busy())?;
        let (metadata, data) = open(data.clone()).unwrap_or_default();
        self.tell(&mut session, node, message(metadata, data), error)
    }

    /// Calls the handler of errors: with the error, whose it is, and what was being worked on.
    fn tell(
        &self,
        session: &mut Session,
        node: &Node,
        message: K,
        error: &str,
    ) -> std::result::Result<(), OperatorError> {
        let Some(f) = &self.pipeline.handlers.error else { return Ok(()) };
        let args = [K::str(error), handle(node), message];
        self.handler(session, "onError", f, &args).map(|_| ())
    }

    /// What the spec itself wants to be kept with a state.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn to_keep(
        &self,
        session: &mut Session,
    ) -> std::result::Result<Option<K>, OperatorError> {
        let f = self.pipeline.handlers.checkpoint.as_ref().filter(|_| self.life.is_begun());
        let Some(f) = f else { return Ok(None) };
        self.handler(session, "onCheckpoint", f, &[K::Null])
    }

    /// The pipeline goes on from a state, with what was kept in it.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn recover(
        &self,
        session: &mut Session,
        kept: Option<K>,
    ) -> std::result::Result<(), OperatorError> {
        self.life.recovered.set(true);
        let Some(f) = &self.pipeline.handlers.recover else { return Ok(()) };
        self.handler(session, "onRecover", f, &[kept.unwrap_or_default()]).map(|_| ())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A pipeline that was only looked at has no life to end.
        if self.life.started.get() && self.tear_down().is_err() {
            self.services.log(Log::Error, "the handler of the teardown failed", &[]);
        }
    }
}
