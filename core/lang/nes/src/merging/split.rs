//! What of a query is shared, and what is its own.

use std::collections::{BTreeMap, BTreeSet};

use plan::serde_json::json;
use plan::{Component, Json, NodeId, Plan, Role};

use super::{Chain, FAN_OUT, Merger, Rule, Tap, chain_name};
use crate::lower::Lowered;

/// Operators whose results do not depend on when they began, or, as those of windows, only at the
/// beginning. Functions of users and limits are not among them.
const SHARED: [&str; 9] = [
    "decode_csv",
    "decode_ndjson",
    "filter_rows",
    "join",
    "map_column",
    "project",
    "threshold_window",
    "union",
    "window",
];

/// A query that is split.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What the query runs alone.
    pub rest: Plan,
    /// The taps from which it takes rows.
    pub uses: BTreeSet<Tap>,
    /// A chain that there has to be for it; none where it shares those that are there.
    pub chain: Option<Chain>,
}

/// Whether rows come as they are made: whoever begins to read in the middle misses nothing that it
/// would have seen alone.
fn is_live(source: &Component) -> bool {
    match source.name.as_str() {
        "socket" | "mqtt" => true,
        "repeat" => source.config.get("count").and_then(Json::as_u64).unwrap_or(0) == 0,
        _ => false,
    }
}

/// A plan while it is split.
struct Cut<'a> {
    plan: &'a Plan,
    /// Nodes that may be shared.
    shared: Vec<bool>,
    /// Nodes that may be shared and whose rows others need.
    last: BTreeSet<NodeId>,
    /// Nodes at which a step of the query ends.
    ends: BTreeSet<NodeId>,
    /// The taps that there are for nodes.
    taps: BTreeMap<NodeId, Tap>,
    /// How many chains are between those and the sources.
    depth: u32,
}

/// Milliseconds for which a chain may deliver nothing while others wait for it, at least: those who
/// take rows from it must deliver something within that time.
const RELAY_HOLD_MS: u64 = 60_000;

/// The same for a chain behind one of so many others: the nearer to the sources, the longer, so
/// that those which are behind notice first who holds all up.
fn relay_hold_ms(depth: u32) -> u64 {
    RELAY_HOLD_MS + (RELAY_HOLD_MS >> depth.min(15))
}

impl Merger {
    /// Splits a query that runs as `who`; `id` is for the chain that it may need. None where
    /// nothing of it can be shared.
    #[must_use]
    pub fn split(&self, rule: Rule, id: u64, who: &str, query: &Lowered) -> Option<Split> {
        let plan = if rule.partial { &query.wide } else { &query.complete };
        let own: BTreeSet<NodeId> = query.own_nodes().collect();
        let mut cut = Cut::new(plan, &own);
        cut.ends = ends(query);
        let all = |id: NodeId| own.contains(&id) || cut.shared.get(id) == Some(&true);
        if cut.last.is_empty() || (!rule.partial && !(0..plan.nodes.len()).all(all)) {
            return None;
        }
        let classes = self.classes.of(plan, rule.by_signature);
        let tap = |id: &NodeId| {
            let class = classes.get(*id).copied().flatten()?;
            Some((*id, *self.taps.get(&class)?))
        };
        let candidates: BTreeSet<NodeId> = match rule.partial {
            true => (0..plan.nodes.len()).collect(),
            false => cut.last.clone(),
        };
        cut.taps = candidates.iter().filter(|id| cut.is_shared(**id)).filter_map(tap).collect();
        if !rule.partial && cut.taps.len() < cut.last.len() {
            cut.taps.clear();
        }
        let depth = |tap: &Tap| self.chain(tap.chain).map_or(0, |chain| chain.depth + 1);
        cut.depth = cut.taps.values().map(depth).max().unwrap_or(0);
        Some(cut.split(rule, id, who))
    }
}

