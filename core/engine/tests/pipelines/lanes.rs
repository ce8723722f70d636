//! An operator whose state belongs to keys has an instance on every shard.

use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::State;
use plan::serde_json::json;
use plan::{Component, Plan, Role};

use crate::components::shelf;
use crate::{end, put, source_of, split, start, until, until_ended};

/// Sources with so many blocks each, all of which lead into an operator by keys.
fn keyed(name: &str, blocks: &[Option<u64>], lines: u64, more: u64, sink: &str) -> Plan {
    let mut plan = Plan::default();
    let mut ways = Vec::new();
    for blocks in blocks {
        let settings = json!({"partitions": 1, "blocks": blocks, "lines": lines});
        let source = plan.add(Role::Source, source_of(name, settings), vec![]);
        ways.push(plan.add(Role::Operator, split(), vec![source]));
    }
    let settings = json!({ "shelf": name, "more": more });
    let last = plan.add(Role::Operator, Component::new("keyed", settings), ways);
    plan.add(Role::Sink, Component::new(sink, json!({ "shelf": name })), vec![last]);
    plan
}

#[test]
fn lanes_have_every_row_of_every_source_once() {
    // Small blocks stay at home, large ones go to whichever shard is free.
    for (shards, lines) in [(4, 50), (4, 8000), (5, 8000)] {
        for blocks in [vec![Some(7)], vec![Some(2), Some(9)], vec![Some(0), Some(3), Some(5)]] {
            let (engine, handle) = start(shards);
            let name = format!("lanes{shards}-{lines}-{}", blocks.len());
            put(&handle, "a", keyed(&name, &blocks, lines, 100, "collect")).unwrap();
            assert_eq!(until_ended(&handle, "a"), State::Finished);
            let found = shelf(&name).lines.lock().unwrap().clone();
            let (mut rows, last) = found.split_at(found.len() - 101 * shards);
            for lane in 0..shards {
                // In the order of lanes, and each of them to its end.
                let more = (0..100).rev().map(|n| format!("{n} more of Some({lane})"));
                let all: Vec<_> =
                    [format!("end of Some({lane})")].into_iter().chain(more).collect();
                assert_eq!(last[101 * lane..101 * (lane + 1)], all);
            }
            let mut wanted = Vec::new();
            for (port, blocks) in blocks.iter().enumerate() {
                let of_port = format!("{port}/0:");
                wanted.extend((0..blocks.unwrap() * lines).map(|n| format!("{of_port}{n}")));
            }
            let mut sorted = std::mem::take(&mut rows).to_vec();
            sorted.sort();
            wanted.sort();
            assert!(sorted == wanted, "{name}: {} of {}", sorted.len(), wanted.len());
            end(engine);
        }
    }
}

#[test]
fn lanes_do_not_run_ahead_of_a_sink_that_is_stuck() {
    let (engine, handle) = start(4);
    put(&handle, "a", keyed("ahead", &[None], 8000, 0, "stuck")).unwrap();
    let made = || shelf("ahead").made.load(Ordering::SeqCst);
    until("all lanes are as far ahead as they may be", || made() >= 4 * 64);
    std::thread::sleep(Duration::from_millis(500));
    // What waits in the lanes, and what is on its way to the sink.
    assert!(made() <= 4 * (64 + 2) + 100, "{} results", made());
    let emitted = || shelf("ahead").emitted.load(Ordering::SeqCst);
    let before = emitted();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(emitted(), before, "and the source waits, too");
    end(engine);
}
