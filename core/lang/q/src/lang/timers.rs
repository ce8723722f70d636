//! Timers of a spec while its pipeline runs.

use super::{Shared, busy};
use crate::verbs;
use plan::OperatorError;

impl Shared {
    /// When the next timer is to be called, in nanoseconds since 1970.
    pub(super) fn timer_due(&self) -> Option<i64> {
        let session = self.session.try_borrow().ok().filter(|_| !self.is_over())?;
        session.qsp.timers.due()
    }

    /// Calls the timers whose time has come; tells whether there are any. What one signals is
    /// counted as an error of the pipeline, under its name.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(super) fn call_timers(&self, now_ns: i64) -> Result<bool, OperatorError> {
        let mut session = self.session.try_borrow_mut().map_err(|_| busy())?;
        if session.qsp.timers.due().is_none_or(|due| due > now_ns) {
            return Ok(false);
        }
        let value = verbs::value("value");
        for (name, call) in session.qsp.timers.take_due(now_ns) {
            self.handler(&mut session, &name, &value, &[call])?;
        }
        Ok(true)
    }
}
