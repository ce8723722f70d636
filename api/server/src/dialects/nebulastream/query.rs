//! Queries: submitted, planned, stopped (spec/nes-rest.md §2).

use std::collections::HashMap;
use std::time::Duration;

use engine::{Key, PipelineSpec, PutError, PutMode};
use nes::catalog::{Query, Status};
use plan::{Diagnostic, Json};
use serde_json::{Map, json};

use super::OWNER;
use super::routes::NebulaStream;
use super::state::now_ms;
use super::types::{error, number, object};
use crate::exchange::{Reply, Request};

/// How long a query may take to stop before it is forced.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Names of placements of all generations. One node leaves them nothing to choose.
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
struct Submission {
    text: String,
    placement: String,
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

fn read(request: &Request) -> Result<Submission, Reply> {
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
    Ok(Submission { text: text.to_owned(), placement: placement.to_owned() })
}

pub(super) fn message(diagnostics: &[Diagnostic]) -> String {
    let one = |d: &Diagnostic| match d.span.line {
        0 => d.message.clone(),
        line => format!("{} (line {line}, column {})", d.message, d.span.column),
    };
    diagnostics.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn key(id: u64) -> Key {
    Key::new(OWNER, id.to_string())
}

impl NebulaStream {
    pub(super) async fn execute(&self, request: &Request) -> Result<Reply, Reply> {
        let Submission { text, placement } = read(request)?;
        if nes::sql::is_statement(&text) {
            return self.statement(&text).await;
        }
        let (id, forgotten, lowered) = {
            let mut state = self.store.lock();
            let (id, forgotten) = state.queries.add(&text, &placement, now_ms());
            let lowered = nes::lower(&text, &state.sources, &state.sinks);
            match &lowered {
                Ok(lowered) => {
                    state.queries.planned(id, lowered.view.clone(), lowered.tree.clone());
                    state.queries.set(id, Status::Scheduling, "", now_ms());
                }
                Err(diagnostics) => {
                    let why = message(diagnostics);
                    state.queries.set(id, Status::Failed, &why, now_ms());
                }
            }
            (id, forgotten, lowered)
        };
        if let Err(reply) = self.keep_query(id, forgotten).await {
            let why = "the query could not be stored";
            self.store.lock().queries.set(id, Status::Failed, why, now_ms());
            return Err(reply);
        }
        let lowered = lowered.map_err(|diagnostics| error(400, message(&diagnostics)))?;
        let spec = PipelineSpec {
            key: key(id),
            name: format!("query-{id}"),
            document: json!({"userQuery": text, "placement": placement}),
            plan: lowered.plan.into(),
        };
        let refused = match self.store.engine.put(spec, PutMode::Create, None).await {
            Ok(Ok(())) => {
                self.unless_stopped(id).await;
                return Ok(Reply::json(202, &json!({"queryId": id})));
            }
            Err(_) => (503, "the engine is busy".to_owned()),
            Ok(Err(e @ (PutError::Full | PutError::Closing))) => (503, e.to_string()),
            Ok(Err(e @ PutError::Journal(_))) => (500, e.to_string()),
            Ok(Err(e)) => (400, e.to_string()),
        };
        self.store.lock().queries.set(id, Status::Failed, &refused.1, now_ms());
        self.store.put_query(id).await?;
        Err(error(refused.0, refused.1))
    }

    /// Removes a query from the engine that was stopped before it got there.
    async fn unless_stopped(&self, id: u64) {
        let stopped = {
            let state = self.store.lock();
            state.queries.get(id).is_some_and(|query| query.status.is_final())
        };
        if stopped {
            let _ = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
        }
    }

    /// Stores a new query, and that an old one made room for it.
    async fn keep_query(&self, id: u64, forgotten: Option<u64>) -> Result<(), Reply> {
        if let Some(old) = forgotten {
            self.store.put_query(old).await?;
        }
        self.store.put_query(id).await
    }

    /// Brings the states of queries up to date with what the engine runs. What has ended is
    /// remembered here and leaves the engine.
    pub(super) async fn refresh(&self) -> Result<(), Reply> {
        let views = self.store.engine.list(Some(OWNER), false).await;
        let views = views.map_err(|_| Reply::unavailable())?;
        let running: HashMap<&str, &engine::State> =
            views.iter().map(|v| (&*v.spec.key.id, &v.state)).collect();
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
                let found = running.get(id.to_string().as_str());
                // One that is being put is not in the table yet.
                let Some(found) = found else { continue };
                let (status, mut info) = status_of(found);
                if sql && status == Status::Failed {
                    info = nes::sql::failure(&info);
                }
                // While it is being stopped, it does not run again.
                let stays = before == Status::MarkedForStop && !status.is_final();
                if !stays && state.queries.set(id, status, &info, now_ms()) {
                    changed.push((id, status));
                }
            }
        }
        for (id, status) in changed {
            self.store.put_query(id).await?;
            if status.is_final() {
                let _ = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
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
        let runs = matches!(query.status, Status::Running | Status::Scheduling);
        let nodes: Vec<Json> = self
            .store
            .lock()
            .topology
            .nodes()
            .iter()
            .filter(|_| runs)
            .take(1)
            .map(|node| {
                json!({
                    "executionNodeId": node.id,
                    "topologyNodeId": node.id,
                    "topologyId": node.id,
                    "topologyNodeIpAddress": node.ip_address,
                    "ScheduledQueries": [{
                        "queryId": query.id,
                        "querySubPlans": [{"querySubPlanId": query.id, "operator": query.tree}],
                    }],
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
        let removed = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
        match removed {
            Err(_) => return Err(Reply::unavailable()),
            Ok(Ok(()) | Err(engine::RemoveError::Missing)) => {}
            Ok(Err(e)) => return Err(error(500, e.to_string())),
        }
        self.store.lock().queries.set(id, Status::Stopped, "", now_ms());
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

fn status_of(state: &engine::State) -> (Status, String) {
    match state {
        engine::State::Starting => (Status::Scheduling, String::new()),
        engine::State::Running => (Status::Running, String::new()),
        engine::State::Stopping => (Status::MarkedForStop, String::new()),
        engine::State::Finished | engine::State::Stopped => (Status::Stopped, String::new()),
        engine::State::Failed(why) => (Status::Failed, why.clone()),
    }
}
