//! What the options of windows do, windows that a function ends, and the clock.

use super::panes::Panes;
use super::tests::{Rig, Row, run, table, windows};
use crate::qsp::stage::Output;
use crate::session::{Options, Session};
use formats::k::K;
use proptest::prelude::*;

/// Nanoseconds of 2000-01-01 since 1970.
const EPOCH: i64 = 10_957 * 86_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// What comes out of a window for texts of batches, as the console shows it.
fn shown(window: &str, batches: &[&str]) -> Vec<String> {
    let mut rig = Rig::new(window);
    let mut out = Output::new();
    for text in batches {
        let data = rig.cx.eval(text, "batch").unwrap();
        rig.batch(data, &mut out).unwrap();
    }
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    out.iter().map(|(_, data)| rig.cx.show(data).trim_end().to_owned()).collect()
}

#[test]
fn a_trigger_says_where_the_stream_is_split() {
    let window = "global[{[op;held;offset;md;new] offset + where new=0}]";
    assert_eq!(shown(window, &["1 2", "3 0 4 0", "5"]), ["1 2 3", "0 4", "0 5"]);
    // With one parameter it sees all that is held, with two the metadata, too.
    assert_eq!(shown("global[{1_where x=0}]", &["0 1", "0 2 0"]), ["0 1", "0 2", ",0"]);
    assert_eq!(shown("global[{[md;x] 2*til 1+(count x) div 2}]", &["1 2 3"]), ["1 2", ",3"]);
    let named = "global[{[x;op] op`name}; .qsp.use ``params!(::;`data`operator)]";
    let mut rig = Rig::new(named);
    let error = rig.batch(K::longs(vec![1]), &mut Output::new()).unwrap_err();
    assert_eq!(error.text, "domain", "the name of the operator is no place");
}

