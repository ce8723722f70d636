//! What the Controller and the Workers of a pipeline answer, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[allow(dead_code, reason = "what other tests use of it")]
mod common;

use std::sync::Arc;

use common::{Answer, Front, Running};
use plan::{Component, Diagnostic, Plan, Role, Span};
use serde_json::{Value, json};
use server::dialects::kdb::Lower;

/// A plan whose operators have the names of users.
fn plan(reader: &str, config: Value) -> Plan {
    let named = |name: &str, label: &str, config: Value| Component {
        label: label.to_owned(),
        ..Component::new(name, config)
    };
    let mut plan = Plan::default();
    let source = plan.add(Role::Source, named("ticks", reader, config), Vec::new());
    let tag = named("tag", "map-1", json!({"text": "a"}));
    let tag = plan.add(Role::Operator, tag, vec![source]);
    plan.add(Role::Sink, named("drop", "toConsole-2", json!({})), vec![tag]);
    plan
}

/// The same where one node runs what is between the ends.
fn one_node() -> Plan {
    let mut plan = plan("callback-upd-0", json!({}));
    let graph = json!([
        {"name": "callback-upd-0", "kind": "reader"},
        {"name": "map-1", "kind": "operator", "inputs": ["callback-upd-0"]},
        {"name": "toConsole-2", "kind": "writer", "inputs": ["map-1"]},
    ]);
    plan.nodes[1].component.label = String::new();
    plan.nodes[1].component.config["graph"] = graph;
    plan
}

/// Specs of one word: what runs, what ends at once, and what cannot be loaded.
fn lower() -> Lower {
    Arc::new(|spec| match spec {
        "runs" => Ok(plan("callback-upd-0", json!({}))),
        "ends" => Ok(plan("expr-0", json!({"count": 3}))),
        "one node" => Ok(one_node()),
        _ => Err(vec![Diagnostic::error("q", "'type", Span::default())]),
    })
}

fn running() -> Running {
    Running::front(Front::Kdb(lower()))
}

