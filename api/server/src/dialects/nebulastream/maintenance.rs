//! Location and maintenance of nodes (spec/nes-rest.md §8).

use nes::catalog::{ROOT, Status};
use nes::placement::Placement;
use plan::Json;
use serde_json::json;

use super::deployment::{Deployment, Leaving};
use super::query::message;
use super::routes::{NebulaStream, unknown};
use super::state::{State, now_ms};
use super::topology::located;
use super::types::{error, id_of, object};
use crate::exchange::{Reply, Request};

/// Kinds of maintenance, by number and name.
const MIGRATIONS: [&str; 3] =
    ["RESTART", "MIGRATION_WITH_BUFFERING", "MIGRATION_WITHOUT_BUFFERING"];

impl NebulaStream {
    pub(super) fn location(&self, rest: &[&str], request: &Request) -> Result<Reply, Reply> {
        match rest {
            ["allMobile"] => Ok(self.mobile()),
            [] => {
                let Some(text) = request.param("nodeId") else {
                    return Err(error(400, "Missing QUERY parameter 'nodeId'"));
                };
                let Ok(id) = text.parse::<u64>() else {
                    let text = "Invalid QUERY parameter 'nodeId'. Expected type is 'UInt64'";
                    return Err(error(400, text));
                };
                match self.store.lock().topology.node(id) {
                    Some(node) => {
                        Ok(Reply::json(200, &json!({"id": id, "location": located(node)})))
                    }
                    None => Err(error(404, format!("No node with Id: {id}"))),
                }
            }
            _ => Err(unknown()),
        }
    }

    /// Nodes that move, and the links among them.
    fn mobile(&self) -> Reply {
        let state = self.store.lock();
        let mobile = |id: &u64| state.topology.node(*id).filter(|n| n.kind == "MOBILE_NODE");
        let nodes: Vec<Json> = state
            .topology
            .breadth_first()
            .iter()
            .filter_map(mobile)
            .map(|node| json!({"id": node.id, "location": located(node)}))
            .collect();
        let links = state.topology.links().iter();
        let links =
            links.filter(|(child, parent)| [child, parent].iter().all(|id| mobile(id).is_some()));
        let edges: Vec<Json> =
            links.map(|(child, parent)| json!({"source": child, "target": parent})).collect();
        Reply::json(200, &json!({"nodes": nodes, "edges": edges}))
    }

    pub(super) async fn maintain(&self, request: &Request) -> Result<Reply, Reply> {
        let body = object(request)?;
        let Some(id) = body.get("id").and_then(id_of) else {
            return Err(error(400, "Field 'id' must be provided"));
        };
        let kind = match body.get("migrationType") {
            None => return Err(error(400, "Field 'migrationType' must be provided")),
            Some(value) => migration(value),
        };
        let Some(kind) = kind else {
            let shown = body.get("migrationType").map(Json::to_string).unwrap_or_default();
            let text = format!(
                "MigrationType: {} not a valid type. Type must be either 1 (Restart), 2 \
                 (Migration with Buffering) or 3 (Migration without Buffering)",
                shown.trim_matches('"')
            );
            return Err(error(404, text));
        };
        let moves = {
            let mut state = self.store.lock();
            if state.topology.node(id).is_none() {
                return Err(error(404, format!("No Topology Node with ID {id}")));
            }
            state.maintain(id, kind == "RESTART").map_err(|why| error(400, why))?
        };
        self.store.put_maintained().await?;
        tracing::info!(node = id, kind, queries = ?moves, "A node is being maintained");
        Ok(Reply::json(
            200,
            &json!({
                "Info": "Successfully submitted Maintenance Request",
                "Node Id": id,
                "Migration Type": kind,
                "Queries": moves,
            }),
        ))
    }
}

impl State {
    /// Takes a node out of service: what it runs of queries goes elsewhere, as soon as it has
    /// stopped here, and nothing new comes. Returns the queries that move.
    ///
    /// # Errors
    /// A query cannot go elsewhere; then nothing changes.
    pub(super) fn maintain(&mut self, node: u64, restarts: bool) -> Result<Vec<u64>, String> {
        if node == ROOT {
            return Err(format!("node {node} keeps its queries: their sinks are nowhere else"));
        }
        if let Some(id) = self.starting(node) {
            return Err(format!("node {node} keeps query {id}: it is being started there"));
        }
        let runs = |query: u64, deployment: &Deployment| {
            let finished = engine::State::Finished;
            deployment.remote().any(|(part, session)| {
                let report = self.remote.report(query, session, part.stamp);
                part.node == node && report != Some(&finished)
            })
        };
        let moves = self.deployments.iter().filter(|(id, d)| !d.lost && runs(**id, d));
        let moves: Vec<u64> = moves.map(|(id, _)| *id).collect();
        self.topology.maintain(node, true);
        for id in &moves {
            if let Err(why) = self.has_other_places(*id) {
                self.topology.maintain(node, false);
                return Err(format!("node {node} keeps query {id}: {why}"));
            }
        }
        let status = if restarts { Status::Restarting } else { Status::Migrating };
        for id in &moves {
            let Some(deployment) = self.deployments.get_mut(id) else { continue };
            deployment.lost = true;
            deployment.leaving = Some(Leaving { node, anew: restarts });
            let slots = std::mem::take(&mut deployment.slots);
            self.topology.use_slots(&slots, false);
            self.queries.set(*id, status, "", now_ms());
        }
        let session = self.remote.fleet.session(node).map(str::to_owned);
        self.maintained.extend(session);
        self.remote.changed = true;
        Ok(moves)
    }

    /// A query of which a node has a part and has not said so: whether it runs there is not known.
    fn starting(&self, node: u64) -> Option<u64> {
        let unsaid = |query: u64, deployment: &Deployment| {
            deployment.remote().any(|(part, session)| {
                let report = self.remote.report(query, session, part.stamp);
                part.node == node && report.is_none()
            })
        };
        let mut all = self.deployments.iter().filter(|(_, d)| !d.lost);
        all.find(|(id, deployment)| unsaid(**id, deployment)).map(|(id, _)| *id)
    }

    /// Whether a query could be placed as the topology is now.
    fn has_other_places(&self, id: u64) -> Result<(), String> {
        let query = self.queries.get(id).ok_or("it is not known any more")?;
        let udfs = |name: &str| self.udf(name);
        let lowered = nes::lower_with(&query.text, &self.sources, &self.sinks, &udfs);
        let lowered = lowered.map_err(|diagnostics| message(&diagnostics))?;
        let strategy = Placement::named(&query.placement);
        let places = nes::placement::place(&self.topology, &lowered.steps, strategy);
        places.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Whether nothing of a query runs any more where it must not.
    pub(super) fn has_left(&self, id: u64, deployment: &Deployment) -> bool {
        let Some(Leaving { node, .. }) = deployment.leaving else { return true };
        !deployment.remote().any(|(part, session)| {
            let there = self.remote.fleet.id(session).is_some();
            part.node == node
                && there
                && self.remote.reports.contains_key(&(session.to_owned(), id))
        })
    }
}

fn migration(value: &Json) -> Option<&'static str> {
    match value {
        Json::String(name) => MIGRATIONS.iter().find(|m| *m == name).copied(),
        other => {
            let at = usize::try_from(other.as_u64()?).ok()?.checked_sub(1)?;
            MIGRATIONS.get(at).copied()
        }
    }
}
