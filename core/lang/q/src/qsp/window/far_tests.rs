//! Times far apart, the first and the last of all times, and lengths that are infinite.

use super::tests::{Rig, Row, Window, run, table, windows};
use crate::qsp::stage::Output;
use formats::k::K;
use proptest::prelude::*;

/// What q calls `0W`.
const INFINITE: i64 = i64::MAX;
const SKIP: &str = "; .qsp.use ``skipEmptyWindows!(::;1b)";

/// How many records the windows have that become of texts of batches.
fn counts(window: &str, batches: &[&str]) -> Vec<usize> {
    let mut rig = Rig::new(window);
    let mut out = Output::new();
    for text in batches {
        let data = rig.cx.eval(text, "batch").unwrap();
        rig.batch(data, &mut out).unwrap();
    }
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    out.iter().map(|(_, data)| data.len()).collect()
}

#[test]
fn an_infinite_time_is_in_the_last_of_all_windows() {
    for (name, times) in [
        ("tumbling[0D00:00:01;`t", "2024.01.01D00:00:05 0Wp"),
        ("tumbling[0D00:00:01;`t", "0D00:00:05 0Wn"),
        ("tumbling[0D00:00:01;`t", "2024.01.01 0Wd"),
        ("tumbling[1000000000;`t", "5 0W"),
        ("tumbling[1000000000;`t", "5 0w"),
        ("sliding[0D00:00:01;0D00:00:01;`t", "2024.01.01D00:00:05 0Wp"),
    ] {
        let batch = format!("([]t:{times};v:1 2)");
        assert_eq!(counts(&format!("{name}{SKIP}]"), &[&batch]), [1, 1], "{name} {times}");
        let all = counts(&format!("{name}]"), &[&batch]);
        // One after the gap is there because it ends where the last one begins.
        let want = [vec![1], vec![0; 1000 + 1], vec![1]].concat();
        assert!(all == want || all.len() == want.len() - 1, "{name} {times}: {}", all.len());
        assert_eq!((all.first(), all.last()), (Some(&1), Some(&1)), "{name} {times}");
    }
    // Each of the windows that overlap has it, up to the one that begins last.
    let sliding = format!("sliding[0D00:00:01;0D00:00:03;`t{SKIP}]");
    assert_eq!(counts(&sliding, &["([]t:0D00:00:05 0Wn;v:1 2)"]), [1, 1, 1, 1]);
}

#[test]
fn what_comes_after_an_infinite_time_is_late() {
    let name = format!("tumbling[0D00:00:01;`t{SKIP}]");
    let batches = ["([]t:0D00:00:05 0Wn;v:1 2)", "([]t:0D00:00:06 0D00:00:07;v:3 4)"];
    assert_eq!(counts(&name, &batches), [1, 1]);
    let passed = "tumbling[0D00:00:01;`t; .qsp.use `skipEmptyWindows`passthrough!11b]";
    assert_eq!(counts(passed, &batches), [1, 3]);
}

#[test]
fn nulls_are_in_no_window_and_the_first_of_all_times_in_the_first() {
    for name in ["tumbling[0D00:00:01;`t", "sliding[0D00:00:01;0D00:00:01;`t"] {
        let name = format!("{name}{SKIP}]");
        assert_eq!(counts(&name, &["([]t:-0Wp,0Np,2024.01.01D0;v:1 2 3)"]), [1, 1], "{name}");
        assert_eq!(counts(&name, &["([]t:0Np,-0Wp;v:1 2)", "([]t:0Wp,0Np;v:1 2)"]), [1, 1]);
    }
    assert_eq!(counts("tumbling[1;`t]", &["([]t:0n 2.5;v:1 2)"]), [1]);
    assert_eq!(counts(&format!("tumbling[1;`t{SKIP}]"), &["([]t:-0w,0w;v:1 2)"]), [1, 1]);
}

#[test]
fn records_many_years_apart_have_few_windows_between_them() {
    for name in ["tumbling[0D00:00:01;`t", "sliding[0D00:00:01;0D00:00:02;`t"] {
        let batch = "([]t:1707.09.23D0 2292.04.10D0;v:1 2)";
        let skipped = counts(&format!("{name}{SKIP}]"), &[batch]);
        assert!(skipped.iter().all(|count| *count == 1), "{skipped:?}");
        let all = counts(&format!("{name}]"), &[batch]);
        assert!((1002..1010).contains(&all.len()), "{}", all.len());
        assert_eq!(all.iter().sum::<usize>(), skipped.len());
    }
}

#[test]
fn windows_without_records_have_a_limit_in_each_batch() {
    let rows: Vec<Row> = (0..50).map(|n| (n * 1_000_000, n)).collect();
    let got = run("tumbling[10;`t]", &[&rows]);
    assert_eq!(got.iter().filter(|(_, rows)| rows.is_empty()).count(), 2500);
    assert_eq!(got.into_iter().flat_map(|w| w.1).collect::<Vec<_>>(), rows);
}

#[test]
fn windows_count_as_work_and_what_they_have_is_not_lost() {
    let mut rig = Rig::new("sliding[1;0W;`t]");
    let (mut out, mut failed) = (Output::new(), 0);
    let Rig { cx, runner } = &mut rig;
    let mut next = Some(table(&[(0, 1), (2000, 2)]));
    // What is left of the windows comes with later batches, and their records.
    while out.len() < 2000 {
        let data = next.take().unwrap_or_else(|| table(&[(2000, 3)]));
        let done = cx.within(5000, |cx| runner.batch(cx, K::Null, data, &mut out));
        if let Err(error) = done {
            assert_eq!(error.text, "stop");
            failed += 1;
        }
    }
    assert!(failed > 1);
    runner.finish(cx, &mut out).unwrap();
    let (last, first) = (windows(&out).pop().unwrap(), windows(&out).remove(0));
    assert_eq!(first, (1 - INFINITE, vec![(0, 1)]));
    assert_eq!(last.1[..2], [(0, 1), (2000, 2)]);
}

