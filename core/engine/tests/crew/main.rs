//! Several instances of a plan that share a port, on a driven clock: they come and go with the
//! load, nothing is lost, and every partition keeps its order. Alone in its process, because the
//! clock is the process's.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test may give up where it stands

mod bench;

use bench::{Bench, PIECES_MAX};
use engine::State;

#[test]
fn instances_come_and_go_with_the_load_and_every_partition_keeps_its_order() {
    let mut bench = Bench::new("load", 1, 4);
    assert_eq!(bench.workers(), 1);
    for most in [4, 3, 4] {
        bench.load_until(|bench| bench.workers() >= most);
        bench.rest_until(|bench| bench.workers() == 1);
    }
    bench.rest_until(Bench::all_delivered);
    bench.check();
    let view = bench.view();
    assert_eq!(view.events, bench.sent(), "those that have gone are counted");
    assert_eq!(view.errors, 0);
    assert!(bench.sinks() >= 1 + 3 + 2 + 3, "each has a sink of its own: {}", bench.sinks());
    assert_eq!(bench.alive(), 1, "and takes it with it");
}

#[test]
fn moves_at_random_moments_lose_nothing_and_change_no_order() {
    for seed in 0..4 {
        let mut bench = Bench::seeded(&format!("random-{seed}"), 1 + seed as usize % 2, 5, seed);
        let mut counts = std::collections::BTreeSet::new();
        for _ in 0..8 {
            // Stretches of load and of rest of any length, so that growing meets shrinking.
            let (load, rest) = (bench.random(100), bench.random(1200));
            (0..load).for_each(|_| bench.load());
            counts.insert(bench.workers());
            (0..rest).for_each(|_| bench.rest());
            counts.insert(bench.workers());
        }
        bench.rest_until(Bench::all_delivered);
        bench.check();
        assert!(counts.len() > 1, "the number changed: {counts:?}");
        assert_eq!(bench.view().events, bench.sent());
    }
}

#[test]
fn there_are_never_fewer_than_the_least() {
    let mut bench = Bench::new("least", 3, 4);
    assert_eq!(bench.workers(), 3, "from the beginning");
    bench.load_until(|bench| bench.workers() == 4);
    bench.rest_until(|bench| bench.workers() == 3);
    (0..2000).for_each(|_| bench.rest());
    assert_eq!(bench.workers(), 3);
    bench.check();
}

#[test]
fn what_was_answered_before_a_stop_is_delivered_by_all_instances() {
    let mut bench = Bench::new("stop", 3, 3);
    (0..40).for_each(|_| bench.load());
    bench.stop();
    bench.check_answered();
    assert_eq!(bench.alive(), 0);
    assert!(bench.is_closed(), "nobody can call any more");
}

#[test]
fn an_instance_that_fails_ends_the_pipeline_everywhere() {
    let mut bench = Bench::new("panic", 3, 3);
    (0..20).for_each(|_| bench.load());
    // Of a partition that the first instance has not.
    bench.send(vec![bench::PANICS]);
    bench.rest_until(|bench| bench.view().state != State::Running);
    let view = bench.view();
    assert_eq!(view.state, State::Failed("panicked: it was told to".to_owned()));
    assert!(view.workers.is_empty());
    bench.rest_until(|bench| bench.alive() == 0);
    assert!(bench.is_closed());
}

#[test]
fn the_pipeline_goes_on_when_no_further_instance_can_be_built() {
    let mut bench = Bench::new("two", 1, 4);
    bench.load_until(|bench| bench.workers() == 2);
    (0..600).for_each(|_| bench.load());
    assert_eq!((bench.workers(), bench.view().state), (2, State::Running));
    bench.rest_until(Bench::all_delivered);
    bench.check();
}

#[test]
fn a_sink_is_connected_when_those_of_all_instances_are() {
    let mut bench = Bench::new("connections", 1, 3);
    bench.rest_until(|bench| bench.connection().0);
    bench.shut(true);
    bench.load_until(|bench| bench.workers() == 2);
    bench.rest_until(|bench| bench.connection() == (false, "it is shut".to_owned()));
    (0..100).for_each(|_| bench.rest());
    assert!(!bench.connection().0, "whatever the first one has");
    bench.shut(false);
    bench.rest_until(|bench| bench.connection() == (true, String::new()));
    bench.check();
    bench.rest_until(|bench| bench.workers() == 1);
    assert!(bench.connection().0);
}

#[test]
fn an_instance_is_given_a_limited_number_of_pieces() {
    let mut bench = Bench::new("gate", 2, 2);
    bench.gate(true);
    (0..PIECES_MAX as i64 + 40).for_each(|number| bench.send(vec![number]));
    bench.rest_until(|bench| bench.answered() == PIECES_MAX);
    (0..200).for_each(|_| bench.rest());
    assert_eq!(bench.answered(), PIECES_MAX, "the others wait until some are delivered");
    bench.gate(false);
    bench.rest_until(Bench::all_delivered);
    bench.check();
}

#[test]
fn instances_of_one_plan_have_a_limit() {
    let bench = Bench::new("many", 300, 300);
    assert_eq!(bench.workers(), 256);
}
