//! What the Controller and the Workers of a pipeline answer (spec/kdb-rest.md §2, §3), below the
//! path of the pipeline.

use engine::PipelineView;
use formats::k::K;
use plan::{Json, Role};
use serde_json::json;

use super::operators::{has, operators};
use super::routes::{Kdb, busy, error};
use super::{graph, views, workers};
use crate::exchange::Reply;

/// The state of one operator as JSON, asked of the environment of its pipeline.
const STATE: &str = "{.j.j .qsp.get[x;::]}";

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
            ["state", operator] => match has(&view.spec.plan, operator) {
                true => self.state(&view, operator).await.unwrap_or_else(|reply| reply),
                false => no_operator(operator),
            },
            ["trigger"] => self.trigger(&view, None).await,
            ["trigger", operator] => self.trigger(&view, Some(operator)).await,
            _ => self.checkpoint(&view).await,
        }
    }

    /// The states of all operators by their names.
    async fn states(&self, view: &PipelineView) -> Reply {
        let mut states = plan::serde_json::Map::new();
        let all = operators(&view.spec.plan).into_iter();
        for name in all.filter(|shown| shown.role == Role::Operator).map(|shown| shown.name) {
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

pub(super) fn no_operator(name: &str) -> Reply {
    error(404, &format!("there is no operator '{name}'"))
}