#[test]
fn infinite_lengths_end_at_the_end() {
    let rows: [&[Row]; 2] = [&[(1, 1), (2, 2)], &[(11, 3)]];
    let one = vec![(0, vec![(1, 1), (2, 2), (11, 3)])];
    assert_eq!(run("tumbling[0W;`t]", &rows), one);
    assert_eq!(run("sliding[0W;0W;`t]", &rows), one);
    let two = vec![(0, vec![(1, 1), (2, 2)]), (10, vec![(11, 3)])];
    for lateness in ["0W", "0Wn"] {
        let window = format!("tumbling[10;`t; .qsp.use ``lateness!(::;{lateness})]");
        assert_eq!(run(&window, &rows), two, "{lateness}");
    }
    let mut rig = Rig::new("tumbling[0Wn;`t; .qsp.use ``lateness!(::;0Wn)]");
    let mut out = Output::new();
    let data = rig.cx.eval("([]t:2024.01.01D0 0Wp;v:1 2)", "batch").unwrap();
    rig.batch(data, &mut out).unwrap();
    for now in [1, INFINITE - 1, INFINITE] {
        rig.runner.tick(&mut rig.cx, now, &mut out).unwrap();
    }
    assert_eq!((out.len(), rig.runner.due()), (0, Some(INFINITE)));
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    assert_eq!(out.iter().map(|(_, k)| k.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn the_clock_passes_no_infinite_time() {
    let mut rig = Rig::new("tumbling[0D00:00:01;`t]");
    let mut out = Output::new();
    let data = rig.cx.eval("([]t:enlist 0Wp;v:enlist 1)", "batch").unwrap();
    rig.batch(data, &mut out).unwrap();
    for now in 1..4 {
        rig.runner.tick(&mut rig.cx, now * 1_000_000_000_000_000_000, &mut out).unwrap();
    }
    assert!(out.is_empty());
    rig.runner.finish(&mut rig.cx, &mut out).unwrap();
    assert_eq!(out.len(), 1);
}

#[test]
fn lateness_is_kept_behind_a_gap() {
    let rows: [&[Row]; 3] = [&[(5, 1), (1_000_000, 2)], &[(999_985, 3)], &[(1_000_100, 4)]];
    let got = run("tumbling[10;`t; .qsp.use `lateness`skipEmptyWindows!(50;1b)]", &rows);
    let all: Vec<Row> = got.into_iter().flat_map(|w| w.1).collect();
    assert_eq!(all, [(5, 1), (999_985, 3), (1_000_000, 2), (1_000_100, 4)]);
}

/// All windows that have records, up to the last one in whose period there is one.
fn with_records(rows: &[Row], period: i64, duration: i64) -> Vec<Window> {
    let wide = i128::from;
    let end = |time: i64| (wide(time).div_euclid(wide(period)) + 1) * wide(period);
    let rows: Vec<Row> = rows.iter().copied().filter(|row| row.0 != i64::MIN).collect();
    let last = rows.iter().map(|row| end(row.0)).max().unwrap_or_default();
    let mut ends: Vec<i128> = Vec::new();
    for (time, _) in &rows {
        let after = (0..).map(|n| end(*time) + n * wide(period));
        ends.extend(after.take_while(|e| e - wide(duration) <= wide(*time) && *e <= last));
    }
    ends.sort_unstable();
    ends.dedup();
    let window = |end: i128| {
        let start = end - wide(duration);
        let inside = |row: &&Row| (start..end).contains(&wide(row.0));
        let shown = start.clamp(-wide(INFINITE), wide(INFINITE)) as i64;
        (shown, rows.iter().filter(inside).copied().collect())
    };
    ends.into_iter().map(window).collect()
}

/// Times near those that matter.
fn time() -> impl Strategy<Value = i64> {
    let near = prop::sample::select(vec![-INFINITE + 6, -7, 0, 1 << 40, INFINITE - 6]);
    prop_oneof![
        9 => (near, -6i64..7).prop_map(|(time, by)| time + by),
        1 => Just(i64::MIN),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn windows_of_all_times_are_those_of_a_plain_reference(
        times in prop::collection::vec(time(), 1..20),
        cut in 0usize..20,
        restart in any::<bool>(),
        period in prop::sample::select(vec![1, 3, 10, 1 << 41, INFINITE / 2, INFINITE]),
        more in prop::sample::select(vec![0, 1, 3, 4]),
    ) {
        let mut times = times;
        times.sort_unstable();
        let rows: Vec<Row> = times.into_iter().zip(0..).collect();
        let duration = period.saturating_add(more);
        let window = format!("sliding[{period};{duration};`t{SKIP}]");
        let (mut rig, mut out) = (Rig::new(&window), Output::new());
        let (first, second) = rows.split_at(cut.min(rows.len()));
        rig.rows(first, &mut out);
        if restart {
            let state = rig.runner.state().unwrap();
            rig = Rig::new(&window);
            rig.runner.resume(state).unwrap();
        }
        rig.rows(second, &mut out);
        rig.runner.finish(&mut rig.cx, &mut out).unwrap();
        prop_assert_eq!(windows(&out), with_records(&rows, period, duration));
    }
}