/// Creates a pipeline and returns the path of it.
fn create(running: &Running, spec: &str) -> String {
    let body = json!({"name": spec, "config": {"content": spec}}).to_string();
    let created = running.ask("POST", "/pipeline/create", &body);
    assert_eq!(created.status, 200, "{created:?}");
    format!("/pipeline/{}", created.json()["id"].as_str().unwrap())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The status and the text of an error.
fn error(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    let text = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(!text.is_empty(), "{answer:?}");
    (answer.status, text)
}

#[test]
fn controller_and_worker_answer_below_the_pipeline() {
    let running = running();
    let path = create(&running, "runs");
    let get = |rest: &str| running.ask("GET", &format!("{path}/{rest}"), "");
    let workers = get("workers").json();
    let documented = ["id", "name", "address", "partitions", "startTime"];
    assert_eq!(keys(&workers[0])[..5], documented);
    assert_eq!(keys(&workers[0])[5..], ["events", "bytes", "errors"]);
    assert_eq!((workers.as_array().unwrap().len(), &workers[0]["partitions"]), (1, &json!([0])));
    let metrics = get("metrics").json();
    assert_eq!(keys(&metrics[0]), ["name", "ts", "eventRate", "bytesRate", "latency"]);
    assert_eq!(metrics[0]["name"], workers[0]["name"]);
    assert_eq!((&metrics[1]["name"], metrics.as_array().unwrap().len()), (&json!("_total"), 2));
    let graph = get("description");
    assert!(graph.text().starts_with("digraph pipeline {\n"), "{graph:?}");
    assert!(graph.text().contains("  \"callback-upd-0\" -> \"map-1\";\n"), "{graph:?}");
    let id = path.rsplit('/').next().unwrap();
    let status = running.ask("GET", &format!("/pipeline/status/{id}"), "");
    assert_eq!(get("status").json(), status.json());
    assert_eq!(get("status").json(), json!({"state": "Running", "error": ""}));
    let details = get("details").json();
    assert_eq!((&details["id"], &details["state"]), (&json!(id), &json!("RUNNING")));
    assert_eq!(get("logs").json(), json!({"lines": []}));
    // A name does as well as an id.
    assert_eq!(running.ask("GET", "/pipeline/runs/workers", "").json(), workers);
    running.stop();
}

#[test]
fn what_has_ended_or_never_began_has_no_worker() {
    let running = running();
    for (spec, state) in [("ends", "Finished"), ("cannot be loaded", "Errored")] {
        let path = create(&running, spec);
        let get = |rest: &str| running.ask("GET", &format!("{path}/{rest}"), "").json();
        while get("status")["state"] != state {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(get("workers"), json!([]), "{spec}");
        let metrics = get("metrics");
        assert_eq!(metrics.as_array().unwrap().len(), 1, "{spec}");
        assert_eq!(metrics[0]["name"], "_total", "{spec}");
    }
    running.stop();
}

#[test]
fn what_cannot_be_done_is_told() {
    let running = running();
    let path = create(&running, "runs");
    let post = |rest: &str| error(&running.ask("POST", &format!("{path}/{rest}"), ""));
    let bounded = "has no reader that ends by itself".to_owned();
    assert_eq!(post("trigger"), (400, format!("the pipeline {bounded}")));
    let not = "'map-1' is no reader that ends by itself".to_owned();
    assert_eq!(post("trigger/map-1"), (400, not));
    assert_eq!(post("trigger/nope"), (404, "there is no operator 'nope'".to_owned()));
    let kept = "the pipeline keeps no state: it was created without persistence.worker, or with a \
        checkpointFreq of 0";
    assert_eq!(post("checkpoint"), (400, kept.to_owned()));
    let get = |rest: &str| error(&running.ask("GET", &format!("{path}/{rest}"), ""));
    assert_eq!(get("state/nope"), (404, "there is no operator 'nope'".to_owned()));
    assert_eq!(get("state/map-1").0, 409, "nobody answers for it");
    let persistent = json!({
        "name": "kept", "config": {"content": "runs"}, "persistence": {"worker": {}},
    });
    let kept = running.ask("POST", "/pipeline/create", &persistent.to_string());
    assert_eq!(kept.status, 200, "{kept:?}");
    let nowhere = "the pipeline keeps no state: there is no directory for it".to_owned();
    let asked = running.ask("POST", "/pipeline/kept/checkpoint", "");
    assert_eq!(error(&asked), (400, nowhere));
    running.stop();
}

#[test]
fn what_has_ended_is_not_triggered_and_keeps_no_state() {
    let running = running();
    let path = create(&running, "ends");
    let get = |rest: &str| running.ask("GET", &format!("{path}/{rest}"), "").json();
    while get("status")["state"] != "Finished" {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ended = (409, "the pipeline does not run".to_owned());
    assert_eq!(error(&running.ask("POST", &format!("{path}/checkpoint"), "")), ended);
    running.stop();
}

#[test]
fn operators_that_run_as_one_node_have_names_of_their_own() {
    let running = running();
    let path = create(&running, "one node");
    let get = |rest: &str| running.ask("GET", &format!("{path}/{rest}"), "");
    let graph = get("description").text().to_owned();
    assert!(graph.contains("  \"callback-upd-0\" -> \"map-1\";\n"), "{graph}");
    assert!(graph.contains("  \"map-1\" -> \"toConsole-2\";\n"), "{graph}");
    // There is nobody to answer here, but the names are known.
    for known in ["callback-upd-0", "map-1", "toConsole-2"] {
        assert_eq!(error(&get(&format!("state/{known}"))).0, 409, "{known}");
    }
    assert_eq!(error(&get("state/tag")), (404, "there is no operator 'tag'".to_owned()));
    let trigger = running.ask("POST", &format!("{path}/trigger/map-1"), "");
    assert_eq!(error(&trigger).1, "'map-1' is no reader that ends by itself");
    running.stop();
}

#[test]
fn paths_verbs_and_pipelines_that_are_none_are_told() {
    let running = running();
    let path = create(&running, "runs");
    for rest in ["workers", "metrics", "state", "state/map-1", "description", "logs", "details"] {
        let wrong = running.ask("POST", &format!("{path}/{rest}"), "");
        assert_eq!((error(&wrong).0, wrong.header("allow")), (405, Some("GET")), "{rest}");
        let missing = running.ask("GET", &format!("/pipeline/nope/{rest}"), "");
        assert_eq!(error(&missing), (404, "there is no pipeline 'nope'".to_owned()), "{rest}");
    }
    for rest in ["trigger", "trigger/map-1", "checkpoint"] {
        let wrong = running.ask("GET", &format!("{path}/{rest}"), "");
        assert_eq!((error(&wrong).0, wrong.header("allow")), (405, Some("POST")), "{rest}");
    }
    for rest in ["nope", "workers/a", "state/a/b", "checkpoint/a"] {
        let missing = running.ask("GET", &format!("{path}/{rest}"), "");
        assert_eq!(error(&missing), (404, "there is no such path".to_owned()), "{rest}");
    }
    running.stop();
}
