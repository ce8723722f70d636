//! What the Controller and the Workers of a pipeline answer (spec/kdb-rest.md §2, §3), below the
//! path of the pipeline.

use engine::PipelineView;
use formats::k::K;
use plan::{Json, Role};
use serde_json::json;

use super::routes::{Kdb, busy, error};
use super::{graph, views, workers};
use crate::exchange::Reply;

/// The state of one operator as JSON, asked of the environment of its pipeline.
const STATE: &str = "{.j.j .qsp.get[x;::]}";
/// Sources that end by themselves, and could read again.
const BOUNDED: [&str; 2] = ["evaluate", "file"];

/// The verb of a path below the one of a pipeline; nothing where there is no such path.
pub(super) fn verb(words: &[&str]) -> Option<&'static str> {
    match words {
        ["workers" | "metrics" | "state" | "description" | "logs" | "status" | "details"]
        | ["state", _] => Some("GET"),
        ["trigger" | "checkpoint"] | ["trigger", _] => Some("POST"),
        _ => None,
    }
}

impl Kdb {
    /// Answers a request about one pipeline.
    pub(super) async fn below(&self, id: &str, words: &[&str]) -> Reply {
        let view = match self.find(id, true).await {
            Ok(view) => view,
            Err(reply) => return reply,
        };
        match words {
            ["workers"] => Reply::json(200, &workers::shown(&view, &self.around.ipc)),
            ["metrics"] => Reply::json(200, &workers::metrics(&view)),
            ["description"] => Reply::text(200, graph::graph(&view.spec.plan)),
            ["status"] => Reply::json(200, &views::status(&view)),
            ["details"] => Reply::json(200, &views::detailed(&view)),
            ["logs"] => {
                let lines = self.around.logs.lines(&view.spec.key.id);
                Reply::json(200, &json!({ "lines": lines }))
            }
            ["state"] => self.states(&view).await,
            ["state", operator] => match has(&view, operator) {
                true => self.state(&view, operator).await.unwrap_or_else(|reply| reply),
                false => no_operator(operator),
            },
            ["trigger"] => trigger(&view, None),
            ["trigger", operator] => trigger(&view, Some(operator)),
            _ => error(501, "the state of pipelines is not kept yet: there are no checkpoints"),
        }
    }

    /// The states of all operators by their names.
    async fn states(&self, view: &PipelineView) -> Reply {
        let mut states = plan::serde_json::Map::new();
        let operators = view.spec.plan.nodes.iter().filter(|node| node.role == Role::Operator);
        for name in operators.map(graph::name) {
            if states.contains_key(name) {
                continue;
            }
            match self.ask(view, name).await {
                Ok(state) => drop(states.insert(name.to_owned(), state)),
                Err(reply) => return reply,
            }
        }
        Reply::json(200, &states)
    }

    async fn state(&self, view: &PipelineView, operator: &str) -> Result<Reply, Reply> {
        Ok(Reply::json(200, &self.ask(view, operator).await?))
    }

    /// Asks the environment of a pipeline for the state of an operator.
    async fn ask(&self, view: &PipelineView, operator: &str) -> Result<Json, Reply> {
        let question = K::list(vec![K::str(STATE), K::sym(operator)]);
        let answer = self.engine.inquire(view.spec.key.clone(), question).await;
        match answer.map_err(|_| busy())? {
            None => Err(error(409, "the pipeline does not run")),
            Some(Err(text)) => Err(error(500, &views::unquoted(&text))),
            Some(Ok(state)) => {
                let text = state.as_text().unwrap_or_default();
                serde_json::from_slice(text).map_err(|e| error(500, &e.to_string()))
            }
        }
    }
}

fn has(view: &PipelineView, operator: &str) -> bool {
    view.spec.plan.nodes.iter().any(|node| graph::name(node) == operator)
}

fn no_operator(name: &str) -> Reply {
    error(404, &format!("there is no operator '{name}'"))
}

/// Asks readers that have ended to read again.
fn trigger(view: &PipelineView, operator: Option<&str>) -> Reply {
    let readers = view.spec.plan.nodes.iter().filter(|node| node.role == Role::Source);
    let mut bounded = readers.filter(|node| BOUNDED.contains(&node.component.name.as_str()));
    match operator {
        Some(name) if !has(view, name) => no_operator(name),
        Some(name) if !bounded.any(|node| graph::name(node) == name) => {
            error(400, &format!("'{name}' is no reader that ends by itself"))
        }
        None if bounded.next().is_none() => {
            error(400, "the pipeline has no reader that ends by itself")
        }
        _ => error(501, "a reader cannot be told to read again yet; create the pipeline anew"),
    }
}
