//! When the handlers of a spec are called while its pipeline runs, and what the functions of its
//! readers were called with on its way in.
//!
//! ```text
//! open -> onSetup        the spec was loaded
//! first turn -> onStart  the operators are there; nothing has flown yet
//! end of an operator -> its onFinish, before those behind it end
//! end of the last one, or the pipeline is dropped by force -> onTeardown
//! ```

use super::{Shared, busy};
use crate::error::{QError, Result};
use crate::qsp::Node;
use crate::qsp::batch::close;
use crate::qsp::stage::handle;
use crate::session::Session;
use formats::k::{K, Sym};
use plan::env::Log;
use plan::{Batch, OperatorError};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// How far a pipeline is in its life.
#[derive(Default)]
pub(super) struct Life {
    started: Cell<bool>,
    over: Cell<bool>,
    /// What stands for each operator and has not ended.
    parts: RefCell<HashMap<usize, usize>>,
}

impl Life {
    /// Something more stands for an operator.
    pub(super) fn part(&self, node: usize) {
        *self.parts.borrow_mut().entry(node).or_default() += 1;
    }

    /// Something that stands for an operator ends; whether nothing else does.
    pub(super) fn part_ended(&self, node: usize) -> bool {
        let mut parts = self.parts.borrow_mut();
        let left = parts.get(&node).copied().unwrap_or_default().saturating_sub(1);
        match left {
            0 => parts.remove(&node).is_some(),
            left => parts.insert(node, left).is_none(),
        }
    }

    fn is_over(&self) -> bool {
        self.parts.borrow().is_empty()
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
    /// Whether an operator has something to do at once: to see the pipeline begin, or to take what
    /// the spec called its reader with.
    pub(super) fn is_due(&self, node: &Node, is_entry: bool) -> bool {
        let handlers = &self.pipeline.handlers;
        if !self.life.started.get() && handlers.start.is_some() {
            return true;
        }
        is_entry && self.session.try_borrow().is_ok_and(|cx| cx.qsp.calls.pending(node.id))
    }

    /// The first turn of the first operator: everything has started.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn start(&self) -> std::result::Result<(), OperatorError> {
        if self.life.started.replace(true) {
            return Ok(());
        }
        let Some(start) = &self.pipeline.handlers.start else { return Ok(()) };
        self.handler("onStart", start, &[K::Null])
    }

    /// Something has ended, and what it still had is handed on.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn ended(&self) -> std::result::Result<(), OperatorError> {
        if self.life.is_over() { self.tear_down() } else { Ok(()) }
    }

    fn tear_down(&self) -> std::result::Result<(), OperatorError> {
        if self.life.over.replace(true) {
            return Ok(());
        }
        let Some(teardown) = &self.pipeline.handlers.teardown else { return Ok(()) };
        self.handler("onTeardown", teardown, &[K::Null])
    }

    /// Calls a handler; what it signals counts as an error of the pipeline.
    fn handler(&self, name: &str, f: &K, args: &[K]) -> std::result::Result<(), OperatorError> {
        let called = self.session.try_borrow_mut().map_err(|_| busy())?.apply(f, args);
        called.map_or_else(|error| self.errors.take(name, &error), |_| Ok(()))
    }

    /// Tells the handler of errors of one, and what was being worked on.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn tell(
        &self,
        node: &Node,
        error: &QError,
        message: K,
    ) -> std::result::Result<(), OperatorError> {
        let Some(f) = self.pipeline.handlers.error.as_ref().filter(|_| !error.fatal) else {
            return Ok(());
        };
        self.handler("onError", f, &[handle(node), message, K::str(&error.text)])
    }

    /// What the spec called a reader with, as batches.
    pub(super) fn called(&self, node: &Node, out: &mut Vec<Batch>) {
        if let Ok(mut session) = self.session.try_borrow_mut() {
            let values = session.qsp.calls.take(node.id);
            out.extend(values.into_iter().map(|value| Batch::new(close(K::Null, value))));
        }
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
