//! What `/details` and `/metrics` tell of a load, asserted exactly on a driven clock. Alone in its
//! process, because the clock is the process's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[allow(dead_code, reason = "what other tests use of it")]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::load::LOAD;
use common::{Front, Running};
use plan::{Component, Plan, Role};
use serde_json::{Value, json};

fn plan() -> Plan {
    let mut plan = Plan::default();
    let source = plan.add(Role::Source, Component::new("given", json!({})), Vec::new());
    plan.add(Role::Sink, Component::new("timed", json!({})), vec![source]);
    plan
}

/// Events and bytes a second, and milliseconds.
fn metrics(event_rate: f64, bytes_rate: f64, latency: f64) -> Value {
    json!({ "eventRate": event_rate, "bytesRate": bytes_rate, "latency": latency })
}

#[test]
fn details_agree_exactly_with_a_load() {
    let clock = rt::Clock::driven(1_628_975_075_631_193_507);
    clock.install_for_process();
    let running = Running::front(Front::Kdb(Arc::new(|_| Ok(plan()))));
    let body = json!({"name": "file", "config": {"content": "x"}}).to_string();
    let id = running.ask("POST", "/pipeline/create", &body).json()["id"].clone();
    let id = id.as_str().unwrap();
    let details = || running.ask("GET", "/details", "").json()[0].clone();
    assert_eq!(details()["created"], "2021-08-14T21:04:35.631193507");
    assert_eq!(details()["metrics"], metrics(0.0, 0.0, 0.0));

    // A batch at the beginning of each second, and the rest of the second nothing.
    let second = |messages, bytes, write_ms| {
        LOAD.batch(&clock, messages, bytes, write_ms);
        clock.advance(Duration::from_millis(1000 - write_ms));
    };
    (0..4).for_each(|_| second(100, 50, 4));
    // Four seconds old: a mean over its age.
    assert_eq!(details()["metrics"], metrics(100.0, 5000.0, 4.0));
    (4..8).for_each(|_| second(100, 50, 4));
    (8..13).for_each(|_| second(100, 10, 2));
    LOAD.batch(&clock, 100, 10, 2);
    clock.advance(Duration::from_millis(898));
    // At 13.9 seconds the last ten have four batches of the one kind and six of the other.
    assert_eq!(details()["metrics"], metrics(100.0, 2600.0, 2.8));
    assert_eq!(details()["lastSeen"], "2021-08-14T21:04:49.531193507");
    assert_eq!(running.ask("GET", &format!("/pipeline/{id}"), "").json(), details());
    let shown = running.ask("GET", &format!("/pipeline/{id}/metrics"), "").json();
    for part in shown.as_array().unwrap() {
        assert_eq!(part["ts"], "2021-08-14T21:04:49.531Z");
        for (name, value) in metrics(100.0, 2600.0, 2.8).as_object().unwrap() {
            assert_eq!(&part[name], value, "{name}");
        }
    }
    let workers = running.ask("GET", &format!("/pipeline/{id}/workers"), "").json();
    assert_eq!((&workers[0]["events"], &workers[0]["bytes"]), (&json!(1400), &json!(46_000)));

    // Ten seconds later nothing of it is left.
    clock.advance(Duration::from_secs(10));
    assert_eq!(details()["metrics"], metrics(0.0, 0.0, 0.0));
    std::mem::forget(running); // stopping would need the clock to go on
}
