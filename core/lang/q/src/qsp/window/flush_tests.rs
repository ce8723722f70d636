//! Windows of event time that emit what they hold before their time.

use super::tests::{Rig, Row, Window, cut, run, stream, timed, windows};
use crate::qsp::stage::Output;
use formats::k::K;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn what_comes_for_a_window_after_a_count_of_records_comes_at_its_end() {
    let rows: [&[Row]; 3] = [&[(1, 1), (2, 2)], &[(3, 3)], &[(12, 4)]];
    for window in ["tumbling[10;`t", "sliding[10;10;`t"] {
        let got = run(&format!("{window}; .qsp.use ``countTrigger!(::;2)]"), &rows);
        let want = [(0, vec![(1, 1), (2, 2)]), (0, vec![(3, 3)]), (10, vec![(12, 4)])];
        assert_eq!(got, want, "{window}");
    }
}

#[test]
fn a_window_that_was_emitted_whole_is_not_emitted_again() {
    let rows: [&[Row]; 2] = [&[(1, 1), (2, 2)], &[(31, 3)]];
    let got = run("tumbling[10;`t; .qsp.use ``countTrigger!(::;2)]", &rows);
    let starts: Vec<(i64, usize)> = got.iter().map(|w| (w.0, w.1.len())).collect();
    assert_eq!(starts, [(0, 2), (10, 0), (20, 0), (30, 1)]);
}

#[test]
fn all_windows_that_wait_are_emitted_at_a_count_of_records() {
    let window = "tumbling[10;`t; .qsp.use `lateness`countTrigger!(50;3)]";
    let (mut rig, mut out) = (Rig::new(window), Output::new());
    rig.rows(&[(1, 1), (22, 2)], &mut out);
    assert!(out.is_empty());
    rig.rows(&[(2, 3), (23, 4)], &mut out);
    let want = vec![(0, vec![(1, 1), (2, 3)]), (10, vec![]), (20, vec![(22, 2), (23, 4)])];
    assert_eq!(windows(&out), want);
    // Only what has not been emitted counts.
    rig.rows(&[(3, 5), (4, 6)], &mut out);
    assert_eq!(windows(&out), want);
    rig.rows(&[(24, 7)], &mut out);
    assert_eq!(windows(&out)[3..], [(0, vec![(3, 5), (4, 6)]), (20, vec![(24, 7)])]);
}

#[test]
fn records_of_windows_that_overlap_are_in_each_of_them_once() {
    let rows: [&[Row]; 3] = [&[(1, 1), (2, 2)], &[(12, 3)], &[(25, 4)]];
    let got = run("sliding[10;20;`t; .qsp.use ``countTrigger!(::;2)]", &rows);
    let want = [
        (-10, vec![(1, 1), (2, 2)]),
        (0, vec![(1, 1), (2, 2), (12, 3)]),
        (10, vec![(12, 3), (25, 4)]),
    ];
    assert_eq!(got[..3], want);
}

#[test]
fn a_state_of_an_older_version_is_gone_on_from() {
    let (mut rig, mut out) = (Rig::new("tumbling[10;`t]"), Output::new());
    rig.rows(&[(1, 1), (2, 2)], &mut out);
    let state: Vec<K> = rig.runner.state().unwrap().items().collect();
    let older = K::list(state[..9].to_vec());
    rig = Rig::new("tumbling[10;`t; .qsp.use ``countTrigger!(::;3)]");
    rig.runner.resume(older).unwrap();
    rig.rows(&[(3, 3)], &mut out);
    assert_eq!(windows(&out), [(0, vec![(1, 1), (2, 2), (3, 3)])]);
}

/// The records of windows, whenever they were emitted, in the order of what came.
fn whole(windows: Vec<Window>) -> BTreeMap<i64, Vec<Row>> {
    let mut all: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for (start, rows) in windows {
        all.entry(start).or_default().extend(rows);
    }
    all.values_mut().for_each(|rows| rows.sort_by_key(|row| row.1));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn counts_of_records_change_nothing_but_when_they_are_emitted(
        steps in prop::collection::vec((0i64..9, 0i64..4), 0..40),
        cuts in prop::collection::vec(0usize..7, 0..12),
        period in 1i64..5,
        more in 0i64..6,
        trigger in 1i64..7,
        restart in 0usize..12,
    ) {
        let rows = stream(&steps);
        let duration = period + more;
        let window = format!(
            "sliding[{period};{duration};`t; .qsp.use `lateness`countTrigger!(3;{trigger})]"
        );
        let (mut rig, mut out) = (Rig::new(&window), Output::new());
        for (nth, piece) in cut(&rows, &cuts).into_iter().enumerate() {
            if nth == restart {
                let state = rig.runner.state().unwrap();
                rig = Rig::new(&window);
                rig.runner.resume(state).unwrap();
            }
            rig.rows(piece, &mut out);
        }
        rig.runner.finish(&mut rig.cx, &mut out).unwrap();
        prop_assert_eq!(whole(windows(&out)), whole(timed(&rows, period, duration)));
    }
}
