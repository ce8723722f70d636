//! Paths, verbs and answers.

use std::sync::Arc;
use std::time::Duration;

use engine::api::Unavailable;
use engine::{EngineHandle, Key, PipelineSpec, PipelineView, PutError, PutMode};
use futures_util::future::LocalBoxFuture;
use plan::{Diagnostic, Json, Plan};
use serde_json::json;

use super::create::{Create, id_of, read};
use super::views::{basic, detailed, document, status, unquoted};
use super::{Around, Lower, OWNER, PARSE_ERROR, controller};
use crate::exchange::{Reply, Request};
use crate::routing::Dialect;

/// How long a pipeline may take to stop gracefully when it is torn down.
const TEARDOWN_MAX: Duration = Duration::from_secs(10);

/// How often an id is drawn until one is free.
const DRAWS_MAX: usize = 8;

/// The dialect.
pub struct Kdb {
    pub(super) engine: EngineHandle,
    lower: Lower,
    pub(super) around: Around,
}

pub(super) fn error(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": text }))
}

/// The engine did not answer.
pub(super) fn busy() -> Reply {
    error(503, "the engine is busy").header("retry-after", "1")
}

/// The answer to a spec that is not q: where it is wrong, with the line and a caret under the place
/// as the command line shows it.
fn unparsable(spec: &str, diagnostics: &[Diagnostic]) -> Reply {
    let all: Vec<String> = diagnostics.iter().map(|d| d.render("spec", spec)).collect();
    let place = diagnostics.first().map(|d| d.span).unwrap_or_default();
    let (text, line, column) = (all.join("\n"), place.line, place.column);
    Reply::json(400, &json!({"error": text, "line": line, "column": column}))
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
            ["pipeline", "create"] | ["pipeline", "teardown", _] | ["pipelines", "teardown"] => {
                "POST"
            }
            ["pipelines" | "details"] | ["pipeline", "status", _] | ["pipeline", _] => "GET",
            ["pipeline", _, below @ ..] => controller::verb(below)?,
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
                ["pipeline", id] => self.details(id).await,
                ["pipeline", "teardown", id] => self.teardown(id).await,
                ["pipeline", id, below @ ..] => self.below(id, below).await,
                _ => self.teardown_all().await,
            }
        }))
    }

    /// What the probes of the product's chart ask for.
    fn front(&self, request: &Request) -> Option<Reply> {
        let asked = request.path == "/" && matches!(&*request.method, "GET" | "HEAD");
        asked.then(|| Reply::json(200, &json!({"status": "OK"})))
    }

    fn not_found(&self) -> Reply {
        error(404, "there is no such path")
    }
}

impl Kdb {
    /// A new dialect.
    pub(super) fn new(engine: EngineHandle, lower: Lower, around: Around) -> Self {
        Kdb { engine, lower, around }
    }

    async fn list(&self, details: bool) -> Reply {
        let Ok(views) = self.engine.list(None, details).await else { return busy() };
        let show = if details { detailed } else { basic };
        Reply::json(200, &views.iter().map(show).collect::<Json>())
    }

    async fn create(&self, request: &Request) -> Reply {
        let create = match read(&request.body) {
            Ok(create) => create,
            Err(text) => return error(400, &text),
        };
        let (mut plan, mut load_error) = match (self.lower)(&create.spec) {
            Ok(plan) => (plan, None),
            Err(diagnostics) if diagnostics.iter().any(|d| d.code == PARSE_ERROR) => {
                return unparsable(&create.spec, &diagnostics);
            }
            // What parses and fails while loading is a pipeline in the state of an error.
            Err(diagnostics) => {
                let text = diagnostics.first().map(|d| unquoted(&d.message));
                (Plan::default(), Some(text.unwrap_or_default()))
            }
        };
        plan.shards_max = Some(create.max_workers);
        (plan.durable, plan.checkpoint_ms) = (create.checkpoint_ms.is_some(), create.checkpoint_ms);
        plan.crew = plan.crew.and_then(|crew| create.crew(crew.max));
        let mut plan = Arc::new(plan);
        for _ in 0..DRAWS_MAX {
            let id = id_of(&create.name, rt::rng::next_u64);
            match self.put(&id, &create, &plan, load_error.as_deref()).await {
                Err(_) => return busy(),
                Ok(Ok(())) => {
                    if let Some(error) = load_error {
                        tracing::error!(stream = id, error, "A spec could not be loaded");
                    }
                    return Reply::json(200, &json!({ "id": id }));
                }
                Ok(Err(PutError::Exists)) => {}
                // What cannot be built is shown as what cannot be loaded.
                Ok(Err(e @ (PutError::Build { .. } | PutError::Plan(_))))
                    if load_error.is_none() =>
                {
                    load_error = Some(unquoted(&e.to_string()));
                    plan = Arc::default();
                }
                Ok(Err(e @ (PutError::Closing | PutError::Full))) => {
                    return error(503, &e.to_string());
                }
                Ok(Err(e)) => return error(500, &e.to_string()),
            }
        }
        error(500, "no free id was found")
    }

    async fn put(
        &self,
        id: &str,
        create: &Create,
        plan: &Arc<Plan>,
        load_error: Option<&str>,
    ) -> Result<Result<(), PutError>, Unavailable> {
        let spec = PipelineSpec {
            key: Key::new(OWNER, id),
            name: create.name.clone(),
            document: document(&create.document, load_error),
            plan: Arc::clone(plan),
        };
        self.engine.put(spec, PutMode::Create, None).await
    }

    async fn details(&self, id: &str) -> Reply {
        match self.find(id, true).await {
            Ok(view) => Reply::json(200, &detailed(&view)),
            Err(reply) => reply,
        }
    }

    async fn status(&self, id: &str) -> Reply {
        match self.find(id, false).await {
            Err(reply) => reply,
            Ok(view) => Reply::json(200, &status(&view)),
        }
    }

    /// One of this dialect's pipelines by its id, or by its name where only one has it.
    pub(super) async fn find(&self, id: &str, metrics: bool) -> Result<PipelineView, Reply> {
        let views = self.engine.list(Some(OWNER), metrics).await;
        let mut views = views.map_err(|_| busy())?;
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
        let key = match self.find(id, false).await {
            Ok(view) => view.spec.key.clone(),
            Err(reply) => return reply,
        };
        match self.engine.remove(key.clone(), Some(TEARDOWN_MAX), false).await {
            Err(_) => busy(),
            Ok(Ok(())) => {
                self.around.logs.forget(&key.id);
                Reply::json(200, &json!({ "id": key.id }))
            }
            Ok(Err(engine::RemoveError::Missing)) => {
                error(404, &format!("there is no pipeline '{id}'"))
            }
            Ok(Err(e)) => error(500, &e.to_string()),
        }
    }

    async fn teardown_all(&self) -> Reply {
        let Ok(views) = self.engine.list(Some(OWNER), false).await else {
            return busy();
        };
        let mut ids = Vec::new();
        for view in views {
            let key = view.spec.key.clone();
            if let Ok(Ok(())) = self.engine.remove(key.clone(), Some(TEARDOWN_MAX), false).await {
                self.around.logs.forget(&key.id);
                ids.push(key.id);
            }
        }
        Reply::json(200, &json!({ "ids": ids }))
    }
}
