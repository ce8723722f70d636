//! Queries, their states and how they got there (spec/nes-rest.md §3).

use std::collections::BTreeMap;

use plan::Json;
use serde::{Deserialize, Serialize};

/// Most queries that are remembered. Beyond it the oldest that ended is forgotten.
pub const QUERIES_MAX: usize = 10_000;
/// Most changes of state that are remembered of a query.
pub const HISTORY_MAX: usize = 64;

/// State of a query, as the document names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It has an id.
    Registered,
    /// It is being planned and opened.
    Scheduling,
    /// It runs.
    Running,
    /// It is being stopped.
    MarkedForStop,
    /// It has ended.
    Stopped,
    /// It was refused or failed.
    Failed,
    /// It is started again.
    Restarting,
    /// It moves to another node.
    Migrating,
}

impl Status {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Registered => "REGISTERED",
            Status::Scheduling => "SCHEDULING",
            Status::Running => "RUNNING",
            Status::MarkedForStop => "MARKED_FOR_STOP",
            Status::Stopped => "STOPPED",
            Status::Failed => "FAILED",
            Status::Restarting => "RESTARTING",
            Status::Migrating => "MIGRATING",
        }
    }

    /// The state that a name of any generation stands for, dashes or underscores
    /// (spec/nes-rest.md §3).
    #[must_use]
    pub fn named(name: &str) -> Option<Status> {
        let name = name.to_ascii_uppercase().replace('-', "_");
        Some(match name.as_str() {
            "REGISTERED" | "EXPLAINED" => Status::Registered,
            "SCHEDULING"
            | "OPTIMIZING"
            | "DEPLOYED"
            | "MARKED_FOR_DEPLOYMENT"
            | "MARKED_FOR_REDEPLOYMENT"
            | "REDEPLOYED" => Status::Scheduling,
            "RUNNING" => Status::Running,
            "MARKED_FOR_STOP"
            | "MARKED_FOR_HARD_STOP"
            | "MARKED_FOR_SOFT_STOP"
            | "SOFT_STOP_TRIGGERED"
            | "SOFT_STOP_COMPLETED" => Status::MarkedForStop,
            "STOPPED" => Status::Stopped,
            "FAILED" | "MARKED_FOR_FAILURE" => Status::Failed,
            "RESTARTING" => Status::Restarting,
            "MIGRATING" | "MARKED_FOR_MIGRATION" | "MIGRATION_COMPLETED" => Status::Migrating,
            _ => return None,
        })
    }

    /// Whether nothing follows it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Status::Stopped | Status::Failed)
    }

    /// Whether a query in this state may be stopped: the REST document refuses it for those that
    /// have failed or stopped, and one that is being stopped is as good as that.
    #[must_use]
    pub fn may_stop(self) -> bool {
        !self.is_final() && self != Status::MarkedForStop
    }
}

/// A query of the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// Its number.
    pub id: u64,
    /// Its text.
    pub text: String,
    /// What it is doing.
    pub status: Status,
    /// Why it failed; while it runs, what it waits for that has nothing to read or cannot write.
    pub info: String,
    /// Its logical plan: nodes and edges.
    pub plan: Json,
    /// Its operators as an indented tree, the sink first.
    pub tree: String,
    /// How it is to be placed.
    pub placement: String,
    /// Logical buffers that its sources had produced when it ended.
    #[serde(default)]
    pub buffers: u64,
    /// Its states and when they began, milliseconds since the epoch.
    pub history: Vec<(Status, u64)>,
}

/// All queries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueryCatalog {
    next: u64,
    queries: BTreeMap<u64, Query>,
}

impl QueryCatalog {
    /// A catalog of queries that were stored.
    #[must_use]
    pub fn restore(queries: impl IntoIterator<Item = Query>) -> Self {
        let queries: BTreeMap<u64, Query> = queries.into_iter().map(|q| (q.id, q)).collect();
        let next = queries.last_key_value().map_or(0, |(id, _)| *id);
        QueryCatalog { next, queries }
    }

    /// Gives a query an id: 1, 2, 3, ... Returns it and the id of a query that was forgotten.
    pub fn add(&mut self, text: &str, placement: &str, now_ms: u64) -> (u64, Option<u64>) {
        self.next += 1;
        let id = self.next;
        let query = Query {
            id,
            text: text.to_owned(),
            status: Status::Registered,
            info: String::new(),
            plan: Json::Null,
            tree: String::new(),
            placement: placement.to_owned(),
            buffers: 0,
            history: vec![(Status::Registered, now_ms)],
        };
        let full = self.queries.len() >= QUERIES_MAX;
        let ended = self.queries.values().find(|q| q.status.is_final()).map(|q| q.id);
        let forgotten = ended.filter(|_| full);
        if let Some(id) = forgotten {
            self.queries.remove(&id);
        }
        self.queries.insert(id, query);
        (id, forgotten)
    }

