//! The kdb dialect over real sockets, on an engine with small components made for the purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[allow(dead_code, reason = "what other tests use of it")]
mod common;

use std::sync::Arc;

use common::{Front, Running, Scratch};
use plan::{Component, Diagnostic, Plan, Role, Span};
use serde_json::{Value, json};
use server::dialects::kdb::{Lower, PARSE_ERROR};

/// A plan with this operator between its ends.
fn plan(operator: &str) -> Plan {
    plan_from("ticks", operator)
}

fn plan_from(source: &str, operator: &str) -> Plan {
    let mut plan = Plan::default();
    let source = plan.add(Role::Source, Component::new(source, json!({})), Vec::new());
    let config = if operator == "tag" { json!({"text": "a"}) } else { json!({}) };
    let middle = plan.add(Role::Operator, Component::new(operator, config), vec![source]);
    plan.add(Role::Sink, Component::new("drop", json!({})), vec![middle]);
    plan
}

/// Specs of one word: what parses, what does not, what fails while it is loaded, and what fails
/// while it is built.
fn lower() -> Lower {
    let span = Span { line: 2, column: 3, len: 1 };
    Arc::new(move |spec| match spec {
        "runs" => Ok(plan("tag")),
        "cannot be built" => Ok(plan("broken")),
        "fails while it runs" => Ok(plan_from("fails", "tag")),
        "has no shape" => Ok(Plan { nodes: plan("tag").nodes.split_off(2), ..Plan::default() }),
        "cannot be loaded" => Err(vec![Diagnostic::error("q", "'type", span)]),
        _ => Err(vec![Diagnostic::error(PARSE_ERROR, "')", span)]),
    })
}

fn kdb() -> Running {
    Running::front(Front::Kdb(lower()))
}

fn body(spec: &str) -> String {
    json!({"name": "file", "config": {"content": spec}}).to_string()
}

/// Creates a pipeline and returns its id.
fn create(running: &Running, body: &str) -> String {
    let created = running.ask("POST", "/pipeline/create", body);
    assert_eq!(created.status, 200, "{created:?}");
    created.json()["id"].as_str().unwrap().to_owned()
}

/// One pipeline as the list and its status show it: the two states and the error.
fn shown(running: &Running, id: &str) -> [String; 3] {
    let listed = running.ask("GET", "/pipelines", "").json();
    let found = listed.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    let status = running.ask("GET", &format!("/pipeline/status/{id}"), "").json();
    assert_eq!(found["error"], status["error"]);
    [&found["state"], &status["state"], &status["error"]].map(|v| v.as_str().unwrap().to_owned())
}

#[test]
fn what_fails_while_it_is_loaded_or_built_is_there_with_its_error() {
    let scratch = Scratch::new();
    let front = || Running::front_with_state(Front::Kdb(lower()), scratch.path());
    let running = front();
    let ids = ["cannot be loaded", "cannot be built", "has no shape"]
        .map(|spec| create(&running, &body(spec)));
    let all = |running: &Running| ids.each_ref().map(|id| shown(running, id));
    let seen = all(&running);
    for [upper, mixed, error] in &seen {
        assert_eq!((&**upper, &**mixed), ("ERRORED", "Errored"));
        assert!(!error.is_empty() && !error.starts_with('\''), "{error}");
    }
    assert_eq!(seen[0][2], "type");
    assert_eq!(seen[1][2], "it is broken");
    running.stop();
    let running = front();
    assert_eq!(all(&running), seen, "they are back after a restart");
    for id in &ids {
        assert_eq!(running.ask("POST", &format!("/pipeline/teardown/{id}"), "").status, 200);
    }
    assert_eq!(running.ask("GET", "/pipelines", "").json(), json!([]));
    running.stop();
}

