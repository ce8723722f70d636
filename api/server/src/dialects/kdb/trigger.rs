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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sources: &[(&str, &str, Json)]) -> Plan {
        let mut plan = Plan::default();
        for (name, label, config) in sources {
            let component =
                Component { label: (*label).to_owned(), ..Component::new(*name, config.clone()) };
            plan.add(Role::Source, component, Vec::new());
        }
        plan
    }

    /// The names of those that are called, or the status of the error.
    fn asked(plan: &Plan, operator: Option<&str>) -> Result<Vec<String>, u16> {
        let names = called(plan, operator).map_err(|reply| reply.status)?;
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn only_readers_that_wait_for_calls_are_called() {
        let all = plan(&[
            ("triggered", "first", json!({})),
            ("evaluate", "once", json!({})),
            ("file", "watches", json!({"watch": true})),
            ("triggered", "second", json!({})),
        ]);
        assert_eq!(asked(&all, None), Ok(vec!["first".to_owned(), "second".to_owned()]));
        assert_eq!(asked(&all, Some("second")), Ok(vec!["second".to_owned()]));
        assert_eq!(asked(&all, Some("once")), Err(400));
        assert_eq!(asked(&all, Some("watches")), Err(400));
        assert_eq!(asked(&all, Some("nobody")), Err(404));
        let watches = plan(&[("file", "watches", json!({"watch": true}))]);
        assert_eq!(asked(&watches, None), Err(400));
    }

    #[test]
    fn what_ends_when_it_has_read_once_is_told_from_what_never_ends() {
        let ends = |name: &str, config: Json| ends(&Component::new(name, config));
        assert!(ends("evaluate", json!({})) && ends("http_client", json!({})));
        assert!(ends("file", json!({})) && ends("file", json!({"watch": false})));
        assert!(!ends("file", json!({"watch": true})) && !ends("callback", json!({})));
    }
}