    /// The number that comes next.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next + 1
    }

    /// A number is taken by what is no query.
    pub fn taken(&mut self, number: u64) {
        self.next = self.next.max(number);
    }

    /// A query.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Query> {
        self.queries.get(&id)
    }

    /// Sets the plan of a query.
    pub fn planned(&mut self, id: u64, plan: Json, tree: String) {
        if let Some(query) = self.queries.get_mut(&id) {
            (query.plan, query.tree) = (plan, tree);
        }
    }

    /// Changes the state of a query; a state that is final stays. No change is earlier than the one
    /// before it. Returns whether it changed.
    pub fn set(&mut self, id: u64, status: Status, info: &str, now_ms: u64) -> bool {
        let Some(query) = self.queries.get_mut(&id) else { return false };
        if query.status == status || query.status.is_final() {
            return false;
        }
        query.status = status;
        info.clone_into(&mut query.info);
        let before_ms = query.history.last().map_or(0, |(_, at)| *at);
        if query.history.len() >= HISTORY_MAX {
            query.history.remove(0);
        }
        query.history.push((status, now_ms.max(before_ms)));
        true
    }

    /// Sets what the sources of a query have produced.
    pub fn produced(&mut self, id: u64, buffers: u64) {
        if let Some(query) = self.queries.get_mut(&id) {
            query.buffers = buffers;
        }
    }

    /// Says more about a query that has not ended.
    pub fn say(&mut self, id: u64, info: &str) {
        if let Some(query) = self.queries.get_mut(&id).filter(|query| !query.status.is_final()) {
            info.clone_into(&mut query.info);
        }
    }

    /// The queries in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &Query> {
        self.queries.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_lives_and_ends() {
        let mut catalog = QueryCatalog::default();
        assert_eq!(catalog.add("q", "BottomUp", 5), (1, None));
        assert!(catalog.set(1, Status::Running, "", 6));
        assert!(!catalog.set(1, Status::Running, "", 7));
        assert!(catalog.set(1, Status::Failed, "why", 8));
        assert!(!catalog.set(1, Status::Stopped, "", 9), "a final state stays");
        let query = catalog.get(1).unwrap();
        assert_eq!((query.info.as_str(), query.history.len()), ("why", 3));
        let mut again = QueryCatalog::restore(catalog.all().cloned());
        assert_eq!(again.add("r", "TopDown", 1).0, 2);
        again.taken(5);
        assert_eq!((again.next(), again.add("s", "TopDown", 1).0), (6, 6));
    }

    #[test]
    fn what_a_query_waits_for_is_forgotten_when_it_goes_on_or_ends() {
        let mut catalog = QueryCatalog::default();
        catalog.add("q", "BottomUp", 5);
        catalog.set(1, Status::Running, "no file", 4);
        let info = |catalog: &QueryCatalog| catalog.get(1).unwrap().info.clone();
        assert_eq!(info(&catalog), "no file");
        assert_eq!(catalog.get(1).unwrap().history[1], (Status::Running, 5), "not before");
        catalog.say(1, "");
        assert_eq!(info(&catalog), "");
        catalog.say(1, "no file");
        assert!(catalog.set(1, Status::Stopped, "", 6));
        catalog.say(1, "no file");
        assert_eq!(info(&catalog), "", "it has ended");
    }

    #[test]
    fn what_has_not_ended_may_be_stopped_once() {
        for status in [Status::Registered, Status::Scheduling, Status::Running, Status::Migrating] {
            assert!(status.may_stop(), "{}", status.name());
        }
        for status in [Status::MarkedForStop, Status::Stopped, Status::Failed] {
            assert!(!status.may_stop(), "{}", status.name());
        }
    }

    #[test]
    fn states_have_the_names_of_all_generations() {
        for name in ["MARKED-FOR-HARD-STOP", "SOFT_STOP_TRIGGERED", "marked_for_stop"] {
            assert_eq!(Status::named(name), Some(Status::MarkedForStop));
        }
        assert_eq!(Status::named("NOPE"), None);
        for status in [Status::Registered, Status::Scheduling, Status::Migrating] {
            assert_eq!(Status::named(status.name()), Some(status));
        }
    }

    #[test]
    fn ended_queries_are_forgotten_beyond_the_limit() {
        let mut catalog = QueryCatalog::default();
        for _ in 0..QUERIES_MAX {
            catalog.add("q", "BottomUp", 0);
        }
        assert_eq!(catalog.add("q", "BottomUp", 0).1, None, "none has ended");
        catalog.set(3, Status::Failed, "", 0);
        assert_eq!(catalog.add("q", "BottomUp", 0).1, Some(3));
        for _ in 0..HISTORY_MAX {
            catalog.set(1, Status::Restarting, "", 0);
            catalog.set(1, Status::Running, "", 0);
        }
        assert_eq!(catalog.get(1).unwrap().history.len(), HISTORY_MAX);
    }
}
