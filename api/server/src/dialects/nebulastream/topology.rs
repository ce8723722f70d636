//! The topology (spec/nes-rest.md §4).

use nes::catalog::TopologyError;
use plan::Json;
use serde_json::json;

use super::routes::{NebulaStream, unknown};
use super::types::{error, id_of, object, success};
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) fn topology(
        &self,
        method: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => Ok(self.graph()),
            ("POST", ["addParent" | "addAsChild"]) => {
                let what = "Could not add parent for node in topology: ";
                let (child, parent) = pair(request, what)?;
                link(what, self.store.lock().topology.add_parent(child, parent))
            }
            ("POST" | "DELETE", ["removeParent" | "removeAsChild"]) => {
                let what = "Could not remove parent for node in topology: ";
                let (child, parent) = pair(request, what)?;
                link(what, self.store.lock().topology.remove_parent(child, parent))
            }
            _ => Err(unknown()),
        }
    }

    fn graph(&self) -> Reply {
        let state = self.store.lock();
        let nodes: Vec<Json> = state
            .topology
            .nodes()
            .iter()
            .map(|node| {
                json!({
                    "id": node.id,
                    "ip_address": node.ip_address,
                    "available_resources": node.slots,
                    "location": null,
                    "nodeType": "NO_LOCATION",
                })
            })
            .collect();
        let links = state.topology.links().iter();
        let edges: Vec<Json> =
            links.map(|(child, parent)| json!({"source": child, "target": parent})).collect();
        Reply::json(200, &json!({"nodes": nodes, "edges": edges}))
    }
}

fn pair(request: &Request, what: &str) -> Result<(u64, u64), Reply> {
    let body = object(request)?;
    let id = |key: &str| {
        let missing = || error(400, format!("{what} Request body missing '{key}'"));
        body.get(key).and_then(id_of).ok_or_else(missing)
    };
    let parent = id("parentId")?;
    Ok((id("childId")?, parent))
}

fn link(what: &str, result: Result<(), TopologyError>) -> Result<Reply, Reply> {
    result.map(|()| success()).map_err(|e| error(400, format!("{what}{e}")))
}
