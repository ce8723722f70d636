//! What becomes of queries, and when: the engine says when their pipelines began and ended, however
//! late somebody looks. While they run, they say what they wait for.

use std::collections::HashMap;

use engine::{PipelineView, State as Running};
use nes::catalog::Status;
use nes::merging::{FAN_OUT, chain_name};
use plan::{Component, Json, Plan, Role};
use serde::{Deserialize, Serialize};

use super::OWNER;
use super::deployment::Report;
use super::merging::has_ended;
use super::routes::NebulaStream;
use super::state::{State, now_ms};
use crate::exchange::Reply;

/// Most sources and sinks of a query that it says it waits for.
const TROUBLES_MAX: usize = 4;
/// What stands before what a query waits for.
const AGAIN: &str = "it is tried again: ";

/// What a worker says of a part: its state, and why one of its sources or sinks is not connected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) report: Report,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) trouble: String,
}

/// A plan for the engine whose files are those of queries: what cannot be read or written is told
/// where queries tell it, and fails them where it will stay so.
pub(super) fn strict(plan: &mut Plan) {
    let set = |component: &mut Component| {
        if component.name == "file" {
            component.config["strict"] = Json::Bool(true);
        }
    };
    for node in plan.nodes.iter_mut().filter(|node| node.role != Role::Operator) {
        set(&mut node.component);
        node.again.as_mut().into_iter().for_each(set);
    }
}

/// Milliseconds since the epoch.
fn ms(ns: i128) -> u64 {
    u64::try_from(ns / 1_000_000).unwrap_or(0)
}

/// When a pipeline ended, if it has.
fn ended_ms(view: &PipelineView) -> Option<u64> {
    has_ended(&view.state).then(|| ms(view.started_unix_ns + i128::from(view.uptime_ns)))
}

impl NebulaStream {
    /// Brings the states of queries up to date if one has ended since they were looked at: what it
    /// took is free.
    pub(super) async fn catch_up(&self) -> Result<(), Reply> {
        let ended = self.store.engine.states(OWNER, |all| {
            let mut ended = all.filter(|pipeline| has_ended(pipeline.state));
            ended.next().is_some()
        });
        if ended { self.refresh().await } else { Ok(()) }
    }
}

impl State {
    /// The pipelines of a query: its own, and those of the chains that it shares.
    fn pipelines<'a>(
        &self,
        id: u64,
        own: &'a PipelineView,
        all: &HashMap<&str, &'a PipelineView>,
    ) -> Vec<&'a PipelineView> {
        let ways = self.merger.ways(&id.to_string());
        let chains = ways.iter().filter_map(|way| all.get(chain_name(*way).as_str()).copied());
        chains.chain([own]).collect()
    }

    /// Takes note of what a query is doing, with the time at which that began. Tells whether it is
    /// something else.
    pub(super) fn live(
        &mut self,
        id: u64,
        (status, info): (Status, &str),
        own: &PipelineView,
        all: &HashMap<&str, &PipelineView>,
    ) -> bool {
        // What is elsewhere is looked at all the time, and tells no times.
        let is_here = self.deployments.get(&id).is_none_or(|d| d.remote().next().is_none());
        let began = if is_here { ms(own.started_unix_ns) } else { now_ms() };
        let ended = || {
            let all = self.pipelines(id, own, all);
            all.into_iter().filter_map(ended_ms).max().filter(|_| is_here).unwrap_or_else(now_ms)
        };
        let at = match status {
            Status::Running => began,
            status if status.is_final() => ended(),
            _ => now_ms(),
        };
        let before = self.queries.get(id).map(|query| query.status);
        let is_new = matches!(before, Some(Status::Registered | Status::Scheduling));
        let ran = status == Status::Stopped || status == Status::Failed && is_here;
        if is_new && ran {
            // Nobody looked while it did.
            let began = began.min(at);
            self.queries.set(id, Status::Running, "", began);
        }
        let changed = self.queries.set(id, status, info, at);
        if !changed {
            self.queries.say(id, info);
        }
        changed
    }

    /// What a query waits for that runs, here and elsewhere.
    pub(super) fn trouble(
        &self,
        id: u64,
        own: &PipelineView,
        all: &HashMap<&str, &PipelineView>,
    ) -> String {
        let mut found: Vec<String> = Vec::new();
        let mut add = |text: String| {
            if found.len() < TROUBLES_MAX && !found.contains(&text) {
                found.push(text);
            }
        };
        let pipelines = self.pipelines(id, own, all);
        let connections = pipelines.iter().flat_map(|view| &view.connections);
        for connection in connections.filter(|c| !c.connected && c.path != FAN_OUT) {
            if !connection.error.is_empty() {
                add(format!("{AGAIN}{}", connection.error));
            }
        }
        let parts = self.deployments.get(&id).into_iter().flat_map(|d| d.remote());
        for (part, session) in parts {
            let runs = self.remote.report(id, session, part.stamp) == Some(&Running::Running);
            let told = self.remote.troubles.get(&(session.to_owned(), id));
            if let Some(text) = told.filter(|_| runs) {
                add(format!("node {}: {AGAIN}{text}", part.node));
            }
        }
        found.join("\n")
    }
}

#[cfg(test)]
#[path = "lives_tests.rs"]
mod tests;
