//! Location and maintenance of nodes (spec/nes-rest.md §8).

use plan::Json;
use serde_json::json;

use super::routes::{NebulaStream, unknown};
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

    pub(super) fn maintain(&self, request: &Request) -> Result<Reply, Reply> {
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
        if self.store.lock().topology.node(id).is_none() {
            return Err(error(404, format!("No Topology Node with ID {id}")));
        }
        // Its sources are read where it is: there is no node to move them to.
        let text = format!("node {id} keeps its queries: {kind} needs another to take them");
        Err(error(400, text))
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
