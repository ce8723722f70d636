//! Windows against plain references, however their input is cut, and what batches that are refused
//! leave behind.

use crate::qsp::load;
use crate::qsp::run::Runner;
use crate::qsp::stage::Output;
use crate::session::{FixedHost, Options, Session};
use formats::k::{K, Sym};
use proptest::prelude::*;

/// Time and value of a record.
pub(super) type Row = (i64, i64);
/// Number or start of a window, and its records.
pub(super) type Window = (i64, Vec<Row>);

pub(super) fn table(rows: &[Row]) -> K {
    let columns = vec![
        K::longs(rows.iter().map(|r| r.0).collect()),
        K::longs(rows.iter().map(|r| r.1).collect()),
    ];
    K::table(vec![Sym::new("t"), Sym::new("v")], columns).unwrap()
}

/// Pieces of so many rows, by turns, and what is left.
pub(super) fn cut<'a>(rows: &'a [Row], cuts: &[usize]) -> Vec<&'a [Row]> {
    let (mut pieces, mut rest) = (Vec::new(), rows);
    for count in cuts {
        let (piece, after) = rest.split_at((*count).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// A window operator in a session.
pub(super) struct Rig {
    pub(super) cx: Session,
    pub(super) runner: Runner,
}

impl Rig {
    pub(super) fn new(window: &str) -> Self {
        let spec = format!(
            ".qsp.run .qsp.read.fromCallback[`p] .qsp.window.{window} .qsp.write.toVariable[`v]"
        );
        let pipeline = load(&spec).unwrap();
        let node = pipeline.nodes.iter().find(|n| n.op.starts_with("window.")).unwrap();
        let host = Box::new(FixedHost { now: 0, seed: 1 });
        let mut cx = Session::new(Options { host, ..Options::default() });
        cx.load_script(&spec).unwrap();
        Rig { cx, runner: Runner::new(node.clone()).unwrap() }
    }

    pub(super) fn batch(&mut self, data: K, out: &mut Output) -> crate::Result<()> {
        self.runner.batch(&mut self.cx, K::Null, data, out).map(|_| ())
    }

    pub(super) fn rows(&mut self, rows: &[Row], out: &mut Output) {
        self.batch(table(rows), out).unwrap();
    }

    fn end(&mut self, mut out: Output) -> Vec<Window> {
        self.runner.finish(&mut self.cx, &mut out).unwrap();
        windows(&out)
    }
}

pub(super) fn windows(out: &Output) -> Vec<Window> {
    let each = out.iter().map(|(metadata, data)| {
        let K::Dict(d) = metadata else { panic!("metadata") };
        let K::Table(t) = data else { panic!("{data:?}") };
        let column = |name: &str| t.column(Sym::new(name)).unwrap().as_longs().unwrap().to_vec();
        let rows = column("t").into_iter().zip(column("v")).collect();
        let K::Atom(_, formats::k::Scalar::I64(window)) = d.values.at(0) else { panic!("window") };
        (window, rows)
    });
    each.collect()
}

pub(super) fn run(window: &str, pieces: &[&[Row]]) -> Vec<Window> {
    let mut rig = Rig::new(window);
    let mut out = Output::new();
    for piece in pieces {
        rig.rows(piece, &mut out);
    }
    rig.end(out)
}

/// Whole windows of a count; what follows the beginning of the next is one more.
fn counted(rows: &[Row], size: usize, frequency: usize) -> Vec<Window> {
    let mut out = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let end = start + size;
        out.push((out.len() as i64, rows[start..end.min(rows.len())].to_vec()));
        if end > rows.len() {
            break;
        }
        start += frequency;
    }
    out
}

/// All windows from the one in which the least time is to the one in which the greatest is.
pub(super) fn timed(rows: &[Row], period: i64, duration: i64) -> Vec<Window> {
    let (Some(first), Some(last)) =
        (rows.iter().map(|r| r.0).min(), rows.iter().map(|r| r.0).max())
    else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut end = (first.div_euclid(period) + 1) * period;
    while end <= (last.div_euclid(period) + 1) * period {
        let inside = |row: &&Row| (end - duration..end).contains(&row.0);
        out.push((end - duration, rows.iter().filter(inside).copied().collect()));
        end += period;
    }
    out
}

/// Records whose times go up by the first numbers and are then put back by the second.
pub(super) fn stream(steps: &[(i64, i64)]) -> Vec<Row> {
    let mut time = -7;
    let rows = steps.iter().zip(0..).map(|((step, back), v)| {
        time += step;
        (time - back, v)
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn counts_do_not_see_how_the_input_is_cut(
        steps in prop::collection::vec((0i64..3, Just(0)), 0..40),
        cuts in prop::collection::vec(0usize..7, 0..12),
        size in 1usize..6,
        frequency in 1usize..8,
    ) {
        let rows = stream(&steps);
        let got = run(&format!("count[{size};{frequency}]"), &cut(&rows, &cuts));
        prop_assert_eq!(got, counted(&rows, size, frequency));
    }

    #[test]
    fn tumbling_windows_do_not_see_how_the_input_is_cut(
        steps in prop::collection::vec((0i64..9, Just(0)), 0..40),
        cuts in prop::collection::vec(0usize..7, 0..12),
        period in 1i64..6,
    ) {
        let rows = stream(&steps);
        let got = run(&format!("tumbling[{period};`t]"), &cut(&rows, &cuts));
        prop_assert_eq!(got, timed(&rows, period, period));
    }

    #[test]
    fn sliding_windows_see_neither_cuts_nor_disorder_within_the_lateness(
        steps in prop::collection::vec((0i64..9, 0i64..4), 0..40),
        cuts in prop::collection::vec(0usize..7, 0..12),
        period in 1i64..5,
        more in 0i64..6,
    ) {
        let rows = stream(&steps);
        let duration = period + more;
        let window = format!("sliding[{period};{duration};`t; .qsp.use ``lateness!(::;3)]");
        prop_assert_eq!(run(&window, &cut(&rows, &cuts)), timed(&rows, period, duration));
    }

    #[test]
    fn timers_emit_what_came_between_two_ticks(
        periods in prop::collection::vec(
            (prop::collection::vec(0i64..9, 0..8), prop::collection::vec(0usize..5, 0..4)), 1..8),
    ) {
        let mut rig = Rig::new("timer[10; .qsp.use ``skipEmptyWindows!(::;1b)]");
        let (mut out, mut want) = (Output::new(), Vec::new());
        // The first record arms the timer.
        rig.rows(&[(0, -1)], &mut out);
        let mut open = vec![(0, -1)];
        let epoch = |now: i64| now - 10_957 * 86_400_000_000_000;
        for ((times, cuts), nth) in periods.iter().zip(0i64..) {
            let rows: Vec<Row> = times.iter().copied().zip(0..).collect();
            for piece in cut(&rows, cuts) {
                rig.rows(piece, &mut out);
            }
            open.extend(rows);
            prop_assert_eq!(rig.runner.due(), Some(10 * (nth + 1)));
            rig.runner.tick(&mut rig.cx, 10 * (nth + 1), &mut out).unwrap();
            if !open.is_empty() {
                want.push((epoch(10 * nth), std::mem::take(&mut open)));
            }
        }
        prop_assert_eq!(rig.end(out), want);
    }
}

#[test]
fn a_batch_of_another_schema_is_refused_and_what_is_held_stays() {
    for window in ["count[5]", "tumbling[10;`t]", "sliding[10;10;`t]", "timer[10]"] {
        let mut rig = Rig::new(window);
        let mut out = Output::new();
        rig.rows(&[(1, 1), (2, 2)], &mut out);
        for text in ["([]t:3 4;w:1 2)", "([]t:3 4)", "([]t:3 4;v:1 2;w:1 2)"] {
            let other = rig.cx.eval(text, "other").unwrap();
            let error = rig.batch(other, &mut out).unwrap_err();
            assert_eq!(error.text, "mismatch", "{window} {text}");
        }
        rig.rows(&[(3, 3)], &mut out);
        let rows: Vec<Row> = rig.end(out).into_iter().flat_map(|w| w.1).collect();
        assert_eq!(rows, [(1, 1), (2, 2), (3, 3)], "{window}");
    }
}

#[test]
fn a_batch_without_its_times_changes_nothing() {
    let mut rig = Rig::new("tumbling[10;`t]");
    let mut out = Output::new();
    rig.rows(&[(1, 1)], &mut out);
    for text in ["([]t:`a`b;v:1 2)", "([]t:0D00:00:02 0D00:00:03;v:1 2)", "([]v:1 2)", "5 6"] {
        let other = rig.cx.eval(text, "other").unwrap();
        assert!(rig.batch(other, &mut out).is_err(), "{text}");
    }
    rig.rows(&[(12, 2)], &mut out);
    assert_eq!(rig.end(out), [(0, vec![(1, 1)]), (10, vec![(12, 2)])]);
}

#[test]
fn once_nothing_is_held_records_may_have_another_schema() {
    let mut rig = Rig::new("count[2]");
    let mut out = Output::new();
    rig.rows(&[(1, 1), (2, 2)], &mut out);
    let other = rig.cx.eval("([]w:1 2)", "other").unwrap();
    rig.batch(other.clone(), &mut out).unwrap();
    assert_eq!(out[1].1, other);
}

#[test]
fn records_that_came_too_late_are_handed_on_at_the_end_at_the_latest() {
    let mut rig = Rig::new("tumbling[10;`t; .qsp.use ``passthrough!(::;1b)]");
    let mut out = Output::new();
    rig.rows(&[(5, 1), (25, 2)], &mut out);
    rig.rows(&[(6, 3)], &mut out);
    let windows = rig.end(out);
    let rows: Vec<Row> = windows.into_iter().flat_map(|w| w.1).collect();
    assert_eq!(rows, [(5, 1), (25, 2), (6, 3)]);
}
