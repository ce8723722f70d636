//! A source with partitions on one, two and four shards.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{Key, MetricValue, PutError, State};
use plan::serde_json::json;
use plan::{Component, Json};

use crate::components::{Shelf, shelf};
use crate::{end, plan_of, put, split, start, until, until_ended, view, wait};

/// Every partition has its lines from 0 on, each once; returns how many. In order, too, where
/// nothing was refused.
fn lines_of(shelf: &Shelf, partitions: usize, in_order: bool) -> Vec<usize> {
    let mut seen = vec![Vec::new(); partitions];
    for line in shelf.lines.lock().unwrap().iter() {
        let (partition, number) = line.split_once(':').unwrap();
        seen[partition.parse::<usize>().unwrap()].push(number.parse::<usize>().unwrap());
    }
    for numbers in &mut seen {
        if !in_order {
            numbers.sort_unstable();
        }
        assert!(numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
    }
    seen.iter().map(Vec::len).collect()
}

fn instances(shelf: &Arc<Shelf>) -> Vec<(usize, usize)> {
    shelf.instances.lock().unwrap().iter().copied().collect()
}

#[test]
fn every_message_of_every_partition_arrives_once_and_in_order() {
    let together = Component::new("together", Json::Null);
    for shards in [1, 2, 4] {
        for (kind, chain) in [("plain", vec![split()]), ("bound", vec![split(), together.clone()])]
        {
            let (engine, handle) = start(shards);
            let name = format!("{kind}{shards}");
            let source = json!({"blocks": 40, "lines": 100});
            put(&handle, "a", plan_of(&name, source, &chain, "collect")).unwrap();
            assert_eq!(until_ended(&handle, "a"), State::Finished);
            let shelf = shelf(&name);
            assert_eq!(lines_of(&shelf, 6, true), [4000; 6]);
            assert_eq!(shelf.acked.load(Ordering::SeqCst), 240, "every batch is acked");
            let all: Vec<_> = (0..shards).map(|i| (i, shards)).collect();
            assert_eq!(instances(&shelf), all, "on {shards} shards");
            assert_eq!(shelf.threads.lock().unwrap().len(), 1, "one sink");
            assert_eq!(view(&handle, "a").events, 24_000, "summed over the shards");
            end(engine);
        }
    }
}

#[test]
fn no_more_instances_than_partitions_or_the_plan_allows() {
    let (engine, handle) = start(4);
    put(&handle, "a", plan_of("few", json!({"partitions": 2, "blocks": 3}), &[split()], "collect"))
        .unwrap();
    let mut plan = plan_of("limit", json!({"blocks": 3}), &[split()], "collect");
    plan.shards_max = Some(3);
    put(&handle, "b", plan).unwrap();
    assert_eq!(until_ended(&handle, "a"), State::Finished);
    assert_eq!(until_ended(&handle, "b"), State::Finished);
    assert_eq!(instances(&shelf("few")), [(0, 2), (1, 2)]);
    assert_eq!(instances(&shelf("limit")), [(0, 3), (1, 3), (2, 3)]);
    end(engine);
}

#[test]
fn what_the_sink_refuses_goes_back_to_the_shard_it_came_from() {
    for shards in [1, 2, 4] {
        let (engine, handle) = start(shards);
        let name = format!("refuse{shards}");
        shelf(&name).refuse.store(true, Ordering::SeqCst);
        let source = json!({"blocks": 10, "lines": 100});
        put(&handle, "a", plan_of(&name, source, &[split()], "collect")).unwrap();
        assert_eq!(until_ended(&handle, "a"), State::Finished);
        assert_eq!(lines_of(&shelf(&name), 6, false), [1000; 6]);
        assert_eq!(shelf(&name).refused.lock().unwrap().len(), 600);
        end(engine);
    }
}

#[test]
fn a_plan_that_needs_no_common_place_runs_whole_on_every_shard() {
    for shards in [1, 2, 4] {
        let (engine, handle) = start(shards);
        let name = format!("whole{shards}");
        let source = json!({"blocks": 40, "lines": 100});
        put(&handle, "a", plan_of(&name, source, &[split()], "everywhere")).unwrap();
        assert_eq!(until_ended(&handle, "a"), State::Finished);
        assert_eq!(shelf(&name).count.load(Ordering::SeqCst), 24_000);
        assert_eq!(shelf(&name).threads.lock().unwrap().len(), shards);
        assert_eq!(view(&handle, "a").events, 24_000);
        end(engine);
    }
}

#[test]
fn a_stop_in_the_middle_delivers_what_was_read_and_no_more() {
    for (shards, sink) in [(1, "collect"), (2, "collect"), (4, "collect"), (4, "everywhere")] {
        let (engine, handle) = start(shards);
        let name = format!("stop{shards}{sink}");
        put(&handle, "a", plan_of(&name, json!({}), &[split()], sink)).unwrap();
        let shelf = shelf(&name);
        until("all instances read", || {
            shelf.emitted.load(Ordering::SeqCst) > 500 && instances(&shelf).len() == shards
        });
        assert!(view(&handle, "a").connections.iter().all(|c| c.connected));
        let stop = handle.remove(Key::new("test", "a"), Some(Duration::from_secs(60)), true);
        assert_eq!(wait(stop).unwrap(), Ok(()));
        assert_eq!(view(&handle, "a").state, State::Stopped);
        let emitted = shelf.emitted.load(Ordering::SeqCst);
        assert_eq!(shelf.acked.load(Ordering::SeqCst), emitted);
        let arrived = match sink {
            "collect" => lines_of(&shelf, 6, true).iter().sum(),
            _ => shelf.count.load(Ordering::SeqCst),
        };
        assert_eq!(arrived, emitted * 50);
        assert_eq!(shelf.alive.load(Ordering::SeqCst), 0, "no source is left");
        end(engine);
    }
}

#[test]
fn a_panic_in_one_instance_fails_the_pipeline_everywhere_and_no_other() {
    for shards in [2, 4] {
        // The last partition of the last instance, beside a sink that takes and one that does not.
        for sink in ["collect", "stuck", "everywhere"] {
            let (engine, handle) = start(shards);
            let name = format!("panic{shards}{sink}");
            let at = json!({"panics_at": format!("{}:70", shards - 1)});
            let broken = Component::new("split", at);
            put(&handle, "broken", plan_of(&name, json!({}), &[broken], sink)).unwrap();
            let well = format!("well{name}");
            put(&handle, "well", plan_of(&well, json!({"blocks": 20}), &[split()], "collect"))
                .unwrap();
            let failed = State::Failed("panicked: this line is too much".to_owned());
            assert_eq!(until_ended(&handle, "broken"), failed);
            until("no source is left", || shelf(&name).alive.load(Ordering::SeqCst) == 0);
            assert_eq!(until_ended(&handle, "well"), State::Finished);
            assert_eq!(lines_of(&shelf(&well), 6, true), [1000; 6]);
            end(engine);
        }
    }
}

#[test]
fn a_source_that_fails_for_good_ends_the_others_after_what_they_read() {
    for fatal in [0, 1] {
        let (engine, handle) = start(2);
        let name = format!("fatal{fatal}");
        let source = json!({"blocks": 20, "fatal": fatal});
        put(&handle, "a", plan_of(&name, source, &[split()], "collect")).unwrap();
        assert_eq!(until_ended(&handle, "a"), State::Failed("it is broken".to_owned()));
        let shelf = shelf(&name);
        let lines = lines_of(&shelf, 6, true);
        let of = |instance: usize| lines.iter().skip(instance).step_by(2).copied();
        assert!(of(fatal).eq([1000; 3]), "all of the one that failed: {lines:?}");
        assert_eq!(lines.iter().sum::<usize>(), shelf.emitted.load(Ordering::SeqCst) * 50);
        assert_eq!(shelf.acked.load(Ordering::SeqCst), shelf.emitted.load(Ordering::SeqCst));
        until("no source is left", || shelf.alive.load(Ordering::SeqCst) == 0);
        end(engine);
    }
}

#[test]
fn a_stuck_sink_is_stopped_by_force_on_all_shards() {
    for shards in [1, 2, 4] {
        let (engine, handle) = start(shards);
        let name = format!("stuck{shards}");
        put(&handle, "stuck", plan_of(&name, json!({}), &[split()], "stuck")).unwrap();
        let well = format!("besides{shards}");
        put(&handle, "well", plan_of(&well, json!({"blocks": 20}), &[split()], "collect")).unwrap();
        assert_eq!(until_ended(&handle, "well"), State::Finished);
        let key = Key::new("test", "stuck");
        let stop = handle.remove(key.clone(), Some(Duration::from_millis(200)), false);
        assert_eq!(wait(stop).unwrap(), Ok(()));
        assert!(wait(handle.get(key, false)).unwrap().is_none());
        until("no source is left", || shelf(&name).alive.load(Ordering::SeqCst) == 0);
        end(engine);
    }
}

#[test]
fn an_instance_that_cannot_be_built_changes_nothing() {
    let (engine, handle) = start(2);
    let plan = plan_of("once", json!({"build_once": 1}), &[split()], "collect");
    let refused = put(&handle, "a", plan);
    assert!(matches!(refused, Err(PutError::Build { text, .. }) if text.contains("only once")));
    assert!(wait(handle.get(Key::new("test", "a"), false)).unwrap().is_none());
    until("no source is left", || shelf("once").alive.load(Ordering::SeqCst) == 0);
    put(&handle, "a", plan_of("again", json!({"blocks": 2}), &[split()], "collect")).unwrap();
    assert_eq!(until_ended(&handle, "a"), State::Finished);
    end(engine);
}

#[test]
fn metrics_are_sums_over_the_shards() {
    let (engine, handle) = start(4);
    put(&handle, "a", plan_of("sums", json!({"blocks": 10}), &[split()], "collect")).unwrap();
    assert_eq!(until_ended(&handle, "a"), State::Finished);
    let series = wait(handle.metrics(Key::new("test", "a"))).unwrap().unwrap();
    let counter = |name: &str| {
        let found = series.iter().find(|m| m.name == name).map(|m| &m.value);
        match found {
            Some(MetricValue::Counter(count)) => *count,
            Some(MetricValue::Gauge(value)) => *value as u64,
            Some(MetricValue::Timing(histogram)) => histogram.len(),
            None => panic!("there is no {name}"),
        }
    };
    assert_eq!(counter("input_received"), 3000);
    assert_eq!(counter("input_connection_up"), 4, "one for each instance");
    assert_eq!(counter("input_latency_ns"), 3000);
    end(engine);
}
