//! Paths, verbs and what browsers ask (spec/nes-rest.md §1, §12).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use engine::EngineHandle;
use futures_util::future::LocalBoxFuture;
use futures_util::lock::Mutex;
use nes::catalog::Coordinator;
use serde_json::json;

use super::openapi;
use super::state::Store;
use super::types::{either, error};
use crate::exchange::{Reply, Request};
use crate::routing::Dialect;

/// What every path begins with.
const PREFIX: [&str; 2] = ["v1", "nes"];

/// The dialect.
pub struct NebulaStream {
    pub(super) store: Store,
    pub(super) config: Coordinator,
    /// Address of the server over which parts of queries exchange batches.
    pub(super) url: Option<String>,
    /// Set when the process ends: what stops then has not ended.
    pub(super) closing: AtomicBool,
    /// Held while queries come to chains or leave them.
    pub(super) merging: Mutex<()>,
    /// Whether somebody looks after chains.
    pub(super) watching: AtomicBool,
    pub(super) this: Weak<NebulaStream>,
}

impl NebulaStream {
    pub(super) fn new(engine: EngineHandle, config: Coordinator, url: Option<String>) -> Arc<Self> {
        let store = Store::new(engine, &config);
        Arc::new_cyclic(|this| NebulaStream {
            store,
            config,
            url,
            closing: AtomicBool::new(false),
            merging: Mutex::new(()),
            watching: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// The process ends: from now on nothing is concluded from what stops.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    async fn answer(&self, request: &Request, words: &[&str]) -> Result<Reply, Reply> {
        self.load().await?;
        match (request.method.as_str(), words) {
            ("POST", ["query", "execute-query"]) => self.execute(request).await,
            ("GET", ["query", "query-plan"]) => self.query_plan(request).await,
            ("GET", ["query", "execution-plan"]) => self.execution_plan(request).await,
            ("GET", ["query", "query-status"]) => self.status_or(request, 404).await,
            ("GET", ["query", "optimization-phase" | "optimization-phases"]) => {
                self.phases(request).await
            }
            ("DELETE", ["query", "stop-query"]) => self.stop(request).await,
            (method, ["queryCatalog", call]) => self.query_catalog(method, call, request).await,
            (method, ["sourceCatalog", call]) => self.source_catalog(method, call, request).await,
            (method, ["topology", rest @ ..]) => self.topology(method, rest, request).await,
            ("GET", ["monitoring", rest @ ..]) => self.monitoring(rest, request),
            (method, ["udf-catalog" | "udfCatalog", call]) => {
                let first = words.first() == Some(&"udf-catalog");
                self.udf_catalog(method, call, first, request).await
            }
            ("GET", ["location", rest @ ..]) => self.location(rest, request),
            ("POST", ["maintenance", "mark" | "scheduleMaintenance"]) => {
                self.maintain(request).await
            }
            ("GET", ["connectivity", "check"]) => {
                Ok(Reply::json(200, &json!({"statusCode": 200, "success": true})))
            }
            ("GET", ["openapi.json"]) => Ok(openapi::document()),
            ("GET", ["docs"]) => Ok(openapi::page()),
            _ => Err(unknown()),
        }
    }

    fn allow_origin(&self) -> &str {
        if self.config.cors_origin.is_empty() { "*" } else { &self.config.cors_origin }
    }
}

/// The answer to a path or verb that there is not.
pub(super) fn unknown() -> Reply {
    error(404, "Unknown endpoint")
}

fn is_ours(request: &Request) -> bool {
    request
        .path
        .strip_prefix("/v1/nes")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Dialect for NebulaStream {
    fn name(&self) -> &'static str {
        "nebulastream"
    }

    fn handle<'a>(&'a self, request: &'a Request) -> Option<LocalBoxFuture<'a, Reply>> {
        if !is_ours(request) {
            return None;
        }
        Some(Box::pin(async move {
            let segments = request.segments();
            let words: Vec<&str> = segments.iter().map(String::as_str).collect();
            let Some(words) = words.strip_prefix(&PREFIX) else { return unknown() };
            let words: Vec<&str> = words.iter().copied().filter(|w| !w.is_empty()).collect();
            either(self.answer(request, &words).await)
        }))
    }

    fn preflight(&self, request: &Request) -> Option<Reply> {
        let asks = request.method == "OPTIONS" && is_ours(request);
        asks.then(|| {
            Reply::empty(200).header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
        })
    }

    fn finish(&self, request: &Request, reply: Reply) -> Reply {
        if !is_ours(request) {
            return reply;
        }
        reply.header("Access-Control-Allow-Origin", self.allow_origin()).header(
            "Access-Control-Allow-Headers",
            "DNT, User-Agent, X-Requested-With, If-Modified-Since, Cache-Control, \
                 Content-Type, Range, Authorization",
        )
    }

    fn not_found(&self) -> Reply {
        unknown()
    }
}
