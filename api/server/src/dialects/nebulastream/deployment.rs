//! What runs where: the parts of queries, and how they are written on the board.
//!
//! ```text
//! node.<session>           a worker's sign of life
//! id.<session>             its id, or why it has none
//! plan.<session>.<query>   what it is to run
//! state.<session>.<query>  what became of that
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nes::catalog::{Hello, ROOT};
use nes::merging::Tap;
use nes::placement::{EXCHANGE, SubPlan};
use plan::{Json, Plan};
use serde::{Deserialize, Serialize};

use super::lives::strict;

/// What is done about a worker that goes away while a query runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Tolerance {
    /// The query fails.
    #[default]
    None,
    /// The query fails: nothing is done a second time.
    AtMostOnce,
    /// What is lost starts again, and what was not acknowledged is sent again.
    AtLeastOnce,
    /// The query starts again as a whole.
    ExactlyOnce,
}

impl Tolerance {
    /// By its name.
    pub(super) fn named(name: &str) -> Tolerance {
        serde_json::from_value(Json::from(name)).unwrap_or_default()
    }

    /// Whether the query goes on.
    pub(super) fn restarts(self) -> bool {
        matches!(self, Tolerance::AtLeastOnce | Tolerance::ExactlyOnce)
    }
}

/// What one node runs of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) node: u64,
    /// The session of the worker; none at the coordinator itself.
    pub(super) session: Option<String>,
    /// Changes with what is to run.
    pub(super) stamp: u64,
    pub(super) plan: Plan,
    pub(super) tree: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) keeps_state: bool,
}

/// A node that is being maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaving {
    pub(super) node: u64,
    /// Whether the query starts again as a whole.
    pub(super) anew: bool,
}

/// What a query that is spread does.
#[derive(Clone, Copy)]
pub(super) enum Spread<'a> {
    /// It goes on: parts of how it was spread before stay as they are.
    GoesOn(&'a Deployment),
    /// It begins as a whole.
    Begins {
        /// How often it has begun with this.
        generation: u64,
        /// Whether a file that is overwritten keeps its rows nevertheless.
        keeps_rows: bool,
    },
}

/// How a query is spread over nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Deployment {
    /// How often it began as a whole.
    pub(super) generation: u64,
    pub(super) tolerance: Tolerance,
    /// The plan before it was cut.
    pub(super) whole: Plan,
    pub(super) slots: BTreeMap<u64, u64>,
    pub(super) parts: Vec<Part>,
    /// Where it takes the rows from that others take, too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) uses: BTreeSet<Tap>,
    /// The chain that is to begin with it, so that others can share it.
    #[serde(skip)]
    pub(super) begins: Option<u64>,
    /// Whether a part is lost, and the query waits for a place for it.
    #[serde(default)]
    pub(super) lost: bool,
    /// Where it must not run any more; it is taken away there before it is put elsewhere.
    #[serde(skip)]
    pub(super) leaving: Option<Leaving>,
    /// Whether the file that it overwrites keeps its rows though it begins as a whole.
    #[serde(skip)]
    pub(super) keeps_rows: bool,
    /// Whether workers are not told yet, because the coordinator does not run its part.
    #[serde(skip)]
    pub(super) held: bool,
    /// Why the query is to fail.
    #[serde(skip)]
    pub(super) failure: Option<String>,
}

impl Deployment {
    /// What the coordinator runs itself.
    pub(super) fn root(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.node == ROOT)
    }

    /// What workers run, each with its session.
    pub(super) fn remote(&self) -> impl Iterator<Item = (&Part, &str)> {
        self.parts.iter().filter_map(|part| Some((part, part.session.as_deref()?)))
    }

    /// Whether a worker writes the result: then the query has not ended before that part has.
    pub(super) fn ends_elsewhere(&self) -> bool {
        let writes =
            |node: &plan::Node| node.role == plan::Role::Sink && node.component.name != EXCHANGE;
        self.remote().any(|(part, _)| part.plan.nodes.iter().any(writes))
    }

    /// What workers are to run now.
    pub(super) fn ordered(&self) -> impl Iterator<Item = (&Part, &str)> {
        let stays = |node: u64| self.leaving.is_none_or(|leaving| leaving.node != node);
        self.remote().filter(move |(part, _)| !self.held && stays(part.node))
    }

    /// The edges, each with the node at its end.
    pub(super) fn edges(&self) -> Vec<(u64, &str)> {
        let mut edges = Vec::new();
        for part in &self.parts {
            edges.extend(part.inputs.iter().map(|edge| (part.node, edge.as_str())));
        }
        edges
    }

    /// The names of the edges.
    pub(super) fn edge_names(&self) -> BTreeSet<&str> {
        self.edges().into_iter().map(|(_, name)| name).collect()
    }

    /// Whether the file that a query overwrites keeps its rows when the query begins again as a
    /// whole: with `AT_LEAST_ONCE`, where a source sends nothing twice, so that they are nowhere
    /// else. A maintenance that restarts the query empties the file.
    pub(super) fn would_keep_rows(&self) -> bool {
        let restarts = self.leaving.is_some_and(|leaving| leaving.anew);
        let mut nodes = self.whole.nodes.iter();
        let passes = nodes.any(|node| node.role == plan::Role::Source && node.anew.is_none());
        self.tolerance == Tolerance::AtLeastOnce && !restarts && passes
    }

    /// The parts as sub-plans were cut; what is already running where it is to run keeps its stamp.
    pub(super) fn parts_of(
        cut: Vec<SubPlan>,
        session: impl Fn(u64) -> Option<String>,
        spread: Spread<'_>,
        stamp: u64,
    ) -> Vec<Part> {
        let (before, keeps_rows) = match spread {
            Spread::GoesOn(before) => (before.parts.as_slice(), false),
            Spread::Begins { keeps_rows, .. } => (&[][..], keeps_rows),
        };
        let made = |sub: SubPlan| {
            let SubPlan { node, mut plan, tree, inputs, outputs, keeps_state } = sub;
            let session = if node == ROOT { None } else { session(node) };
            // The root knows by itself whether it starts something again.
            let again = session.as_ref().and_then(|_| continued(&mut plan));
            let old = before.iter().find(|old| {
                old.node == node && (old.plan == plan || Some(&old.plan) == again.as_ref())
            });
            let stays = old.filter(|old| old.session == session);
            let stamp = stays.map_or(stamp, |old| old.stamp);
            let plan = match (stays, old, again) {
                (Some(old), ..) => old.plan.clone(),
                (None, old, Some(again)) if old.is_some() || keeps_rows => again,
                _ => plan,
            };
            Part { node, session, stamp, plan, tree, inputs, outputs, keeps_state }
        };
        cut.into_iter().map(made).collect()
    }
}