/// The nodes whose rows a step of the query hands on.
fn ends(query: &Lowered) -> BTreeSet<NodeId> {
    let mut ends = BTreeSet::new();
    for step in &query.steps {
        let inner = |id: &NodeId| {
            let mut users = step.nodes.iter().filter_map(|user| query.plan.nodes.get(*user));
            users.any(|user| user.inputs.contains(id))
        };
        ends.extend(step.nodes.iter().copied().filter(|id| !inner(id)));
    }
    ends
}

impl<'a> Cut<'a> {
    fn new(plan: &'a Plan, own: &BTreeSet<NodeId>) -> Self {
        let mut shared: Vec<bool> = Vec::with_capacity(plan.nodes.len());
        let mut last = BTreeSet::new();
        for (id, node) in plan.nodes.iter().enumerate() {
            let name = node.component.name.as_str();
            let fits = match node.role {
                Role::Source => is_live(&node.component),
                Role::Operator => SHARED.contains(&name),
                Role::Sink => false,
            };
            let inputs =
                |shared: &[bool]| node.inputs.iter().all(|i| shared.get(*i) == Some(&true));
            let fits = fits && !own.contains(&id) && inputs(&shared);
            if !fits {
                last.extend(node.inputs.iter().filter(|i| shared.get(**i) == Some(&true)));
            }
            shared.push(fits);
        }
        // Bytes that nobody has read yet are nothing to share: a decoder knows where they begin.
        last.retain(|id: &NodeId| plan.nodes.get(*id).is_some_and(|n| n.role != Role::Source));
        Cut { plan, shared, last, ends: BTreeSet::new(), taps: BTreeMap::new(), depth: 0 }
    }

    fn is_shared(&self, id: NodeId) -> bool {
        self.shared.get(id) == Some(&true)
    }

    /// Nodes that must run in a chain of their own: what leads to the last ones and has no tap.
    fn missing(&self) -> BTreeSet<NodeId> {
        let mut missing = BTreeSet::new();
        let mut todo: Vec<NodeId> = self.last.iter().copied().collect();
        while let Some(id) = todo.pop() {
            if !self.taps.contains_key(&id) && missing.insert(id) {
                todo.extend(self.plan.nodes.get(id).into_iter().flat_map(|node| &node.inputs));
            }
        }
        missing
    }

    fn split(&self, rule: Rule, id: u64, who: &str) -> Split {
        let missing = self.missing();
        let (chain, new) = match missing.is_empty() {
            true => (None, BTreeMap::new()),
            false => {
                let (chain, taps) = self.chain(rule, id, &missing);
                (Some(chain), taps)
            }
        };
        let taps: BTreeMap<NodeId, Tap> =
            self.taps.iter().chain(&new).map(|(id, tap)| (*id, *tap)).collect();
        let mut made = Made::new(who, false);
        for (id, node) in self.plan.nodes.iter().enumerate() {
            if self.last.contains(&id) {
                made.take(id, taps.get(&id));
            } else if !self.is_shared(id) || self.reads_alone(id) {
                made.copy(id, node);
            }
        }
        let Made { plan, uses, .. } = made;
        let rest = Plan { nodes: plan.nodes, metrics: Vec::new(), ..self.plan.clone() };
        Split { rest, uses, chain }
    }

    /// Whether a source is not shared, because only what others do not share needs it.
    fn reads_alone(&self, id: NodeId) -> bool {
        let mut users = self.plan.targets(id).map(|(user, _)| user);
        self.plan.nodes.get(id).is_some_and(|node| node.role == Role::Source)
            && users.any(|user| !self.is_shared(user))
    }

