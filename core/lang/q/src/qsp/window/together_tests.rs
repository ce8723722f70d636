//! Batches that come together are as batches that come alone.

use super::tests::{Rig, Row, table};
use crate::qsp::stage::Output;
use formats::k::{K, Sym};
use proptest::prelude::*;

/// A batch of records whose times ascend but for some, or one that does not fit.
fn batch(start: i64, (rows, back, shape): (usize, i64, u8)) -> K {
    let row = |n: i64| match shape {
        0..4 => (start + n, n),
        _ => (start + n - if n % 7 == 3 { back } else { 0 }, n),
    };
    let rows: Vec<Row> = (0..rows as i64).map(row).collect();
    match (shape, table(&rows)) {
        (8, K::Table(t)) => {
            K::table(vec![Sym::new("t"), Sym::new("w")], t.columns.clone()).unwrap()
        }
        (9, rows) => rows.at(0),
        (10, rows) => rows.slice(0, 0),
        (11, _) => K::longs(vec![start]),
        (12, _) => table(&[(i64::MIN, 0), (start, 1)]),
        (_, rows) => rows,
    }
}

/// What comes out of a window, the errors by number of the batch, what is left, and how many were
/// taken without anything coming out. Together: as many at once as it takes.
fn given(window: &str, values: &[K], together: bool) -> (Output, Vec<(usize, String)>, K, usize) {
    let mut rig = Rig::new(window);
    let (mut out, mut errors, mut at, mut all) = (Output::new(), Vec::new(), 0, 0);
    while at < values.len() {
        let taken = if together { rig.runner.values(&mut rig.cx, &values[at..]) } else { 0 };
        (at, all) = (at + taken, all + taken);
        if let Some(value) = values.get(at).filter(|_| taken == 0) {
            let done = rig.batch(value.clone(), &mut out);
            errors.extend(done.err().map(|error| (at, error.text.clone())));
            at += 1;
        }
    }
    let state = rig.runner.state().unwrap();
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    (out, errors, state, all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn batches_that_come_together_are_as_batches_that_come_alone(
        batches in prop::collection::vec((1usize..1300, 0i64..3000, 0u8..13), 1..12),
        window in prop::sample::select(vec![
            "tumbling[5000;`t]",
            "sliding[2000;5000;`t]",
            "tumbling[3000;`t; .qsp.use ``lateness!(::;1500)]",
            "tumbling[3000;`t; .qsp.use ``passthrough!(::;1b)]",
            "tumbling[3000;`t; .qsp.use ``countTrigger!(::;2000)]",
            "tumbling[3000;`t; .qsp.use ``mixedSchemas!(::;1b)]",
            "tumbling[3000; .qsp.use ``timeAssigner!(::;{[x] x`t})]",
        ]),
    ) {
        let starts = batches.iter().scan(-700, |next, (rows, ..)| {
            let start = *next;
            *next += *rows as i64;
            Some(start)
        });
        let values: Vec<K> = starts.zip(&batches).map(|(start, b)| batch(start, *b)).collect();
        let (out, errors, state, _) = given(window, &values, true);
        let (want_out, want_errors, want_state, _) = given(window, &values, false);
        prop_assert_eq!(out, want_out);
        prop_assert_eq!(errors, want_errors);
        prop_assert_eq!(state, want_state);
    }
}

#[test]
fn only_what_a_window_takes_whole_is_taken_at_once() {
    let values: Vec<K> = (0..10).map(|n| batch(1000 * n, (1000, 0, 0))).collect();
    let taken = |window| given(window, &values, true).3;
    // The first tells the columns, and each window is closed by another.
    assert_eq!(taken("tumbling[5000;`t]"), 8);
    assert_eq!(taken("sliding[5000;8000;`t]"), 8);
    assert_eq!(taken("tumbling[5000;`t; .qsp.use ``countTrigger!(::;100000)]"), 0);
    assert_eq!(taken("tumbling[100;`t]"), 0, "each has records of several");
}

#[test]
fn there_must_be_room_for_what_is_taken() {
    let mut rig = Rig::new("tumbling[1000000000;`t]");
    let rows = batch(0, (1000, 0, 0));
    rig.batch(rows.clone(), &mut Output::new()).unwrap();
    assert_eq!(rig.runner.values(&mut rig.cx, &vec![rows.clone(); 10]), 10);
    let most = super::HELD_MAX / 1000;
    let taken = rig.runner.values(&mut rig.cx, &vec![rows; most]);
    assert_eq!(taken, most - 11, "no more records than may be held");
}

#[test]
fn what_is_taken_at_once_is_heard_by_the_clock() {
    let mut rig = Rig::new("tumbling[0D00:00:01;`t]");
    let rows = rig.cx.eval("([]t:2000.01.01D0+til 1000;v:til 1000)", "rows").unwrap();
    let mut out = Output::new();
    rig.batch(rows.clone(), &mut out).unwrap();
    // Long after the window has ended by the clock.
    let now = 11_000 * 86_400_000_000_000;
    let mut emitted = |rig: &mut Rig, now| {
        rig.runner.tick(&mut rig.cx, now, &mut out).unwrap();
        out.len()
    };
    assert_eq!(emitted(&mut rig, 0), 0);
    assert_eq!(rig.runner.values(&mut rig.cx, std::slice::from_ref(&rows)), 1);
    assert_eq!(emitted(&mut rig, now), 0, "something came");
    assert_eq!(emitted(&mut rig, now + 1_000_000_000), 1, "nothing came");
    // Who does not look at the clock has to begin to.
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    assert_eq!(rig.runner.values(&mut rig.cx, &[rows]), 0);
}
