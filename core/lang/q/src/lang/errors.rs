//! What becomes of an error of q while a pipeline runs.
//!
//! There is one rule. An error that an operator signals over a batch, when its time has come or at
//! the end is counted, logged under the operator's name, and the pipeline lives. The batch is done
//! with: sent again it would signal again, for ever. Two things fail the pipeline, which then says
//! `operator: error`: a limit that no trap may hide (`stop`, `wsfull` and the like), and what goes
//! wrong before there is a batch, as in the expression of a reader. What a sink refuses for good is
//! done with as well: the engine counts and logs it, and the handler of errors hears of it. What it
//! cannot take just now is no error of q; that is tried again.

use crate::error::QError;
use plan::env::Log;
use plan::{OperatorError, Services};
use std::cell::Cell;
use std::rc::Rc;

/// Errors of one environment that are logged within one period; the others are counted.
pub(super) const BURST_MAX: u32 = 10;
/// The period, in nanoseconds.
pub(super) const PERIOD_NS: u64 = 1_000_000_000;

/// The errors of one environment.
pub(super) struct Errors {
    services: Rc<dyn Services>,
    began_ns: Cell<u64>,
    said: Cell<u32>,
    left_out: Cell<u64>,
}

impl Errors {
    pub(super) fn new(services: Rc<dyn Services>) -> Self {
        let began_ns = Cell::new(services.now_ns());
        Errors { services, began_ns, said: Cell::default(), left_out: Cell::default() }
    }

    /// Takes note of what an operator signalled.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn take(&self, operator: &str, error: &QError) -> Result<(), OperatorError> {
        self.services.failed();
        if error.fatal {
            return Err(fatal(operator, error));
        }
        if self.admit(self.services.now_ns()) {
            let place = format!("{}:{}", error.line, error.column);
            let mut fields = vec![("operator", operator)];
            if error.line > 0 {
                fields.push(("place", place.as_str()));
            }
            self.services.log(Log::Error, &format!("'{error}"), &fields);
        }
        Ok(())
    }

    /// Whether another error may be logged now; tells first of those that were left out.
    fn admit(&self, now_ns: u64) -> bool {
        if now_ns.saturating_sub(self.began_ns.get()) >= PERIOD_NS {
            self.began_ns.set(now_ns);
            self.said.set(0);
        }
        if self.said.get() >= BURST_MAX {
            self.left_out.set(self.left_out.get() + 1);
            return false;
        }
        self.said.set(self.said.get() + 1);
        self.tell_left_out();
        true
    }

    fn tell_left_out(&self) {
        let left_out = self.left_out.take();
        if left_out > 0 {
            let text = format!("{left_out} more errors were not logged");
            self.services.log(Log::Error, &text, &[]);
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        self.tell_left_out();
    }
}

/// What fails the pipeline, with the operator that it comes from.
pub(super) fn fatal(operator: &str, error: &QError) -> OperatorError {
    OperatorError::new(format!("{operator}: '{error}"))
}
