//! What becomes of a batch that a sink refuses for good.
//!
//! Sent again it would be refused again, for ever, operators with a state would count it each time,
//! and what is behind it would wait. So it is an error, and done with. The log has a line of the
//! sink's; the language that the batch came of hears of it here.

use std::rc::Rc;
use std::sync::Arc;

use plan::{Batch, Fault, NodeId, Plan, Session};

use crate::acks::Homing;
use crate::ledger::Ledger;

/// Where the refusals of one sink go.
pub(crate) struct Refusals {
    pub(crate) plan: Arc<Plan>,
    pub(crate) index: NodeId,
    pub(crate) ledger: Ledger,
    pub(crate) homing: Homing,
    /// The environment in which the prelude of the plan has run, where it has one.
    pub(crate) session: Option<Rc<dyn Session>>,
}

impl Refusals {
    pub(crate) fn take(&self, batch: Batch, fault: &Fault) {
        self.ledger.add_error();
        let told = match (&self.session, self.plan.nodes.get(self.index)) {
            (Some(session), Some(sink)) => session.refused(&sink.component, &batch.data, fault),
            _ => Ok(()),
        };
        match told {
            Ok(()) => batch.ok(),
            Err(error) => self.homing.broken(error.to_string()),
        }
    }
}
