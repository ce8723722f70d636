//! Queries: submitted, planned, stopped (spec/nes-rest.md §2).

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{Key, PipelineView};
use nes::catalog::{Query, Status};
use plan::{Diagnostic, Json};
use serde_json::{Map, json};

use super::OWNER;
use super::deployment::Tolerance;
use super::routes::NebulaStream;
use super::state::now_ms;
use super::types::{error, number, object};
use crate::exchange::{Reply, Request};

/// How long a query may take to stop before it is forced.
pub(super) const STOP_MAX: Duration = Duration::from_secs(5);

/// Names of placements of all generations.
const PLACEMENTS: &[&str] = &[
    "BottomUp",
    "TopDown",
    "IFCOP",
    "ILP",
    "Manual",
    "MlHeuristic",
    "ELEGANT_PERFORMANCE",
    "ELEGANT_ENERGY",
    "ELEGANT_BALANCED",
];
const FAULT_TOLERANCE: &[&str] = &["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE", "NONE"];
const LINEAGE: &[&str] = &["IN_MEMORY", "PERSISTENT", "REMOTE", "NONE"];

/// What a request to run a query says.
pub(super) struct Submission {
    pub(super) text: String,
    pub(super) placement: String,
    pub(super) tolerance: Tolerance,
}

fn word<'a>(body: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Json::as_str)
}

/// A setting that must be one of some names.
fn one_of(
    body: &Map<String, Json>,
    key: &str,
    names: &[&str],
    what: &str,
    plural: &str,
) -> Result<(), Reply> {
    let Some(value) = body.get(key) else { return Ok(()) };
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if names.contains(&shown.as_str()) {
        return Ok(());
    }
    let valid: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    let valid = valid.join(", ");
    Err(error(400, format!("Invalid {what} provided: {shown}. Valid {plural} are: {valid}.")))
}

pub(super) fn read(request: &Request) -> Result<Submission, Reply> {
    let body = object(request)?;
    let Some(text) = word(&body, "userQuery") else {
        let text = "Incorrect or missing key word for user query, use 'userQuery'.";
        return Err(error(400, text));
    };
    if text.len() > nes::QUERY_BYTES_MAX {
        // It is not kept either, as other queries are that are refused.
        let max = nes::QUERY_BYTES_MAX;
        return Err(error(400, format!("the text of the query is longer than {max} bytes")));
    }
    let Some(placement) = word(&body, "placement").or(word(&body, "strategyName")) else {
        let text =
            "No placement strategy specified. Specify a placement strategy using 'placement'.";
        return Err(error(400, text));
    };
    if !PLACEMENTS.contains(&placement) {
        return Err(error(400, format!("Invalid Placement Strategy: {placement}")));
    }
    let (what, plural) = ("Fault Tolerance Type", "Fault Tolerance Types");
    one_of(&body, "faultTolerance", FAULT_TOLERANCE, what, plural)?;
    one_of(&body, "lineage", LINEAGE, "Lineage Mode Type", "Lineage Modes")?;
    let tolerance = word(&body, "faultTolerance").map(Tolerance::named).unwrap_or_default();
    Ok(Submission { text: text.to_owned(), placement: placement.to_owned(), tolerance })
}

pub(super) fn message(diagnostics: &[Diagnostic]) -> String {
    let one = |d: &Diagnostic| match d.span.line {
        0 => d.message.clone(),
        line => format!("{} (line {line}, column {})", d.message, d.span.column),
    };
    diagnostics.iter().map(one).collect::<Vec<_>>().join("\n")
}

pub(super) fn key(id: u64) -> Key {
    Key::new(OWNER, id.to_string())
}

impl NebulaStream {
    /// Removes a query from the engine that was stopped before it got there.
    pub(super) async fn unless_stopped(&self, id: u64) {
        let stopped = {
            let state = self.store.lock();
            state.queries.get(id).is_some_and(|query| query.status.is_final())
        };
        if stopped {
            let _ = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
            self.leave(id).await;
        }
    }

    /// Stores a new query, and that an old one made room for it.
    pub(super) async fn keep_query(&self, id: u64, forgotten: Option<u64>) -> Result<(), Reply> {
        if let Some(old) = forgotten {
            self.store.put_query(old).await?;
        }
        self.store.put_query(id).await
    }

