//! Location and maintenance of nodes (spec/nes-rest.md §8).

use plan::Json;
use serde_json::json;

use super::routes::{NebulaStream, unknown};
use super::types::{error, id_of, object};
use crate::exchange::{Reply, Request};

/// Kinds of maintenance, by number and name.
const MIGRATIONS: [&str; 3] =
    ["RESTART", "MIGRATION_WITH_BUFFERING", "MIGRATION_WITHOUT_BUFFERING"];

impl NebulaStream {
    pub(super) fn location(&self, rest: &[&str], request: &Request) -> Result<Reply, Reply> {
        match rest {
            ["allMobile"] => Ok(Reply::json(200, &json!({"nodes": [], "edges": []}))),
            [] => {
                let Some(text) = request.param("nodeId") else {
                    return Err(error(400, "Missing QUERY parameter 'nodeId'"));
                };
                let Ok(id) = text.parse::<u64>() else {
                    let text = "Invalid QUERY parameter 'nodeId'. Expected type is 'UInt64'";
                    return Err(error(400, text));
                };
                match self.store.lock().topology.node(id) {
                    Some(_) => Ok(Reply::json(200, &json!({"id": id, "location": null}))),
                    None => Err(error(404, format!("No node with Id: {id}"))),
                }
            }
            _ => Err(unknown()),
        }
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
        // The root is where everything runs: there is no node to move its queries to.
        let text = format!("node {id} is the only one: {kind} needs another to take its queries");
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
