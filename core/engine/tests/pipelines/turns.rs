//! Who gets a turn in a pipeline, and who hears of an end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{Key, State};
use plan::serde_json::json;
use plan::{Component, Plan, Role};

use crate::components::shelf;
use crate::{end, plan_of, put, source_of, split, start, until, until_ended, view, wait};

fn always(name: &str) -> Component {
    Component::new("always", json!({ "shelf": name }))
}

#[test]
fn an_operator_that_is_always_due_starves_nobody() {
    let (engine, handle) = start(1);
    let chain = [split(), always("due")];
    put(&handle, "idle", plan_of("idle", json!({"blocks": 0, "fatal": 9}), &chain, "collect"))
        .unwrap();
    put(&handle, "ends", plan_of("due", json!({"blocks": 40}), &chain, "collect")).unwrap();
    assert_eq!(until_ended(&handle, "ends"), State::Finished);
    assert_eq!(shelf("due").lines.lock().unwrap().len(), 12_000);
    put(&handle, "runs", plan_of("due", json!({}), &chain, "collect")).unwrap();
    until("it reads", || view(&handle, "runs").events > 10_000);
    for id in ["runs", "idle"] {
        let stop = handle.remove(Key::new("test", id), Some(Duration::from_secs(60)), true);
        assert_eq!(wait(stop).unwrap(), Ok(()));
        assert_eq!(view(&handle, id).state, State::Stopped, "{id}: gently");
    }
    end(engine);
}

#[test]
fn sources_that_never_pause_do_not_hold_up_the_time() {
    let (engine, handle) = start(2);
    put(&handle, "a", plan_of("flood", json!({}), &[split(), always("flood")], "collect")).unwrap();
    until("it is called again and again", || {
        shelf("flood").called.load(Ordering::SeqCst) > 20 && view(&handle, "a").events > 10_000
    });
    end(engine);
}

/// `ends` and `lasts`, each behind an operator of its own, come together in a third.
fn union(name: &str, lines: usize) -> Plan {
    let mut plan = Plan::default();
    let flush = |text: &str| Component::new("flush", json!({ "text": text }));
    let mut ways = Vec::new();
    for (text, blocks) in [("ends", json!(3)), ("lasts", json!(null))] {
        let settings = json!({"partitions": 1, "blocks": blocks, "lines": lines});
        let source = plan.add(Role::Source, source_of(name, settings), vec![]);
        let lines = plan.add(Role::Operator, split(), vec![source]);
        ways.push(plan.add(Role::Operator, flush(text), vec![lines]));
    }
    let both = plan.add(Role::Operator, flush("both"), ways);
    let sink = Component::new("collect", json!({ "shelf": name }));
    plan.add(Role::Sink, sink, vec![both]);
    plan
}

#[test]
fn the_end_of_one_source_reaches_what_only_it_feeds() {
    // Blocks of the larger number of lines go to whichever shard is free.
    for (shards, size) in [(1, 50), (2, 50), (2, 8000), (3, 8000)] {
        let (engine, handle) = start(shards);
        let name = format!("union{shards}-{size}");
        put(&handle, "a", union(&name, size)).unwrap();
        let flushed = || {
            let lines = shelf(&name).lines.lock().unwrap().clone();
            lines.into_iter().filter(|l| !l.starts_with("0:")).collect::<Vec<_>>()
        };
        until("the end of the one", || !flushed().is_empty());
        let before = shelf(&name).lines.lock().unwrap().len();
        let place = |text: &str| {
            shelf(&name).lines.lock().unwrap().iter().position(|line| line == text).unwrap()
        };
        assert!(place("ends Drained") > place(&format!("0:{}", 3 * size - 1)), "{shards}, {size}");
        until("more of the other", || shelf(&name).lines.lock().unwrap().len() > before + 1000);
        assert_eq!(flushed(), ["ends Drained"], "and the union is still open");
        let stop = handle.remove(Key::new("test", "a"), Some(Duration::from_secs(60)), true);
        assert_eq!(wait(stop).unwrap(), Ok(()));
        assert_eq!(flushed(), ["ends Drained", "lasts Stopped", "both Stopped"], "each once");
        end(engine);
    }
}
