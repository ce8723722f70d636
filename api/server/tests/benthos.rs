//! The Benthos dialect over real sockets, on an engine with small components made for the purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[allow(dead_code, reason = "what other tests use of it")]
mod common;

use std::time::{Duration, Instant};

use common::{Answer, Running};
use serde_json::{Value, json};

const STREAM: &str = "input:\n  ticks: {}\noutput:\n  drop: {}\n";

fn stream(count: u64) -> String {
    format!("input: {{ticks: {{count: {count}}}}}\noutput: {{drop: {{}}}}\n")
}

fn assert_done(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (200, ""), "{answer:?}");
    assert_eq!(answer.header("content-type"), None, "{answer:?}");
}

fn assert_text(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text()), (status, text));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let sniff = if status == 200 { None } else { Some("nosniff") };
    assert_eq!(answer.header("x-content-type-options"), sniff);
}

fn until(running: &Running, path: &str, right: impl Fn(&Answer) -> bool) -> Answer {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = running.ask("GET", path, "");
        if right(&answer) {
            return answer;
        }
        assert!(Instant::now() < limit, "{path}: {answer:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn until_ended(running: &Running, id: &str) {
    until(running, &format!("/streams/{id}"), |a| a.json()["active"] == false);
}

#[test]
fn the_service_answers_under_both_prefixes() {
    let running = Running::start();
    for prefix in ["", "/benthos"] {
        for method in ["GET", "POST", "DELETE"] {
            assert_text(&running.ask(method, &format!("{prefix}/ping"), "x"), 200, "pong");
            assert_text(&running.ask(method, &format!("{prefix}/ready"), ""), 200, "OK");
        }
        let version = running.ask("GET", &format!("{prefix}/version"), "");
        assert!(version.text().starts_with("{\"version\":\"") && version.text().contains("\", \""));
        let streams = running.ask("GET", &format!("{prefix}/streams"), "");
        assert_eq!((streams.status, streams.text()), (200, "{}"));
        assert_eq!(streams.header("content-type"), Some("application/json"));
    }
    for path in [
        "/nope",
        "/",
        "/streams/",
        "/streams/a/b",
        "/ping/",
        "/streams/a%2Fb",
        "/debug/config/json",
    ] {
        assert_text(&running.ask("GET", path, ""), 404, "404 page not found\n");
    }
    let moved = running.ask("GET", "//ping", "");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/ping")));
    let paths = running.ask("GET", "/endpoints", "").json();
    for path in ["/ping", "/stats", "/metrics", "/streams/{id}", "/resources/{type}/{id}"] {
        assert!(paths[path].is_string(), "{path}");
    }
    running.stop();
}

#[test]
fn streams_are_made_read_replaced_and_removed() {
    let running = Running::start();
    for (method, body) in [("GET", ""), ("PUT", STREAM), ("PATCH", "{}"), ("DELETE", "")] {
        assert_text(&running.ask(method, "/streams/foo", body), 404, "Stream not found\n");
    }
    assert_text(&running.ask("GET", "/streams/foo/stats", ""), 404, "Stream not found\n");
    assert_done(&running.ask("POST", "/streams/foo", STREAM));
    assert_text(&running.ask("POST", "/streams/foo", STREAM), 400, "Stream already exists\n");
    let shown = running.ask("GET", "/benthos/streams/foo", "").json();
    assert_eq!(shown["config"], json!({"input": {"ticks": {}}, "output": {"drop": {}}}));
    assert!(shown["active"] == true && shown["uptime"].is_f64() && shown["uptime_str"].is_string());
    assert_done(&running.ask("PUT", "/streams/foo", &stream(2)));
    until_ended(&running, "foo");
    let list = running.ask("GET", "/streams", "").json();
    assert_eq!(list["foo"]["active"], false);
    assert_eq!(list["foo"]["config"], Value::Null);
    let patch = r#"{"input": {"ticks": {"count": 3}}, "odd": 1}"#;
    assert_done(&running.ask("PATCH", "/streams/foo", patch));
    let config = running.ask("GET", "/streams/foo", "").json()["config"].clone();
    let want = json!({"input": {"ticks": {"count": 3}}, "odd": 1, "output": {"drop": {}}});
    assert_eq!(config, want);
    for (method, path) in [("HEAD", "/streams/foo"), ("POST", "/streams/foo/stats")] {
        assert_eq!(running.ask(method, path, "").status, 400);
    }
    let verb = running.ask("OPTIONS", "/streams/foo", "");
    assert_text(&verb, 400, "Error: verb not supported: OPTIONS\n");
    let verb = running.ask("DELETE", "/streams", "");
    assert_text(&verb, 400, "Error: method not supported\n");
    assert_done(&running.ask("DELETE", "/streams/foo?timeout=garbage", ""));
    assert_text(&running.ask("GET", "/streams/foo", ""), 404, "Stream not found\n");
    assert_done(&running.ask("POST", "/streams/a%20b", STREAM));
    assert_eq!(running.ask("GET", "/streams/a%20b", "").status, 200);
    let reserved = running.ask("POST", "/streams/v1", STREAM);
    assert_text(&reserved, 400, "Error: the stream id 'v1' is reserved\n");
    running.stop();
}

#[test]
fn what_is_wrong_is_told_in_the_right_order() {
    let running = Running::start();
    let unknown = "Error: (1,1) unable to infer input type from candidates: [nope]\n";
    assert_text(&running.ask("PUT", "/streams/x", "input: {nope: {}}\n"), 400, unknown);
    assert_text(&running.ask("PATCH", "/streams/x", "{bad"), 404, "Stream not found\n");
    assert_done(&running.ask("POST", "/streams/x", STREAM));
    assert_text(&running.ask("POST", "/streams/x", "input: {nope: {}}\n"), 400, unknown);
    let linty = "input: {ticks: {}}\noutput: {drop: {}}\nodd: 1\n";
    let lints = running.ask("POST", "/streams/x", linty);
    let texts = json!(["(3,1) field odd not recognised"]);
    let want = json!({"lint_errors": texts, "linting_errors": texts});
    assert_eq!((lints.status, lints.json()), (400, want));
    assert_eq!(lints.header("content-type"), Some("application/json"));
    assert_eq!(running.ask("PUT", "/streams/x?chilled=1", linty).status, 400);
    assert_done(&running.ask("PUT", "/streams/x?chilled=true", linty));
    let broken = "input: {ticks: {}}\npipeline: {processors: [{label: pm, broken: {}}]}\n";
    let text =
        "Error: failed to init processor 'pm' path root.pipeline.processors.0: it is broken\n";
    assert_text(&running.ask("POST", "/streams/y", broken), 502, text);
    assert_eq!(running.ask("GET", "/streams/y", "").status, 404);
    // The old stream goes on when the new one cannot be constructed.
    assert_text(&running.ask("PUT", "/streams/x", broken), 502, text);
    let shown = running.ask("GET", "/streams/x", "").json();
    assert!(shown["active"] == true && shown["config"]["odd"] == 1, "{shown}");
    assert_text(&running.ask("POST", "/streams/x", broken), 400, "Stream already exists\n");
    running.stop();
}

#[test]
fn a_set_removes_replaces_and_makes() {
    let running = Running::start();
    let set = r#"{"a": {"input": {"ticks": {}}, "output": {"drop": {}}},
                  "b": {"input": {"ticks": {}}, "output": {"drop": {}}}}"#;
    assert_done(&running.ask("POST", "/streams", set));
    let set = "b: {input: {ticks: {count: 1}}, output: {drop: {}}}\n\
               c: {input: {ticks: {}}, output: {drop: {}}}\n";
    assert_done(&running.ask("POST", "/streams", set));
    let ids = |running: &Running| -> Vec<String> {
        running.ask("GET", "/streams", "").json().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(ids(&running), ["b", "c"]);
    until_ended(&running, "b");
    let linty = running.ask("POST", "/streams", "b: {odd: 1}\n");
    assert_eq!(linty.json()["lint_errors"], json!(["stream 'b': (1,1) field odd not recognised"]));
    assert_eq!(ids(&running), ["b", "c"]);
    let broken = "c: {pipeline: {processors: [{broken: {}}]}}\n\
                  d: {pipeline: {processors: [{broken: {}}]}}\n\
                  e: {input: {ticks: {}}, output: {drop: {}}}\n";
    let init = "failed to init processor <no label> path root.pipeline.processors.0: it is broken";
    let text = format!("Error: failed to create stream: {init}\nfailed to update stream: {init}\n");
    assert_text(&running.ask("POST", "/streams", broken), 400, &text);
    assert_eq!(ids(&running), ["c", "e"]);
    assert_done(&running.ask("POST", "/streams", ""));
    assert_eq!(running.ask("GET", "/streams", "").text(), "{}");
    running.stop();
}

#[test]
fn series_of_streams_are_flat_and_outlive_them() {
    let running = Running::start();
    assert_done(&running.ask("POST", "/streams/st", &stream(5)));
    until_ended(&running, "st");
    let stats = running.ask("GET", "/streams/st/stats", "");
    assert_eq!(stats.header("content-type"), Some("application/json"));
    let stats = stats.json();
    let received = "input_received{label=\"\",path=\"root.input\",stream=\"st\"}";
    assert_eq!(stats[received], 5, "{stats}");
    assert_eq!(stats["output_sent{label=\"\",path=\"root.output\",stream=\"st\"}"], 5, "{stats}");
    let latency = &stats["input_latency_ns{label=\"\",path=\"root.input\",stream=\"st\"}"];
    assert!(latency["p50"].is_u64() && latency["p99"].is_u64(), "{stats}");
    assert!(stats["uptime_ns"].is_u64());
    assert_done(&running.ask("PUT", "/streams/st", &stream(2)));
    until_ended(&running, "st");
    assert_eq!(running.ask("GET", "/streams/st/stats", "").json()[received], 2);
    assert_eq!(running.ask("GET", "/stats", "").json()[received], 7);
    assert_done(&running.ask("DELETE", "/streams/st", ""));
    assert_eq!(running.ask("GET", "/metrics", "").json()[received], 7);
    running.stop();
}

#[test]
fn readiness_names_who_is_not_connected() {
    let running = Running::start();
    assert_done(&running.ask("POST", "/streams/up", STREAM));
    let down = "input: {label: in, offline: {}}\noutput: {drop: {}}\n";
    assert_done(&running.ask("POST", "/streams/down", down));
    until(&running, "/up/ready", |a| a.status == 200);
    let text = "streams down are not connected\n";
    assert_text(&until(&running, "/ready", |a| a.text() == text), 503, text);
    let up = running.ask("GET", "/benthos/up/ready", "");
    let want = json!({"statuses": [{"label": "", "path": "input", "connected": true},
                                   {"label": "", "path": "output", "connected": true}]});
    assert_eq!((up.json(), up.text().ends_with('\n')), (want, true));
    let down = running.ask("GET", "/down/ready", "");
    assert_eq!(down.status, 503);
    assert_eq!(down.json()["statuses"][0]["label"], "in");
    assert_eq!(down.json()["statuses"][0]["connected"], false);
    assert_done(&running.ask("DELETE", "/streams/down?timeout=1s", ""));
    assert_text(&running.ask("GET", "/ready", ""), 200, "OK");
    let gone = running.ask("GET", "/down/ready", "");
    assert_eq!(gone.status, 503);
    assert_eq!(gone.json()["statuses"][0]["error"], "stream terminated");
    assert_eq!(running.ask("GET", "/never/ready", "").status, 404);
    assert!(running.ask("GET", "/endpoints", "").json()["/down/ready"].is_string());
    running.stop();
}

const STUCK: &str = "input: {ticks: {count: 1}}\noutput: {stuck: {}}\n";

#[test]
fn a_stuck_stream_is_forced_after_its_timeout() {
    let running = Running::start();
    assert_done(&running.ask("POST", "/streams/s", STUCK));
    let start = Instant::now();
    assert_done(&running.ask("DELETE", "/streams/s?timeout=400ms", ""));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(running.ask("GET", "/streams/s", "").status, 404);
    running.stop();
}

#[test]
fn a_client_that_goes_away_forces_the_stop_it_asked_for() {
    let running = Running::start();
    for (method, body) in [("DELETE", ""), ("PUT", STREAM)] {
        assert_done(&running.ask("POST", "/streams/s", STUCK));
        // A stream that has read nothing yet is not stuck.
        until(&running, "/streams/s/stats", |a| {
            a.json()["input_received{label=\"\",path=\"root.input\",stream=\"s\"}"] == 1
        });
        assert!(running.ask_for(method, "/streams/s", body, Duration::from_millis(300)).is_none());
        let path = "/streams/s";
        match method {
            "DELETE" => drop(until(&running, path, |a| a.status == 404)),
            _ => drop(until(&running, path, |a| a.json()["config"]["output"]["drop"].is_object())),
        }
    }
    running.stop();
}

#[test]
fn resources_are_used_and_replaced() {
    let running = Running::start();
    let kinds = "Var `type` must be set to one of `cache`, `input`, `output`, `processor` or \
                 `rate_limit`\n";
    assert_text(&running.ask("POST", "/resources/nope/r", "{}"), 400, kinds);
    let verb = running.ask("GET", "/resources/processor/r", "");
    assert_text(&verb, 400, "Error: verb not supported: GET\n");
    assert_eq!(running.ask("POST", "/resources/processor", "{}").status, 404);
    let user = "input: {ticks: {}}\npipeline: {processors: [{resource: r}]}\noutput: {drop: {}}\n";
    let missing = running.ask("POST", "/streams/user", user);
    assert_eq!(missing.status, 502);
    assert!(missing.text().contains("processor resource 'r' was not found"), "{missing:?}");
    assert_done(&running.ask("POST", "/resources/processor/r", "tag: {text: one}\n"));
    assert_done(&running.ask("POST", "/streams/user", user));
    assert_done(&running.ask("POST", "/streams/other", STREAM));
    let plan = |running: &Running| running.ask("GET", "/v1/pipelines/streams/user/plan", "");
    assert!(plan(&running).text().contains("one"), "{:?}", plan(&running));
    let started = |running: &Running, id: &str| {
        let uptime = running.ask("GET", &format!("/streams/{id}"), "").json()["uptime"].as_f64();
        Instant::now() - Duration::from_secs_f64(uptime.unwrap())
    };
    let (user_start, other_start) = (started(&running, "user"), started(&running, "other"));
    std::thread::sleep(Duration::from_millis(100));
    assert_done(&running.ask("POST", "/resources/processor/r", "tag: {text: two}\n"));
    assert!(plan(&running).text().contains("two"), "{:?}", plan(&running));
    let moved = |id: &str, from: Instant| {
        started(&running, id).saturating_duration_since(from) > Duration::from_millis(50)
    };
    assert!(moved("user", user_start) && !moved("other", other_start));
    running.stop();
}

#[test]
fn streams_and_resources_survive_the_process() {
    let state = common::Scratch::new();
    let running = Running::with_state(state.path());
    assert_done(&running.ask("POST", "/resources/processor/r", "tag: {text: one}\n"));
    assert_done(&running.ask("POST", "/streams/s", STREAM));
    running.stop();
    let running = Running::with_state(state.path());
    assert_eq!(running.ask("GET", "/streams/s", "").json()["active"], true);
    assert_ne!(running.ask("GET", "/s/ready", "").status, 404);
    let user = "input: {ticks: {}}\npipeline: {processors: [{resource: r}]}\noutput: {drop: {}}\n";
    assert_done(&running.ask("POST", "/streams/user", user));
    running.stop();
}

#[test]
fn options_close_paths_and_ask_for_passwords() {
    let running = Running::with_options(|options| {
        options.api = false;
        options.http.debug_endpoints = true;
        options.settings = json!({"http": {"enabled": true}});
        options.http.root_path = "/deep/er/".to_owned();
        options.metrics = server::dialects::benthos::MetricsFormat::None;
        options.http.cors.enabled = true;
        options.http.cors.allowed_origins = vec!["*".to_owned()];
        options.http.basic_auth.enabled = true;
        options.http.basic_auth.username = "ann".to_owned();
        // The digest of `secret`.
        options.http.basic_auth.password_hash =
            plan::Secret::new("K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=".to_owned());
    });
    let origin = ("origin", "http://page");
    let refused = running.ask_with("GET", "/ping", "", &[origin]);
    assert_text(&refused, 401, "Unauthorized\n");
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    let preflight = [origin, ("access-control-request-method", "PUT")];
    assert_eq!(running.ask_with("OPTIONS", "/ping", "", &preflight).status, 200);
    for path in ["/streams", "/resources/cache/x", "/stats", "/benthos/ping"] {
        assert_eq!(running.ask("GET", path, "").status, 404, "{path}");
    }
    assert_eq!(running.ask("GET", "/v1/pipelines", "").status, 401);
    let ann = [("authorization", "Basic YW5uOnNlY3JldA==")];
    for path in ["/ping", "/deep/er/ping", "/ready", "/v1/pipelines"] {
        assert_eq!(running.ask_with("GET", path, "", &ann).status, 200, "{path}");
    }
    let settings = running.ask_with("GET", "/debug/config/json", "", &ann);
    assert_eq!(settings.json(), json!({"http": {"enabled": true}}));
    running.stop();
}