#[test]
fn what_fails_while_it_runs_has_its_error_without_a_quote_mark() {
    let running = kdb();
    let id = create(&running, &body("fails while it runs"));
    let failed = ["ERRORED", "Errored", "expr-3c6ef5e2: type"].map(str::to_owned);
    for _ in 0..1000 {
        if shown(&running, &id) == failed {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(shown(&running, &id), failed);
    running.stop();
}

#[test]
fn parts_of_a_body_that_are_no_objects_are_refused_by_name() {
    let running = kdb();
    for (part, given) in [
        ("settings", json!("x")),
        ("settings", json!([])),
        ("persistence", json!("x")),
        ("persistence.worker", json!(5)),
        ("persistence.controller", json!(true)),
    ] {
        let mut posted = json!({"name": "file", "config": {"content": "runs"}});
        match part.split_once('.') {
            Some((outer, inner)) => posted[outer][inner] = given,
            None => posted[part] = given,
        }
        let refused = running.ask("POST", "/pipeline/create", &posted.to_string());
        assert_eq!(refused.status, 400, "{posted}");
        assert_eq!(refused.json(), json!({"error": format!("{part}: must be an object")}));
    }
    assert_eq!(running.ask("GET", "/pipelines", "").json(), json!([]), "nothing is created");
    let empty = json!({"name": "file", "type": null, "base": null, "settings": null,
        "persistence": {"worker": null}, "config": {"content": "runs"}});
    create(&running, &empty.to_string());
    running.stop();
}

#[test]
fn a_spec_that_does_not_parse_is_refused_with_its_place() {
    let running = kdb();
    let refused = running.ask("POST", "/pipeline/create", &body("a:1\nb:)\n"));
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!({"error": "spec:2:3: error: ')\n  |\n2 | b:)\n  |   ^", "line": 2, "column": 3})
    );
    assert_eq!(running.ask("GET", "/pipelines", "").json(), json!([]), "nothing is created");
    running.stop();
}

#[test]
fn a_load_error_in_a_body_is_only_a_field_of_it() {
    let running = kdb();
    let posted = json!({"name": "file", "loadError": "mine", "config": {"content": "runs"}});
    let id = create(&running, &posted.to_string());
    assert_eq!(shown(&running, &id), ["RUNNING", "Running", ""]);
    assert_eq!(running.ask("GET", &format!("/pipeline/{id}"), "").json()["loadError"], "mine");
    running.stop();
}

#[test]
fn what_was_posted_is_shown_without_secrets() {
    let running = kdb();
    let posted = json!({
        "name": "file", "type": "spec", "base": "q", "id": "mine", "config": {"content": "runs"},
        "persistence": {"controller": {}, "worker": {"size": "1Gi", "checkpointFreq": "1000"}},
        "env": {"KXI_LOG": "debug", "DB_PASSWORD": "hush"}, "imagePullSecrets": ["registry"],
    });
    let id = create(&running, &posted.to_string());
    let all = running.ask("GET", "/details", "").json();
    let one = running.ask("GET", &format!("/pipeline/{id}"), "");
    assert_eq!(one.status, 200);
    for details in [&all[0], &one.json()] {
        for key in ["type", "base", "config", "persistence", "imagePullSecrets"] {
            assert_eq!(details[key], posted[key], "{key}");
        }
        assert_eq!(details["id"], json!(id));
        assert_eq!(details["env"]["KXI_LOG"], "debug");
        assert_eq!(details["env"]["DB_PASSWORD"], "!!!SECRET_SCRUBBED!!!");
        assert!(details["metrics"]["eventRate"].is_number());
    }
    let listed = running.ask("GET", "/pipelines", "").json();
    let keys: Vec<&String> = listed[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "created", "state", "error"], "no more than is documented");
    let missing = running.ask("GET", "/pipeline/nope", "");
    assert_eq!((missing.status, missing.json()["error"].is_string()), (404, true));
    assert_eq!(running.ask("POST", &format!("/pipeline/{id}"), "").status, 405);
    running.stop();
}

#[test]
fn the_root_answers_where_kdb_comes_first() {
    let running = kdb();
    for (method, text) in [("GET", "{\"status\":\"OK\"}"), ("HEAD", "")] {
        let up = running.ask(method, "/", "");
        assert_eq!((up.status, up.text()), (200, text), "{method}");
    }
    assert_eq!(running.ask("POST", "/", "").status, 404);
    running.stop();
    let behind = Running::front(Front::BenthosThenKdb(lower()));
    let missing = behind.ask("GET", "/", "");
    assert_eq!((missing.status, missing.text()), (404, "404 page not found\n"));
    assert_eq!(behind.ask("HEAD", "/", "").status, 404);
    assert_eq!(behind.ask("GET", "/pipelines", "").json(), json!([]), "it is there all the same");
    behind.stop();
}

#[test]
fn an_engine_that_does_not_answer_is_told_in_json() {
    let running = kdb();
    running.end_engine();
    for (method, path, body) in [
        ("GET", "/pipelines", String::new()),
        ("GET", "/details", String::new()),
        ("GET", "/pipeline/a", String::new()),
        ("GET", "/pipeline/status/a", String::new()),
        ("GET", "/pipeline/a/workers", String::new()),
        ("POST", "/pipeline/a/trigger", String::new()),
        ("POST", "/pipeline/create", body("runs")),
        ("POST", "/pipeline/create", body("cannot be loaded")),
        ("POST", "/pipeline/teardown/a", String::new()),
        ("POST", "/pipelines/teardown", String::new()),
        ("GET", "/v1/pipelines", String::new()),
    ] {
        let answer = running.ask(method, path, &body);
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        let error: &Value = &answer.json()["error"];
        assert!(error.as_str().is_some_and(|text| !text.is_empty()), "{path}: {answer:?}");
    }
}