#[test]
fn a_trigger_keeps_its_state_and_an_error_changes_nothing() {
    let window = "global[{[op;held;offset;md;new] if[`bad in new;'\"bad\"]; \
        n:.qsp.get[op;md]; .qsp.set[op;md;n+1]; $[n=1;count held;()]}; .qsp.use ``state!(::;0)]";
    let mut rig = Rig::new(window);
    let mut out = Output::new();
    for (text, fine) in [("`a", true), ("`bad`b", false), ("`c", true), ("`d", true)] {
        let data = rig.cx.eval(text, "batch").unwrap();
        assert_eq!(rig.batch(data, &mut out).is_ok(), fine, "{text}");
    }
    let shown: Vec<String> = out.iter().map(|(_, k)| rig.cx.show(k)).collect();
    assert_eq!(shown, ["`a`c"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_a_trigger_says_all_records_come_out_once_and_in_order(
        batches in prop::collection::vec(prop::collection::vec(0i64..4, 1..6), 0..10),
    ) {
        let mut rig = Rig::new("global[{[op;held;offset;md;new] offset+where new=0}]");
        let mut out = Output::new();
        for batch in &batches {
            rig.batch(K::longs(batch.clone()), &mut out).unwrap();
        }
        rig.runner.finish(&mut rig.cx, &mut out).unwrap();
        let got: Vec<Vec<i64>> =
            out.iter().map(|(_, k)| k.as_longs().unwrap_or_default().to_vec()).collect();
        prop_assert_eq!(got.concat(), batches.concat());
        for window in got.iter().skip(1) {
            prop_assert_eq!(window[0], 0, "each but the first begins with what splits");
        }
    }
}

#[test]
fn dictionaries_are_records_unless_there_are_none() {
    for window in ["count[2", "tumbling[10;`t", "timer[10", "global[{()}"] {
        let given = shown(&format!("{window}]"), &["`t`v!1 2", "([]t:3 4;v:5 6)"]);
        assert_eq!(given[0].lines().next(), Some("t v"), "{window}");
        let mut rig = Rig::new(&format!("{window}; .qsp.use ``acceptDictionaries!(::;0b)]"));
        let data = rig.cx.eval("`t`v!1 2", "batch").unwrap();
        assert!(rig.batch(data, &mut Output::new()).is_err(), "{window}");
    }
}

#[test]
fn tables_of_other_columns_are_put_together_where_schemas_are_mixed() {
    for window in ["tumbling[10;`t", "sliding[10;10;`t", "timer[10", "global[{()}"] {
        let window = format!("{window}; .qsp.use ``mixedSchemas!(::;1b)]");
        let got = shown(&window, &["([]t:1 2;v:1 2)", "([]t:enlist 3;w:enlist 7)"]);
        assert_eq!(got, ["t v w\n-----\n1 1  \n2 2  \n3   7"], "{window}");
    }
}

#[test]
fn windows_are_sorted_by_their_times_where_that_is_asked() {
    let rows: &[Row] = &[(7, 1), (3, 2), (7, 3), (1, 4), (12, 5)];
    for sort in [
        "tumbling[10;`t; .qsp.use ``sort!11b]",
        "tumbling[10; .qsp.use `timeAssigner`sort!({x`t};1b)]",
        "tumbling[10; {[md;x] x`t}; .qsp.use ``sort!11b]",
    ] {
        let got = run(sort, &[rows]);
        let want = vec![(1, 4), (3, 2), (7, 1), (7, 3)];
        assert_eq!(got, [(0, want), (10, vec![(12, 5)])], "{sort}");
    }
}

#[test]
fn late_records_go_with_the_next_window_and_are_dropped_otherwise() {
    let rows: [&[Row]; 3] = [&[(1, 1), (11, 2)], &[(2, 3)], &[(21, 4)]];
    let dropped = run("tumbling[10;`t]", &rows);
    assert_eq!(dropped, [(0, vec![(1, 1)]), (10, vec![(11, 2)]), (20, vec![(21, 4)])]);
    let passed = run("tumbling[10;`t; .qsp.use ``passthrough!(::;1b)]", &rows);
    assert_eq!(passed[1], (10, vec![(11, 2), (2, 3)]));
    let waited = run("tumbling[10;`t; .qsp.use ``lateness!(::;5)]", &rows);
    assert_eq!(waited, [(0, vec![(1, 1), (2, 3)]), (10, vec![(11, 2)]), (20, vec![(21, 4)])]);
}

#[test]
fn a_count_of_records_ends_a_window_before_its_time() {
    let mut rig = Rig::new("tumbling[10;`t; .qsp.use ``countTrigger!(::;3)]");
    let mut out = Output::new();
    rig.rows(&[(1, 1), (2, 2)], &mut out);
    assert!(out.is_empty());
    rig.rows(&[(3, 3)], &mut out);
    assert_eq!(windows(&out), [(0, vec![(1, 1), (2, 2), (3, 3)])]);
}

#[test]
fn windows_without_records_are_emitted_unless_they_are_skipped() {
    let rows: [&[Row]; 1] = [&[(1, 1), (31, 2)]];
    let counts = |window: &str| -> Vec<usize> {
        run(window, &rows).iter().map(|(_, rows)| rows.len()).collect()
    };
    assert_eq!(counts("tumbling[10;`t]"), [1, 0, 0, 1]);
    assert_eq!(counts("tumbling[10;`t; .qsp.use ``skipEmptyWindows!(::;1b)]"), [1, 1]);
    // A gap of many windows is left out but for its beginning.
    let far: [&[Row]; 1] = [&[(1, 1), (1_000_000_001, 2)]];
    let many = run("tumbling[10;`t]", &far);
    assert_eq!(many.len(), 1 + 1000 + 1 + 1);
    assert_eq!(many.last().map(|(start, rows)| (*start, rows.len())), Some((1_000_000_000, 1)));
}

/// A window of seconds over points in time, and its batches.
fn points(options: &str) -> Rig {
    Rig::new(&format!("tumbling[0D00:00:01;`t{options}]"))
}

fn point(rig: &mut Rig, nanos: i64, out: &mut Output) {
    let text = format!("([]t:enlist 2000.01.01D0+{nanos};v:enlist 1)");
    let data = rig.cx.eval(&text, "batch").unwrap();
    rig.batch(data, out).unwrap();
}

#[test]
fn the_clock_ends_windows_when_nothing_comes() {
    let mut rig = points("");
    let mut out = Output::new();
    assert_eq!(rig.runner.due(), None, "nothing is held");
    // The clock of the session stands at 1970, so that it is looked at one second later.
    point(&mut rig, SECOND / 2, &mut out);
    assert_eq!(rig.runner.due(), Some(SECOND));
    // Something came since: the first look only takes note.
    rig.runner.tick(&mut rig.cx, EPOCH, &mut out).unwrap();
    assert_eq!((out.len(), rig.runner.due()), (0, Some(EPOCH + SECOND)));
    // Nothing came, but the window has not ended.
    rig.runner.tick(&mut rig.cx, EPOCH + SECOND - 1, &mut out).unwrap();
    assert_eq!(out.len(), 0);
    rig.runner.tick(&mut rig.cx, EPOCH + 5 * SECOND, &mut out).unwrap();
    assert_eq!(out.len(), 1, "and no windows without records behind it");
    assert_eq!(rig.runner.due(), None);
    // The next window goes on from there; what comes for the one that is gone is late.
    point(&mut rig, SECOND / 4, &mut out);
    point(&mut rig, SECOND + 1, &mut out);
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    assert_eq!(out.iter().map(|(_, k)| k.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn the_clock_waits_for_lateness_and_does_not_pass_numbers() {
    let mut rig = points("; .qsp.use ``lateness!(::;0D00:00:02)");
    let mut out = Output::new();
    point(&mut rig, SECOND / 2, &mut out);
    for (second, count) in [(1, 0), (2, 0), (3, 1)] {
        rig.runner.tick(&mut rig.cx, EPOCH + second * SECOND, &mut out).unwrap();
        assert_eq!(out.len(), count, "{second}");
    }
    let mut rig = Rig::new("tumbling[10;`t]");
    rig.rows(&[(1, 1)], &mut Output::new());
    assert_eq!(rig.runner.due(), None);
}

#[test]
fn a_size_of_batches_is_exact_and_the_rest_waits_for_the_clock() {
    let mut rig = Rig::new("timer[10; .qsp.use ``batchSize!(::;10)]");
    let mut out = Output::new();
    let sizes = |out: &Output| out.iter().map(|(_, k)| k.len()).collect::<Vec<_>>();
    for (count, want) in [(25, vec![10, 10]), (4, vec![10, 10]), (1, vec![10; 3])] {
        rig.batch(K::longs((0..count).collect()), &mut out).unwrap();
        assert_eq!(sizes(&out), want);
    }
    rig.batch(K::longs(vec![1, 2]), &mut out).unwrap();
    rig.runner.tick(&mut rig.cx, 10, &mut out).unwrap();
    assert_eq!(sizes(&out), [10, 10, 10, 2]);
    let all: Vec<i64> = out.iter().flat_map(|(_, k)| k.as_longs().unwrap().to_vec()).collect();
    assert_eq!(all, (0..25).chain(0..4).chain([0, 1, 2]).collect::<Vec<_>>());
    // A count that triggers hands on all that is held.
    let mut rig = Rig::new("timer[10; .qsp.use ``countTrigger!(::;10)]");
    rig.batch(K::longs((0..25).collect()), &mut out).unwrap();
    assert_eq!(sizes(&out)[4..], [25]);
}

#[test]
fn numbers_count_the_unit_of_the_times() {
    for (window, times, want) in [
        ("tumbling[10000;`t", "00:00:01.000 00:00:09.999 00:00:10.000", "0D00:00:00.000000000"),
        ("tumbling[10;`t", "00:00:01 00:00:09 00:00:10", "0D00:00:00.000000000"),
        ("tumbling[10;`t", "00:01 00:09 00:10", "0D00:00:00.000000000"),
        ("tumbling[2;`t", "2000.01.01 2000.01.02 2000.01.03", "2000.01.01D00:00:00.000000000"),
        (
            "tumbling[10;`t",
            "0D00:00:00.000000001 0D00:00:00.000000009 0D00:00:00.000000010",
            "0D00:00:00.000000000",
        ),
        ("sliding[5;10;`t", "00:01 00:04 00:09", "-0D00:05:00.000000000"),
        ("tumbling[0D00:02;`t", "00:00 00:01 00:02", "0D00:00:00.000000000"),
    ] {
        let mut rig = Rig::new(&format!("{window}]"));
        let mut out = Output::new();
        let data = rig.cx.eval(&format!("([]t:{times};v:1 2 3)"), "batch").unwrap();
        rig.batch(data, &mut out).unwrap();
        let [(metadata, records)] = out.as_slice() else { panic!("{window} {times}: {out:?}") };
        assert_eq!(records.len(), 2, "{window} {times}");
        assert_eq!(crate::display::text(metadata), format!("(,`window)!,{want}"), "{times}");
    }
    // So does the lateness.
    let mut rig = Rig::new("tumbling[10;`t; .qsp.use ``lateness!(::;5)]");
    let mut out = Output::new();
    for (time, count) in [("00:14", 0), ("00:24", 0), ("00:25", 1)] {
        let data = rig.cx.eval(&format!("([]t:enlist {time};v:enlist 1)"), "batch").unwrap();
        rig.batch(data, &mut out).unwrap();
        assert_eq!(out.len(), count, "{time}");
    }
    let mut rig = Rig::new("tumbling[1;`t]");
    let data = rig.cx.eval("([]t:2024.01 2024.02m;v:1 2)", "batch").unwrap();
    let error = rig.batch(data, &mut out).unwrap_err();
    assert_eq!(error.text, "period must be a length of time, because months differ");
}

#[test]
fn records_of_a_window_are_put_in_place_once() {
    let mut cx = Session::new(Options::default());
    let mut panes = Panes::default();
    let (mut place, mut moved) = (std::ptr::null(), 0);
    for n in 0..4096 {
        let times = vec![n].into();
        panes.put(&mut cx, 10_000, false, table(&[(n, n)]), times, (n, n)).unwrap();
        let held = panes.newest().and_then(|k| match k {
            K::Table(t) => t.columns[0].as_longs(),
            _ => None,
        });
        let now = held.unwrap().as_ptr();
        moved += usize::from(now != place);
        place = now;
    }
    assert_eq!(panes.len(), 4096);
    assert!(moved <= 64, "{moved} copies of what is held");
}

#[test]
fn large_batches_of_a_window_are_copied_once_and_one_alone_is_not() {
    let mut rig = Rig::new("tumbling[10000;`t]");
    let mut out = Output::new();
    let rows = |from: i64, count: i64| (from..from + count).map(|n| (n, n)).collect::<Vec<Row>>();
    let place = |data: &K| match data {
        K::Table(t) => t.columns[1].as_longs().unwrap().as_ptr(),
        _ => panic!("{data:?}"),
    };
    let batch = table(&rows(0, 5000));
    rig.batch(batch.clone(), &mut out).unwrap();
    rig.rows(&rows(10_000, 3000), &mut out);
    rig.rows(&rows(13_000, 9000), &mut out);
    assert_eq!(place(&out[0].1), place(&batch));
    assert_eq!(windows(&out), [(0, rows(0, 5000)), (10_000, rows(10_000, 10_000))]);
}
