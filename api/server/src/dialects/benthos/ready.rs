//! Whether streams are connected: `/ready` and `/{id}/ready` (spec/benthos-streams-api.md §2, §3).

use serde_json::json;

use super::seen::Edge;
use super::table::{Failure, is_active};
use super::{Benthos, answers};
use crate::exchange::Reply;

/// The error of an edge whose stream has ended.
const TERMINATED: &str = "stream terminated";

impl Benthos {
    /// Whether every running stream is connected; one that has ended does not count.
    pub(super) async fn ready(&self) -> Reply {
        let views = match self.streams.list().await {
            Ok(views) => views,
            Err(failure) => return failure.reply(),
        };
        let waiting = views
            .iter()
            .filter(|v| is_active(&v.state) && !v.connections.iter().all(|c| c.connected));
        let ids: Vec<&str> = waiting.map(|view| &*view.spec.key.id).collect();
        match ids.as_slice() {
            [] => Reply::text(200, "OK"),
            ids => answers::plain(503, format!("streams {} are not connected\n", ids.join(", "))),
        }
    }

    /// Whether one stream is connected, edge by edge.
    pub(super) async fn stream_ready(&self, id: &str) -> Reply {
        let statuses: Vec<_> = match self.streams.get(id).await {
            Ok(view) if is_active(&view.state) => view
                .connections
                .iter()
                .map(|c| status(&c.label, &c.path, c.connected, &c.error))
                .collect(),
            Ok(_) | Err(Failure::Missing) => {
                let ended = |edge: &Edge| status(&edge.label, &edge.path, false, TERMINATED);
                self.streams.seen.edges(id).iter().map(ended).collect()
            }
            Err(failure) => return failure.reply(),
        };
        let connected = statuses.iter().all(|status| status["connected"] == true);
        let body = format!("{}\n", json!({ "statuses": statuses }));
        if !connected {
            return answers::plain(503, body);
        }
        Reply::empty(200).header("content-type", "application/json").with_body(body.into_bytes())
    }
}

fn status(label: &str, path: &str, connected: bool, error: &str) -> plan::Json {
    let path = path.strip_prefix("root.").unwrap_or(path);
    let mut status = json!({"label": label, "path": path, "connected": connected});
    if !connected && !error.is_empty() {
        status["error"] = json!(error);
    }
    status
}
