//! Checkpoints: what the operators of a durable pipeline remember survives the process.
//!
//! Each operator that has a state is durable on its own:
//! 1. its wrapper takes the acks off what goes in and holds them: the rows are in the state now,
//!    and the state is only in memory;
//! 2. what comes out gets acks of the wrapper's own. What a sink refuses is emitted again;
//! 3. now and then the wrapper takes a snapshot of the state and the acks that it holds. When all
//!    results that came out before are delivered, the snapshot is made durable; then those acks are
//!    resolved.
//!
//! A source thus hears that a row is delivered when it is in a state on disk and everything that
//! the state does not tell any more is delivered. Where several such operators stand behind each
//! other the acks of the later are the results of the earlier, so that no two of them need agree on
//! a moment. What a crash undoes was never acknowledged and is sent again.
//!
//! A source that begins anew at each start sends everything again; with each state stands how many
//! rows of such a source are in it, and so many are passed over ([`skip`]).

mod held;
mod operator;
mod record;
mod skip;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use plan::{NodeId, Operator, OperatorError, Plan};
use rt::storage::files::Files;
use sha2::{Digest, Sha256};

use crate::api::Key;
use crate::checkpointing::Holders;
use crate::ledger::Ledger;
use crate::parallel::{Input, Intake};
pub(crate) use held::{Held, Kept, Limits};
pub(crate) use operator::Checkpointed;
use record::{Mark, Record, mark_of};
pub(crate) use skip::Again;
use skip::Skip;

/// Where the state of one operator is kept.
pub(crate) trait Keeper {
    /// Makes it durable.
    fn save(&self, content: Vec<u8>) -> LocalBoxFuture<'static, Result<(), String>>;
}

/// What a durable operator tells the instance that it is part of.
pub(crate) trait Around {
    /// It wants to be called at another time than it wanted before.
    fn nudge(&self);

    /// It has results that are not delivered, or none any more: the end of the pipeline waits.
    fn busy(&self, busy: bool);

    /// A result is delivered, so long after what it was made of had come.
    fn delivered(&self, latency_ns: u64);
}

/// The surroundings of an operator.
pub(crate) struct Line {
    pub(crate) intake: Rc<Intake>,
    pub(crate) ledger: Ledger,
    pub(crate) holders: Holders,
}

impl Around for Line {
    fn nudge(&self) {
        self.intake.inbox.push_now(Input::Nudge);
    }

    fn busy(&self, busy: bool) {
        self.ledger.busy(busy);
    }

    fn delivered(&self, latency_ns: u64) {
        self.ledger.delivered(rt::now().0, latency_ns);
    }
}

/// Where the states of one pipeline are kept.
#[derive(Clone)]
pub(crate) struct Vault {
    files: Files,
    prefix: Arc<str>,
}

/// What the names of the files of a pipeline begin with.
pub(crate) fn prefix_of(key: &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(key.owner.as_bytes());
    hash.update([0_u8]);
    hash.update(key.id.as_bytes());
    let hash = hash.finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).chain([".".to_owned()]).collect()
}

/// The states of a pipeline as they were kept, by node.
pub(crate) type States = Arc<Vec<(NodeId, Vec<u8>)>>;

impl Vault {
    pub(crate) fn new(files: Files, key: &Key) -> Self {
        Vault { files, prefix: prefix_of(key).into() }
    }

    /// What is kept.
    ///
    /// # Errors
    /// What the system says, or a file that is damaged.
    pub(crate) async fn load(&self) -> Result<Vec<(NodeId, Vec<u8>)>, rt::storage::StorageError> {
        let mut states = Vec::new();
        for (name, content) in self.files.load(&self.prefix).await? {
            let node = name.strip_prefix(&*self.prefix).and_then(|node| node.parse().ok());
            if let Some(node) = node {
                states.push((node, content?));
            }
        }
        Ok(states)
    }

    /// Forgets everything.
    pub(crate) async fn clear(&self) {
        if let Err(error) = self.files.remove(&self.prefix).await {
            tracing::error!("A state that is not needed any more stays: {error}");
        }
    }
}

/// One file of a vault.
struct Slot {
    vault: Vault,
    node: NodeId,
}

impl Keeper for Slot {
    fn save(&self, content: Vec<u8>) -> LocalBoxFuture<'static, Result<(), String>> {
        let (vault, node) = (self.vault.clone(), self.node);
        Box::pin(async move {
            let name = format!("{}{node}", vault.prefix);
            vault.files.save(&name, content).await.map_err(|error| error.to_string())
        })
    }
}

/// What an instance of a durable pipeline is built with.
#[derive(Clone)]
pub(crate) struct Durable {
    pub(crate) vault: Vault,
    /// What it goes on from; nothing when it begins.
    pub(crate) states: States,
}

/// The durable operators of an instance that is built.
pub(crate) struct Durables {
    vault: Vault,
    nodes: BTreeMap<NodeId, (Mark, Skip)>,
    again: Again,
    limits: Limits,
}

impl Durables {
    /// Finds the operators that have a state, and restores what is kept.
    ///
    /// # Errors
    /// A state that cannot be used, with its reason. The operators are of no use then.
    pub(crate) fn new(
        key: &Key,
        plan: &Plan,
        operators: &mut [(NodeId, Box<dyn Operator>)],
        durable: &Durable,
    ) -> Result<Self, OperatorError> {
        let mut with_state = Vec::new();
        for (node, operator) in operators.iter() {
            if operator.snapshot()?.is_some() {
                with_state.push(*node);
            }
        }
        let mut nodes = BTreeMap::new();
        for node in &with_state {
            let skip = Skip::new(plan, *node, &with_state);
            nodes.insert(*node, (mark_of(key, plan, *node), skip));
        }
        for (node, content) in durable.states.iter() {
            let found = operators.iter_mut().find(|(id, _)| id == node);
            let (Some((_, operator)), Some((mark, skip))) = (found, nodes.get_mut(node)) else {
                return Err(OperatorError(format!("node {node} of the plan has no state")));
            };
            let refused = |error: OperatorError| OperatorError(format!("node {node}: {error}"));
            let Record { consumed, state } = Record::read(content, mark).map_err(refused)?;
            operator.restore(state).map_err(refused)?;
            skip.resume(consumed);
        }
        let limits = plan.checkpoint_ms.map_or_else(Limits::default, Limits::every);
        let again = nodes.iter().flat_map(|(node, (_, skip))| skip.again(plan, *node)).collect();
        Ok(Durables { vault: durable.vault.clone(), nodes, again, limits })
    }

    /// How far the states are with sources that read the same again and again.
    pub(crate) fn again(&self) -> Again {
        self.again.clone()
    }

    /// Makes an operator durable if it is one of these.
    pub(crate) fn wrap(
        &mut self,
        node: NodeId,
        operator: Box<dyn Operator>,
        around: Line,
    ) -> Box<dyn Operator> {
        let Some((mark, skip)) = self.nodes.remove(&node) else { return operator };
        around.ledger.holds_acks();
        let keeper = Slot { vault: self.vault.clone(), node };
        let holders = around.holders.clone();
        let around = Rc::new(around);
        let keeper = Box::new(keeper);
        let durable = Checkpointed::new(operator, (mark, skip), self.limits, keeper, around);
        holders.add(durable.held());
        Box::new(durable)
    }
}
