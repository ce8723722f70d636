//! The topology (spec/nes-rest.md §4).

use nes::catalog::{Node, Topology, TopologyError};
use plan::Json;
use serde_json::json;

use super::routes::{NebulaStream, unknown};
use super::types::{error, id_of, object, success};
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) async fn topology(
        &self,
        method: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => {
                self.catch_up().await?;
                Ok(self.graph())
            }
            ("POST", ["addParent" | "addAsChild"]) => {
                let what = "Could not add parent for node in topology: ";
                let (child, parent) = pair(request, what)?;
                link(what, self.linked(|topology| topology.add_parent(child, parent)))
            }
            ("POST" | "DELETE", ["removeParent" | "removeAsChild"]) => {
                let what = "Could not remove parent for node in topology: ";
                let (child, parent) = pair(request, what)?;
                link(what, self.linked(|topology| topology.remove_parent(child, parent)))
            }
            _ => Err(unknown()),
        }
    }

    /// Changes links. Queries that run stay where they are; those that look for a place look again.
    fn linked(
        &self,
        change: impl FnOnce(&mut Topology) -> Result<(), TopologyError>,
    ) -> Result<(), TopologyError> {
        let mut state = self.store.lock();
        change(&mut state.topology)?;
        state.remote.changed = true;
        Ok(())
    }

    fn graph(&self) -> Reply {
        let state = self.store.lock();
        let order = state.topology.breadth_first();
        let nodes: Vec<Json> = order
            .iter()
            .filter_map(|id| state.topology.node(*id))
            .map(|node| {
                json!({
                    "id": node.id,
                    "ip_address": node.ip_address,
                    "available_resources": node.slots,
                    "location": located(node),
                    "nodeType": node.kind,
                })
            })
            .collect();
        let parents = |child: &u64| {
            let parents = state.topology.parents(*child).collect::<Vec<u64>>();
            let child = *child;
            parents.into_iter().map(move |parent| json!({"source": child, "target": parent}))
        };
        let edges: Vec<Json> = order.iter().flat_map(parents).collect();
        Reply::json(200, &json!({"nodes": nodes, "edges": edges}))
    }
}

/// Where a node is.
pub(super) fn located(node: &Node) -> Json {
    match node.location {
        Some((latitude, longitude)) => json!({"latitude": latitude, "longitude": longitude}),
        None => Json::Null,
    }
}

fn pair(request: &Request, what: &str) -> Result<(u64, u64), Reply> {
    let body = object(request)?;
    let id = |key: &str| {
        let missing = || error(400, format!("{what} Request body missing '{key}'"));
        let value = body.get(key).ok_or_else(missing)?;
        let wrong = || error(400, format!("{what} '{key}' is no id: {value}"));
        id_of(value).ok_or_else(wrong)
    };
    let parent = id("parentId")?;
    Ok((id("childId")?, parent))
}

fn link(what: &str, result: Result<(), TopologyError>) -> Result<Reply, Reply> {
    result.map(|()| success()).map_err(|e| error(400, format!("{what}{e}")))
}
