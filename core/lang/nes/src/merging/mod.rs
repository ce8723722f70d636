//! Merging: queries that do the same share what does it (spec/nes-system.md §8).
//!
//! A query that may be merged is split. What it may share runs as a *chain*: a pipeline that hands
//! on what it has at some points, its *taps*. The rest runs for the query alone and takes its rows
//! from taps. A query that comes later takes from taps that are there what it has in common with
//! others; what it may share besides becomes another chain, which takes its rows from taps, too.
//! So chains grow like trees, and each runs for as long as somebody takes rows from it. Plain
//! computation: nothing here talks to anybody.

mod classes;
mod rule;
mod split;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plan::serde_json::json;
use plan::{NodeId, Plan};
use serde::{Deserialize, Serialize};

pub use rule::Rule;
pub use split::Split;

use self::classes::{Class, Classes};

/// Name of the components by which rows get from a chain to others.
pub const FAN_OUT: &str = "fan_out";
/// What is known of classes is sorted out when so many are of no use.
const STALE_MAX: usize = 1024;

/// A point at which a chain hands on its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tap {
    /// The number of the chain.
    pub chain: u64,
    /// The node whose rows they are, as [`Chain::whole`] counts.
    pub node: NodeId,
}

impl Tap {
    /// Its name for components.
    #[must_use]
    pub fn name(self) -> String {
        format!("shared-{}-{}", self.chain, self.node)
    }
}

/// The name of a chain among those who take rows.
#[must_use]
pub fn chain_name(id: u64) -> String {
    format!("shared-{id}")
}

/// What several queries share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// Its number; no query has it.
    pub id: u64,
    /// All that leads to its taps, also what other chains do of it.
    pub whole: Plan,
    /// The nodes of `whole` that have taps here.
    pub taps: Vec<NodeId>,
    /// What runs; nobody is expected at its taps.
    pub plan: Plan,
    /// The taps it takes rows from itself.
    pub uses: BTreeSet<Tap>,
    /// By which rule its nodes are compared.
    pub by_signature: bool,
    /// How many chains are between it and the sources, at most.
    pub depth: u32,
}

impl Chain {
    /// What runs, where these are waited for at its taps before anything is handed on.
    fn expecting(&self, members: &BTreeMap<String, BTreeSet<Tap>>) -> Plan {
        let mut plan = self.plan.clone();
        for node in plan.nodes.iter_mut().filter(|node| node.component.name == FAN_OUT) {
            let name = node.component.config["name"].as_str().unwrap_or_default().to_owned();
            let here = members.iter().filter(|(_, taps)| taps.iter().any(|tap| tap.name() == name));
            let here: Vec<&String> = here.map(|(who, _)| who).collect();
            if node.role != plan::Role::Source {
                node.component.config["expects"] = json!(here);
            }
        }
        plan
    }
}

/// What is to be done about a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Others take rows from it than before.
    Members(u64),
    /// Nobody takes rows from it any more: it ends.
    Ends(u64),
}

/// All chains, and who takes rows from them.
#[derive(Clone, Debug, Default)]
pub struct Merger {
    chains: BTreeMap<u64, Chain>,
    /// By the name of who takes rows: from which taps.
    members: BTreeMap<String, BTreeSet<Tap>>,
    classes: Classes,
    taps: HashMap<Class, Tap>,
}

impl Merger {
    /// A chain is there from now on.
    pub fn add(&mut self, chain: Chain) {
        self.learn(&chain);
        if !chain.uses.is_empty() {
            self.join(&chain_name(chain.id), chain.uses.clone());
        }
        self.chains.insert(chain.id, chain);
    }

    fn learn(&mut self, chain: &Chain) {
        let classes = self.classes.learn(&chain.whole, chain.by_signature);
        for node in &chain.taps {
            let Some(class) = classes.get(*node) else { continue };
            self.taps.entry(*class).or_insert(Tap { chain: chain.id, node: *node });
        }
    }

    /// Somebody takes rows from these taps from now on.
    pub fn join(&mut self, who: &str, taps: BTreeSet<Tap>) {
        self.members.insert(who.to_owned(), taps);
    }

    /// Somebody takes no more rows. What is to be done then: chains are ended, those first which
    /// take their rows from others that end.
    pub fn leave(&mut self, who: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut gone = vec![who.to_owned()];
        while let Some(who) = gone.pop() {
            let Some(taps) = self.members.remove(&who) else { continue };
            let chains: BTreeSet<u64> = taps.iter().map(|tap| tap.chain).collect();
            for id in chains {
                if self.has_members(id) {
                    changes.push(Change::Members(id));
                } else if self.forget(id).is_some() {
                    changes.push(Change::Ends(id));
                    gone.push(chain_name(id));
                }
            }
        }
        changes
    }

    /// Ends the chains from which nobody takes rows.
    pub fn sweep(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            let unused = self.chains.keys().find(|id| !self.has_members(**id)).copied();
            let Some(id) = unused else { return changes };
            self.forget(id);
            changes.push(Change::Ends(id));
            changes.extend(self.leave(&chain_name(id)));
        }
    }

    fn has_members(&self, id: u64) -> bool {
        self.members.values().flatten().any(|tap| tap.chain == id)
    }

    fn forget(&mut self, id: u64) -> Option<Chain> {
        let chain = self.chains.remove(&id)?;
        self.taps.retain(|_, tap| tap.chain != id);
        let used: usize = self.chains.values().map(|chain| chain.whole.nodes.len()).sum();
        if self.chains.is_empty() || self.classes.len() > used + STALE_MAX {
            self.classes = Classes::default();
            self.taps.clear();
            for chain in self.chains.clone().into_values() {
                self.learn(&chain);
            }
        }
        Some(chain)
    }

    /// Lets nobody join a chain any more: it has ended by itself, or failed.
    pub fn close(&mut self, id: u64) {
        self.taps.retain(|_, tap| tap.chain != id);
    }

    /// A chain.
    #[must_use]
    pub fn chain(&self, id: u64) -> Option<&Chain> {
        self.chains.get(&id)
    }

    /// All chains.
    pub fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.chains.values()
    }

    /// Whether there is no chain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// What a chain is to run, with those who take rows from it now.
    #[must_use]
    pub fn plan(&self, id: u64) -> Option<Plan> {
        Some(self.chains.get(&id)?.expecting(&self.members))
    }

    /// The taps from which somebody takes rows.
    #[must_use]
    pub fn taps(&self, who: &str) -> Option<&BTreeSet<Tap>> {
        self.members.get(who)
    }

    /// The chains that work for somebody, the nearest first.
    #[must_use]
    pub fn ways(&self, who: &str) -> Vec<u64> {
        let mut ways: Vec<u64> = Vec::new();
        let mut todo = vec![who.to_owned()];
        while let Some(who) = todo.pop() {
            for tap in self.members.get(&who).into_iter().flatten() {
                if !ways.contains(&tap.chain) {
                    ways.push(tap.chain);
                    todo.push(chain_name(tap.chain));
                }
            }
        }
        ways
    }
}
