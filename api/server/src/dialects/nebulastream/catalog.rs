//! The query catalog (spec/nes-rest.md §3).

use nes::catalog::{Query, Status};
use plan::Json;
use serde_json::json;

use super::query::plan_of;
use super::routes::{NebulaStream, unknown};
use super::types::{error, required};
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) async fn query_catalog(
        &self,
        method: &str,
        call: &str,
        request: &Request,
    ) -> Result<Reply, Reply> {
        match (method, call) {
            ("GET", "allRegisteredQueries") => self.all_queries().await,
            ("GET", "queries") => self.queries_of(request).await,
            // The document answers 400 here, whatever is wrong with the id.
            ("GET", "status") => self.status_or(request, 400).await,
            ("GET", "getNumberOfProducedBuffers") => self.produced(request).await,
            _ => Err(unknown()),
        }
    }

    async fn all_queries(&self) -> Result<Reply, Reply> {
        self.refresh().await?;
        let all: Vec<Json> = self.store.lock().queries.all().map(entry).collect();
        if all.is_empty() {
            return Ok(Reply::empty(204));
        }
        Ok(Reply::json(200, &Json::Array(all)))
    }

    async fn queries_of(&self, request: &Request) -> Result<Reply, Reply> {
        let name = required(request, "status")?;
        let Some(wanted) = Status::named(&name) else {
            return Err(error(400, format!("Invalid Status provided: {name}")));
        };
        self.refresh().await?;
        let state = self.store.lock();
        // The document has no content for a catalog without queries, not for one where none fits.
        if state.queries.all().next().is_none() {
            return Ok(Reply::empty(204));
        }
        let found = state.queries.all().filter(|q| q.status == wanted);
        let found: Vec<Json> = found.map(|q| json!({ q.id.to_string(): q.text })).collect();
        Ok(Reply::json(200, &Json::Array(found)))
    }

    /// The state of a query; `unknown` answers for an id that there is not.
    pub(super) async fn status_or(&self, request: &Request, unknown: u16) -> Result<Reply, Reply> {
        let query = self.named_or(request, unknown).await?;
        Ok(Reply::json(200, &json!({"status": query.status.name()})))
    }
}

fn entry(query: &Query) -> Json {
    let history: Vec<Json> = query
        .history
        .iter()
        .map(|(status, at)| json!({"status": status.name(), "timestamp": at}))
        .collect();
    json!({
        "queryId": query.id,
        "queryString": query.text,
        "queryStatus": query.status.name(),
        "status": query.status.name(),
        "queryPlan": plan_of(query),
        "queryInfo": query.info,
        "queryMetaData": query.info,
        "history": history,
    })
}