    /// The chain of the missing nodes, and where its taps are in the plan.
    fn chain(
        &self,
        rule: Rule,
        id: u64,
        missing: &BTreeSet<NodeId>,
    ) -> (Chain, BTreeMap<NodeId, Tap>) {
        let (whole, places) = self.whole(missing);
        let name = chain_name(id);
        let mut made = Made::new(&name, true);
        let mut taps = BTreeMap::new();
        for (node_id, node) in self.plan.nodes.iter().enumerate() {
            if !missing.contains(&node_id) {
                let needed = |user: &NodeId| self.inputs(*user).contains(&node_id);
                if self.taps.contains_key(&node_id) && missing.iter().any(needed) {
                    made.take(node_id, self.taps.get(&node_id));
                }
                continue;
            }
            made.copy(node_id, node);
            let inner = rule.partial && self.ends.contains(&node_id) && node.role != Role::Source;
            if let Some(at) = places.get(&node_id).filter(|_| self.last.contains(&node_id) || inner)
            {
                let tap = Tap { chain: id, node: *at };
                taps.insert(node_id, tap);
                made.tap(node_id, tap, self.depth);
            }
        }
        let Made { plan, uses, .. } = made;
        let chain = Chain {
            id,
            whole,
            taps: taps.values().map(|tap| tap.node).collect(),
            plan: Plan { nodes: plan.nodes, metrics: Vec::new(), ..self.plan.clone() },
            uses,
            by_signature: rule.by_signature,
            depth: self.depth,
        };
        (chain, taps)
    }

    fn inputs(&self, id: NodeId) -> &[NodeId] {
        self.plan.nodes.get(id).map_or(&[], |node| &node.inputs)
    }

    /// All that leads to some nodes, and where each node of the plan is in it.
    fn whole(&self, of: &BTreeSet<NodeId>) -> (Plan, BTreeMap<NodeId, NodeId>) {
        let mut needed = of.clone();
        for id in (0..self.plan.nodes.len()).rev() {
            if needed.contains(&id) {
                needed.extend(self.inputs(id));
            }
        }
        let mut made = Made::new("", false);
        for id in needed {
            if let Some(node) = self.plan.nodes.get(id) {
                made.copy(id, node);
            }
        }
        (Plan { nodes: made.plan.nodes, ..Plan::default() }, made.places)
    }
}

/// A plan that is made of parts of another.
struct Made<'a> {
    who: &'a str,
    /// Whether it is a chain.
    relays: bool,
    plan: Plan,
    /// Where it has what a node of the other one produces.
    places: BTreeMap<NodeId, NodeId>,
    uses: BTreeSet<Tap>,
}

impl<'a> Made<'a> {
    fn new(who: &'a str, relays: bool) -> Self {
        let (plan, places, uses) = (Plan::default(), BTreeMap::new(), BTreeSet::new());
        Made { who, relays, plan, places, uses }
    }

    fn copy(&mut self, id: NodeId, node: &plan::Node) {
        let inputs = node.inputs.iter().filter_map(|input| self.places.get(input).copied());
        let inputs = inputs.collect();
        self.places.insert(id, self.plan.add(node.role, node.component.clone(), inputs));
    }

    /// Takes the rows of a node from a tap.
    fn take(&mut self, id: NodeId, tap: Option<&Tap>) {
        let Some(tap) = tap else { return };
        let mut config = json!({"name": tap.name(), "who": self.who});
        if self.relays {
            config["relays"] = json!(true);
        }
        // The path is how its state is found again among others.
        let component = Component { path: FAN_OUT.to_owned(), ..Component::new(FAN_OUT, config) };
        self.places.insert(id, self.plan.add(Role::Source, component, Vec::new()));
        self.uses.insert(*tap);
    }

    /// Hands on the rows of a node; others take them behind that.
    fn tap(&mut self, id: NodeId, tap: Tap, depth: u32) {
        let Some(at) = self.places.get(&id).copied() else { return };
        let (name, group) = (tap.name(), chain_name(tap.chain));
        let hold = relay_hold_ms(depth);
        let config = json!({"name": name, "group": group, "relay_hold_ms": hold});
        let component = Component::new(FAN_OUT, config);
        self.places.insert(id, self.plan.add(Role::Operator, component, vec![at]));
    }
}
