//! Readers that end by themselves read again when they are called (spec/kdb-rest.md §1).

use engine::{PipelineView, State};
use formats::k::K;
use plan::{Component, Json, Plan, Role};
use serde_json::json;

use super::operators::{has, name};
use super::routes::{Kdb, busy, error};
use super::views;
use crate::exchange::Reply;

/// Sources that end by themselves.
const BOUNDED: [&str; 3] = ["evaluate", "file", "http_client"];
/// The source that waits for calls.
const TRIGGERED: &str = "triggered";
/// What is asked of the environment of the pipeline.
const CALL: &str = ".qsp.triggerRead";

/// Whether a source ends by itself when it has read everything once.
fn ends(component: &Component) -> bool {
    let watches = component.config.get("watch").is_some_and(|watch| *watch == Json::Bool(true));
    BOUNDED.contains(&component.name.as_str()) && !watches
}

/// The readers that are called: the one that was named, or all that can be.
fn called<'a>(plan: &'a Plan, operator: Option<&str>) -> Result<Vec<&'a str>, Reply> {
    let readers = plan.nodes.iter().filter(|node| node.role == Role::Source);
    let meant = readers.filter(|node| operator.is_none_or(|wanted| name(node) == wanted));
    let meant: Vec<_> = meant.collect();
    let waiting = meant.iter().filter(|node| node.component.name == TRIGGERED);
    let waiting: Vec<&str> = waiting.map(|node| name(node)).collect();
    if !waiting.is_empty() {
        return Ok(waiting);
    }
    let once = meant.iter().any(|node| ends(&node.component));
    Err(match operator {
        Some(wanted) if !has(plan, wanted) => super::controller::no_operator(wanted),
        Some(wanted) if once => error(400, &format!("'{wanted}' reads once: it has no trigger")),
        Some(wanted) => error(400, &format!("'{wanted}' is no reader that ends by itself")),
        None if once => error(400, "the readers of the pipeline read once: they have no trigger"),
        None => error(400, "the pipeline has no reader that ends by itself"),
    })
}

impl Kdb {
    /// Asks readers to read again.
    pub(super) async fn trigger(&self, view: &PipelineView, operator: Option<&str>) -> Reply {
        let names = match called(&view.spec.plan, operator) {
            Ok(names) => names,
            Err(reply) => return reply,
        };
        if !matches!(view.state, State::Running) {
            return ended();
        }
        for name in &names {
            let question = K::list(vec![K::sym(CALL), K::sym(*name)]);
            match self.engine.inquire(view.spec.key.clone(), question).await {
                Err(_) => return busy(),
                Ok(None) => return ended(),
                Ok(Some(Err(text))) => return error(500, &views::unquoted(&text)),
                Ok(Some(Ok(_))) => {}
            }
        }
        Reply::json(200, &json!({ "id": view.spec.key.id, "triggered": names }))
    }
}

fn ended() -> Reply {
    error(409, "the pipeline does not run")
}
