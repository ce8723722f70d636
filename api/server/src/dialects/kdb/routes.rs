//! Paths, verbs and answers.

use std::sync::Arc;
use std::time::Duration;

use engine::{EngineHandle, Key, PipelineSpec, PipelineView, PutError, PutMode};
use futures_util::future::LocalBoxFuture;
use plan::{Diagnostic, Json, Plan};
use serde_json::json;

use super::create::{Create, id_of, read};
use super::views::{LOAD_ERROR, basic, detailed, error_of, state_of};
use super::{Lower, OWNER, PARSE_ERROR};
use crate::exchange::{Reply, Request};
use crate::routing::Dialect;

/// How long a pipeline may take to stop gracefully when it is torn down.
const TEARDOWN_MAX: Duration = Duration::from_secs(10);

/// The dialect.
pub struct Kdb {
    engine: EngineHandle,
    lower: Lower,
}

fn error(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": text }))
}

impl Dialect for Kdb {
    fn name(&self) -> &'static str {
        "kdb"
    }

    fn roots(&self) -> &'static [&'static str] {
        &["details", "pipeline", "pipelines"]
    }

    fn handle<'a>(&'a self, request: &'a Request) -> Option<LocalBoxFuture<'a, Reply>> {
        let segments = request.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let verb = match words.as_slice() {
            ["pipelines" | "details"] | ["pipeline", "status", _] => "GET",
            ["pipeline", "create"] | ["pipeline", "teardown", _] | ["pipelines", "teardown"] => {
                "POST"
            }
            _ => return None,
        };
        Some(Box::pin(async move {
            if request.method != verb {
                let text = format!("{} is not supported here, only {verb}", request.method);
                return error(405, &text).header("allow", verb);
            }
            let words: Vec<&str> = segments.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["pipelines"] => self.list(false).await,
                ["details"] => self.list(true).await,
                ["pipeline", "create"] => self.create(request).await,
                ["pipeline", "status", id] => self.status(id).await,
                ["pipeline", "teardown", id] => self.teardown(id).await,
                _ => self.teardown_all().await,
            }
        }))
    }

    fn not_found(&self) -> Reply {
        error(404, "there is no such path")
    }
}

impl Kdb {
    /// A new dialect.
    pub(super) fn new(engine: EngineHandle, lower: Lower) -> Self {
        Kdb { engine, lower }
    }

    async fn list(&self, details: bool) -> Reply {
        let Ok(views) = self.engine.list(None, details).await else { return Reply::unavailable() };
        let show = if details { detailed } else { basic };
        Reply::json(200, &views.iter().map(show).collect::<Json>())
    }

    async fn create(&self, request: &Request) -> Reply {
        let create = match read(&request.body) {
            Ok(create) => create,
            Err(text) => return error(400, &text),
        };
        let Create { name, spec, max_workers, mut document, .. } = create;
        let mut plan = match (self.lower)(&spec) {
            Ok(plan) => plan,
            Err(diagnostics) if diagnostics.iter().any(|d| d.code == PARSE_ERROR) => {
                return error(400, &places(&diagnostics));
            }
            // What parses and fails while loading is a pipeline in the state of an error.
            Err(diagnostics) => {
                let text = diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
                document[LOAD_ERROR] = Json::String(text);
                Plan::default()
            }
        };
        plan.shards_max = Some(max_workers);
        let plan = Arc::new(plan);
        for _ in 0..8 {
            let id = id_of(&name, rt::rng::next_u64);
            let spec = PipelineSpec {
                key: Key::new(OWNER, id.as_str()),
                name: name.clone(),
                document: document.clone(),
                plan: Arc::clone(&plan),
            };
            match self.engine.put(spec, PutMode::Create, None).await {
                Err(_) => return Reply::unavailable(),
                Ok(Ok(())) => return Reply::json(200, &json!({ "id": id })),
                Ok(Err(PutError::Exists)) => {}
                Ok(Err(e @ (PutError::Closing | PutError::Full))) => {
                    return error(503, &e.to_string());
                }
                Ok(Err(e @ PutError::Journal(_))) => return error(500, &e.to_string()),
                Ok(Err(e)) => return error(400, &e.to_string()),
            }
        }
        error(500, "no free id was found")
    }

    async fn status(&self, id: &str) -> Reply {
        match self.find(id).await {
            Err(reply) => reply,
            Ok(view) => {
                Reply::json(200, &json!({"state": state_of(&view).1, "error": error_of(&view)}))
            }
        }
    }

    /// One of this dialect's pipelines by its id, or by its name where only one has it.
    async fn find(&self, id: &str) -> Result<PipelineView, Reply> {
        let views = self.engine.list(Some(OWNER), false).await;
        let mut views = views.map_err(|_| Reply::unavailable())?;
        if let Some(at) = views.iter().position(|v| &*v.spec.key.id == id) {
            return Ok(views.swap_remove(at));
        }
        views.retain(|v| v.spec.name == id);
        match views.len() {
            0 => Err(error(404, &format!("there is no pipeline '{id}'"))),
            1 => Ok(views.swap_remove(0)),
            n => Err(error(400, &format!("{n} pipelines are named '{id}'; give an id"))),
        }
    }

    async fn teardown(&self, id: &str) -> Reply {
        let key = match self.find(id).await {
            Ok(view) => view.spec.key.clone(),
            Err(reply) => return reply,
        };
        match self.engine.remove(key.clone(), Some(TEARDOWN_MAX), false).await {
            Err(_) => Reply::unavailable(),
            Ok(Ok(())) => Reply::json(200, &json!({ "id": key.id })),
            Ok(Err(engine::RemoveError::Missing)) => {
                error(404, &format!("there is no pipeline '{id}'"))
            }
            Ok(Err(e)) => error(500, &e.to_string()),
        }
    }

    async fn teardown_all(&self) -> Reply {
        let Ok(views) = self.engine.list(Some(OWNER), false).await else {
            return Reply::unavailable();
        };
        let mut ids = Vec::new();
        for view in views {
            let key = view.spec.key.clone();
            if let Ok(Ok(())) = self.engine.remove(key.clone(), Some(TEARDOWN_MAX), false).await {
                ids.push(key.id);
            }
        }
        Reply::json(200, &json!({ "ids": ids }))
    }
}

fn places(diagnostics: &[Diagnostic]) -> String {
    let one = |d: &Diagnostic| format!("spec:{}:{}: {}", d.span.line, d.span.column, d.message);
    diagnostics.iter().map(one).collect::<Vec<_>>().join("\n")
}