/// What a worker is to run, as it stands on the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) stamp: u64,
    pub(super) outputs: Vec<String>,
    pub(super) plan: Plan,
}

impl Order {
    pub(super) fn of(part: &Part) -> Order {
        let Part { stamp, outputs, plan, .. } = part.clone();
        Order { stamp, outputs, plan }
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) stamp: u64,
    pub(super) state: engine::State,
}

/// What a worker says of itself and of its machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sign {
    pub(super) hello: Hello,
    pub(super) metrics: Json,
}

/// What a worker hears about its wish to join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Welcome {
    Id(u64),
    Refused(String),
}

/// A key of the board.
pub(super) fn key(kind: &str, session: &str, query: u64) -> String {
    format!("{kind}.{session}.{query}")
}

/// The session and query in a key.
pub(super) fn named(rest: &str) -> Option<(&str, u64)> {
    let (session, query) = rest.split_once('.')?;
    Some((session, query.parse().ok()?))
}

/// What the root runs of a query, now and, where that is another plan, when it is started again
/// after its process was killed. Where the query survives that and something has to be remembered,
/// the plan is durable; but not where it begins again as a whole from sources that do, into a file
/// that is emptied: that holds everything once.
pub(super) fn lasting(root: &Part, tolerance: Tolerance, alone: bool) -> (Plan, Option<Plan>) {
    let mut plan = root.plan.clone();
    let mut sources = plan.nodes.iter().filter(|node| node.role == plan::Role::Source);
    let anew = alone && sources.all(|node| node.anew.is_some());
    let begins = continued(&mut plan.clone()).is_some();
    plan.durable = tolerance.restarts()
        && root.keeps_state
        && !(tolerance == Tolerance::ExactlyOnce && anew && begins);
    if anew && !plan.durable || alone && !tolerance.restarts() {
        return (plan, None);
    }
    let Some(again) = continued(&mut plan) else { return (plan, None) };
    if plan.durable {
        // As soon as a state is kept, what was written before belongs to it.
        for (node, again) in plan.nodes.iter_mut().zip(&again.nodes) {
            let other = node.component != again.component;
            node.again = other.then(|| again.component.clone());
        }
    }
    // Where all sources begin anew, so does everything until a state is kept.
    (plan, (!anew).then_some(again))
}

/// What a plan is when it is started again, if that is another: one that goes on with the file that
/// the first one emptied, because a part that is started again must not throw away what others do
/// not send again. In both the head of the file is with the sink, which knows whether it is there.
pub(super) fn continued(plan: &mut Plan) -> Option<Plan> {
    let overwrites = |node: &plan::Node| {
        node.component.name == "file" && node.component.config["mode"] == "overwrite"
    };
    let sink = plan.nodes.iter().position(overwrites)?;
    let input = plan.nodes[sink].inputs.first().copied()?;
    let frame = plan.nodes.get_mut(input).filter(|node| node.component.name == "frame");
    if let Some(frame) = frame {
        let head = std::mem::replace(&mut frame.component.config["before"], Json::from(""));
        plan.nodes[sink].component.config["head"] = head;
    }
    let mut again = plan.clone();
    again.nodes[sink].component.config["mode"] = Json::from("append");
    Some(again)
}

/// A plan whose edges lead over a server.
pub(super) fn wired(plan: &Plan, url: &str) -> Arc<Plan> {
    let mut plan = plan.clone();
    strict(&mut plan);
    let edges = plan.nodes.iter_mut().filter(|node| node.component.name == EXCHANGE);
    edges.for_each(|node| node.component.config["url"] = Json::from(url));
    Arc::new(plan)
}