    /// Brings the states of queries up to date with what the engine and workers run. What has ended
    /// is remembered here and leaves the engine.
    pub(super) async fn refresh(&self) -> Result<(), Reply> {
        if self.closing.load(Ordering::Relaxed) {
            return Ok(());
        }
        let views = self.store.engine.list(Some(OWNER), false).await;
        let views = views.map_err(|_| Reply::unavailable())?;
        let running: HashMap<&str, &PipelineView> =
            views.iter().map(|v| (&*v.spec.key.id, v)).collect();
        let mut changed = Vec::new();
        {
            let mut state = self.store.lock();
            let open: Vec<(u64, Status, bool)> = state
                .queries
                .all()
                .filter(|q| !q.status.is_final())
                .map(|q| (q.id, q.status, nes::sql::is_sql(&q.text)))
                .collect();
            for (id, before, sql) in open {
                let found = running.get(id.to_string().as_str()).copied();
                // One that is being put is not in the table yet.
                let Some(own) = found else { continue };
                let found = state.with_others(id, own, &running);
                let (status, mut info) = state.standing(id, before, &found);
                if sql && status == Status::Failed {
                    info = nes::sql::failure(&info);
                } else if !status.is_final() {
                    info = state.trouble(id, own, &running);
                }
                // While it is being stopped, it does not run again.
                let stays = before == Status::MarkedForStop && !status.is_final();
                if !stays && state.live(id, (status, &info), own, &running) {
                    changed.push((id, status));
                }
            }
            state.retire();
        }
        for (id, status) in changed {
            if status.is_final() {
                self.keep_buffers(id).await;
            }
            self.store.put_query(id).await?;
            if status.is_final() {
                let _ = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
                self.leave(id).await;
            }
        }
        Ok(())
    }

    /// The query that a request names, as it is now.
    pub(super) async fn named(&self, request: &Request) -> Result<Query, Reply> {
        self.named_or(request, 404).await
    }

    /// The same with another status for an id that there is not.
    pub(super) async fn named_or(&self, request: &Request, unknown: u16) -> Result<Query, Reply> {
        let id = number(request, "queryId")?;
        self.refresh().await?;
        let found = self.store.lock().queries.get(id).cloned();
        found.ok_or_else(|| error(unknown, format!("Provided QueryId: {id} does not exist")))
    }

    pub(super) async fn query_plan(&self, request: &Request) -> Result<Reply, Reply> {
        let query = self.named(request).await?;
        Ok(Reply::json(200, &plan_of(&query)))
    }

    pub(super) async fn phases(&self, request: &Request) -> Result<Reply, Reply> {
        let plan = plan_of(&self.named(request).await?);
        let phases = ["queryParsing", "typeInferencePhase", "queryPlacementPhase"];
        let phases: Map<String, Json> =
            phases.iter().map(|name| ((*name).to_owned(), plan.clone())).collect();
        Ok(Reply::json(200, &Json::Object(phases)))
    }

    pub(super) async fn execution_plan(&self, request: &Request) -> Result<Reply, Reply> {
        let query = self.named(request).await?;
        let state = self.store.lock();
        let parts = state.deployments.get(&query.id).into_iter().flat_map(|d| &d.parts);
        let mut scheduled = json!({"queryId": query.id});
        if let Some(id) = state.shared_id(query.id) {
            scheduled["SharedQueryId"] = json!(id);
        }
        let nodes: Vec<Json> = (1..)
            .zip(parts)
            .map(|(number, part)| {
                let node = state.topology.node(part.node);
                let mut scheduled = scheduled.clone();
                scheduled["querySubPlans"] =
                    json!([{"querySubPlanId": number, "operator": part.tree}]);
                json!({
                    "executionNodeId": part.node,
                    "topologyNodeId": part.node,
                    "topologyId": part.node,
                    "topologyNodeIpAddress": node.map(|node| &node.ip_address),
                    "ScheduledQueries": [scheduled],
                })
            })
            .collect();
        Ok(Reply::json(200, &json!({"executionNodes": nodes})))
    }

    pub(super) async fn stop(&self, request: &Request) -> Result<Reply, Reply> {
        let query = self.named(request).await?;
        self.stop_query(&query).await
    }

    pub(super) async fn stop_query(&self, query: &Query) -> Result<Reply, Reply> {
        let id = query.id;
        if !query.status.may_stop() {
            let name = query.status.name();
            let text =
                format!("Query status was either failed or already stopped: query {id} is {name}");
            return Err(error(400, text));
        }
        self.store.lock().queries.set(id, Status::MarkedForStop, "", now_ms());
        self.keep_buffers(id).await;
        let removed = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
        match removed {
            Err(_) => return Err(Reply::unavailable()),
            Ok(Ok(()) | Err(engine::RemoveError::Missing)) => {}
            Ok(Err(e)) => return Err(error(500, e.to_string())),
        }
        {
            let mut state = self.store.lock();
            state.queries.set(id, Status::Stopped, "", now_ms());
            state.retire();
        }
        self.leave(id).await;
        self.store.put_query(id).await?;
        Ok(Reply::json(202, &json!({"success": true, "queryId": id})))
    }
}

/// The plan of a query; one that was refused has none.
pub(super) fn plan_of(query: &Query) -> Json {
    if query.plan.is_null() {
        let none = json!({"id": "NONE", "name": "NONE", "nodeType": "UNDEFINED"});
        return json!({"nodes": [none], "edges": []});
    }
    query.plan.clone()
}

/// What a query is doing by what its pipeline does.
pub(super) fn status_of(state: &engine::State) -> (Status, String) {
    match state {
        engine::State::Starting => (Status::Scheduling, String::new()),
        engine::State::Running => (Status::Running, String::new()),
        engine::State::Stopping => (Status::MarkedForStop, String::new()),
        engine::State::Finished | engine::State::Stopped => (Status::Stopped, String::new()),
        engine::State::Failed(why) => (Status::Failed, why.clone()),
    }
}
