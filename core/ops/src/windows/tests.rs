use std::collections::BTreeMap;

use futures_util::FutureExt;
use plan::serde_json::json;
use plan::{Batch, Columns, Data, Json, OperatorSpec};
use proptest::prelude::*;

use super::window::{Config, Core};
use super::{threshold, window};
use crate::aggregates::partials::CELLS_MAX;
use crate::columns::select;
use crate::columns::testing::{self, Fake, columns, done, examples, rows_of, run, run_within};
use crate::kept;

#[test]
fn the_examples_hold() {
    super::ALL.iter().for_each(|spec| examples(spec));
}

type Row = (u64, u8, i64);

fn config(size: u64, slide: u64, lateness: u64, buffer: u64) -> Json {
    json!({"size_ms": size, "slide_ms": slide, "start": "start", "end": "end",
        "clock": {"time": {"column": "ts"},
            "watermark": {"time": {"column": "ts"}, "lateness_ms": lateness},
            "origins": [{"id": 0, "buffer_rows": buffer}]},
        "keys": [{"column": "k"}],
        "aggregates": [
            {"function": "sum", "column": "v", "name": "sum", "type": "i64"},
            {"function": "count", "name": "n", "type": "u64"},
            {"function": "max", "column": "v", "name": "max", "type": "i64"}]})
}

fn batch(rows: &[Row]) -> Columns {
    let mut lines = vec!["ts:u64,k:text,v:i64".to_owned()];
    lines.extend(rows.iter().map(|(ts, k, v)| format!("{ts},key{k},{v}")));
    columns(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Rows cut into batches at these lengths.
fn cut(rows: &[Row], cuts: &[usize]) -> Vec<Columns> {
    let mut rest = rows;
    let mut batches = Vec::new();
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (head, tail) = rest.split_at(cut.min(rest.len()));
        if !head.is_empty() {
            batches.push(batch(head));
        }
        rest = tail;
    }
    batches
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|l| !l.starts_with("start"));
    lines.sort();
    lines
}

/// A plain evaluator: every row against every window, watermarks by the book.
fn reference(rows: &[Row], size: u64, slide: u64, lateness: u64, buffer: usize) -> Vec<String> {
    let mut windows: BTreeMap<(u64, u8), (i64, u64, i64)> = BTreeMap::new();
    let (mut newest, mut watermark) = (0, 0);
    for rows in rows.chunks(buffer) {
        for (ts, k, v) in rows {
            newest = newest.max(*ts);
            let starts = (0..=ts / slide).map(|n| n * slide).filter(|s| ts - s < size);
            for start in starts.filter(|s| s + size > watermark) {
                let cell = windows.entry((start, *k)).or_insert((0, 0, i64::MIN));
                *cell = (cell.0 + v, cell.1 + 1, cell.2.max(*v));
            }
        }
        if rows.len() == buffer {
            watermark = watermark.max(newest.saturating_sub(lateness));
        }
    }
    let line = |((start, k), (sum, n, max)): ((u64, u8), (i64, u64, i64))| {
        format!("{start},{},key{k},{sum},{n},{max}", start + size)
    };
    let mut lines: Vec<String> = windows.into_iter().map(line).collect();
    lines.sort();
    lines
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0u64..60, 0u64..200, 0u8..4, -9i64..9), 0..80).prop_map(|all| {
        // Time grows with disorder.
        let row =
            |(i, (jitter, _, k, v)): (usize, (u64, u64, u8, i64))| (i as u64 * 7 + jitter, k, v);
        all.into_iter().enumerate().map(row).collect()
    })
}

proptest! {
    #[test]
    fn results_are_those_of_the_plain_evaluator(
        rows in rows(), size in 1u64..90, slide in 1u64..90, lateness in 0u64..40,
        buffer in 1usize..9, cuts in prop::collection::vec(0usize..9, 0..9),
    ) {
        let config = config(size, slide, lateness, buffer as u64);
        let got = run(&window::SPEC, &config, cut(&rows, &cuts));
        prop_assert_eq!(sorted(got), reference(&rows, size, slide, lateness, buffer));
    }

    #[test]
    fn state_on_disk_changes_nothing(
        rows in rows(), size in 1u64..90, slide in 1u64..90, lateness in 0u64..40,
        buffer in 1usize..9, cuts in prop::collection::vec(0usize..9, 0..9),
        state_bytes in prop::sample::select(vec![0usize, 3000, 6000]), keyed: bool,
    ) {
        let mut config = config(size, slide, lateness, buffer as u64);
        let median = json!({"function": "median", "column": "v", "name": "m", "type": "f64"});
        config["aggregates"].as_array_mut().unwrap().push(median);
        if !keyed {
            config["keys"] = json!([]);
        }
        let in_memory = run(&window::SPEC, &config, cut(&rows, &cuts));
        let fake = Fake::with_state(state_bytes);
        let got = run_within(&window::SPEC, &config, &fake, cut(&rows, &cuts));
        prop_assert_eq!(sorted(got), sorted(in_memory));
        prop_assert_eq!(fake.disk.in_use.get(), 0, "nothing is left on disk");
    }

    #[test]
    fn a_snapshot_at_any_point_changes_nothing(
        rows in rows(), size in 1u64..90, slide in 1u64..90, at in 0usize..9,
        cuts in prop::collection::vec(0usize..9, 0..9),
    ) {
        let config: Config =
            plan::serde_json::from_value(config(size, slide, 10, 3)).unwrap();
        let batches = cut(&rows, &cuts);
        let mut core = Core::new(config.clone(), 1).unwrap();
        let mut out: Vec<Batch> = Vec::new();
        for (i, batch) in batches.iter().enumerate() {
            if i == at {
                let bytes = kept::write(1, &core.snapshot()).unwrap();
                core = Core::new(config.clone(), 2).unwrap();
                core.restore(kept::read(1, &bytes).unwrap()).unwrap();
            }
            core.add(batch, 0, &mut out).unwrap();
        }
        core.fire(u64::MAX, &mut out).unwrap();
        let whole = run(&window::SPEC, &self::config(size, slide, 10, 3), batches);
        prop_assert_eq!(sorted(rows_of(out)), sorted(whole));
    }

    #[test]
    fn what_a_filter_drops_does_not_move_buffers(
        rows in rows(), buffer in 1usize..9, cuts in prop::collection::vec(1usize..9, 0..9),
    ) {
        // Rows of key 0 are dropped before the window, which must not see them in any way.
        let config = config(20, 20, 5, buffer as u64);
        let keep = |c: Columns, rows: &[Row]| {
            let wanted = rows.iter().zip(0..).filter(|(r, _)| r.1 != 0).map(|(_, i)| i);
            select::keep(c, wanted.collect())
        };
        let whole = run(&window::SPEC, &config, vec![keep(batch(&rows), &rows)]);
        let mut at = 0;
        let parts = cut(&rows, &cuts).into_iter().map(|c| {
            let part = &rows[at..at + c.rows];
            at += c.rows;
            keep(c, part)
        });
        let parts = run(&window::SPEC, &config, parts.collect());
        prop_assert_eq!(sorted(parts), sorted(whole));
    }

    #[test]
    fn a_threshold_window_does_not_see_batches(
        values in prop::collection::vec(0i64..10, 0..40),
        cuts in prop::collection::vec(1usize..9, 0..9),
    ) {
        let config = json!({"where": [{"col": "v"}, {"value": 4, "type": "i64"},
                {"op": "gt", "type": "i64", "args": [0, 1]}], "min_count": 2,
            "aggregates": [{"function": "sum", "column": "v", "name": "s", "type": "i64"}]});
        let rows: Vec<Row> = values.iter().map(|v| (0, 0, *v)).collect();
        let got = run(&threshold::SPEC, &config, cut(&rows, &cuts));
        let runs = values.split(|v| *v <= 4).filter(|run| run.len() >= 2);
        let want: Vec<String> = runs.map(|run| run.iter().sum::<i64>().to_string()).collect();
        prop_assert_eq!(got.get(1..).unwrap_or_default(), &want);
    }
}

/// Runs an operator that is another one before batch `at`, which goes on where the first was.
fn kept(spec: &OperatorSpec, config: &Json, batches: Vec<Columns>, at: usize) -> Vec<String> {
    let build = || (spec.build)(config, &Fake::default()).unwrap();
    let (mut operator, mut out) = (build(), Vec::new());
    for (number, batch) in batches.into_iter().enumerate() {
        if number == at {
            let state = operator.snapshot().unwrap().unwrap();
            operator = build();
            operator.restore(&state).unwrap();
            assert_eq!(operator.snapshot().unwrap().unwrap(), state, "it is the same state");
        }
        done(operator.on_batch(Batch::new(Data::Columns(batch)), &mut out));
    }
    done(operator.on_end(plan::End::Drained, &mut out));
    rows_of(out)
}

proptest! {
    #[test]
    fn a_state_that_is_kept_at_any_point_changes_nothing(
        rows in rows(), size in 1u64..90, slide in 1u64..90, at in 0usize..9, min in 0u64..4,
        cuts in prop::collection::vec(0usize..9, 0..9),
    ) {
        let batches = || cut(&rows, &cuts);
        let mut window = config(size, slide, 10, 3);
        // A median keeps all values.
        let median = json!({"function": "median", "column": "v", "name": "m", "type": "f64"});
        window["aggregates"].as_array_mut().unwrap().push(median);
        let threshold = json!({"where": [{"col": "v"}, {"value": 0, "type": "i64"},
                {"op": "gt", "type": "i64", "args": [0, 1]}], "min_count": min,
            "aggregates": [{"function": "sum", "column": "v", "name": "s", "type": "i64"},
                {"function": "avg", "column": "v", "name": "a", "type": "f64"}]});
        for (spec, config) in [(&window::SPEC, window), (&threshold::SPEC, threshold)] {
            let whole = kept(spec, &config, batches(), usize::MAX);
            prop_assert_eq!(kept(spec, &config, batches(), at), whole);
        }
    }
}

#[test]
fn partitions_wait_for_each_other() {
    let mut config = config(10, 10, 0, 1);
    config["clock"]["origins"] = json!([{"id": 0, "buffer_rows": 1}, {"id": 1, "buffer_rows": 1}]);
    let config: Config = plan::serde_json::from_value(config).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    let mut out = Vec::new();
    core.add(&batch(&[(5, 1, 1), (25, 1, 1)]), 0, &mut out).unwrap();
    assert!(out.is_empty(), "nothing fires before the other partition has spoken");
    core.add(&Columns { partition: 1, ..batch(&[(7, 1, 1), (12, 1, 1)]) }, 0, &mut out).unwrap();
    assert_eq!(rows_of(std::mem::take(&mut out))[1..], ["0,10,key1,2,2,1"]);
    core.add(&Columns { partition: 1, last: true, ..batch(&[]) }, 0, &mut out).unwrap();
    assert_eq!(rows_of(out)[1..], ["10,20,key1,1,1,1"]);
}

#[test]
fn late_rows_are_dropped_and_counted() {
    let config: Config = plan::serde_json::from_value(config(10, 10, 0, 1)).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    let mut out = Vec::new();
    core.add(&batch(&[(5, 1, 1), (25, 1, 1), (6, 1, 1), (7, 1, 1)]), 0, &mut out).unwrap();
    assert_eq!(core.late, 2);
    assert_eq!(rows_of(out)[1..], ["0,10,key1,1,1,1"]);
}

#[test]
fn results_carry_a_watermark_that_no_later_result_is_behind() {
    let config: Config = plan::serde_json::from_value(config(30, 10, 0, 1)).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    let mut told = 0;
    for ts in [3, 17, 44, 45, 90] {
        let mut out = Vec::new();
        core.add(&batch(&[(ts, 1, 1)]), 0, &mut out).unwrap();
        for result in out {
            let Data::Columns(c) = &result.data else { panic!() };
            for line in crate::columns::testing::lines(c).iter().skip(1) {
                let start: u64 = line.split(',').next().unwrap().parse().unwrap();
                assert!(start >= told, "{start} is behind {told}");
            }
            told = c.watermark_ms.unwrap();
        }
    }
    assert_eq!(told, 70);
}

#[test]
fn rows_may_have_the_time_of_their_arrival() {
    let config = json!({"size_ms": 1000, "start": "start", "end": "end",
        "clock": {"origins": [{"id": 0}]},
        "aggregates": [{"function": "count", "name": "n", "type": "u64"}]});
    let config: Config = plan::serde_json::from_value(config).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    let mut out = Vec::new();
    core.add(&batch(&[(0, 1, 1), (0, 1, 1)]), 1500, &mut out).unwrap();
    core.add(&batch(&[(0, 1, 1)]), 2500, &mut out).unwrap();
    assert_eq!(rows_of(out)[1..], ["1000,2000,2"]);
}

#[test]
fn windows_over_arrival_fire_by_the_clock() {
    let config = json!({"size_ms": 1000, "start": "start", "end": "end",
        "clock": {"origins": [{"id": 0}]},
        "aggregates": [{"function": "count", "name": "n", "type": "u64"}]});
    let around = Fake::default();
    around.wall_ms.set(1500);
    let mut operator = (window::SPEC.build)(&config, &around).unwrap();
    let mut out = Vec::new();
    done(operator.on_batch(Batch::new(Data::Columns(batch(&[(0, 1, 1)]))), &mut out));
    assert_eq!(operator.due_ns(), Some(2_000_000_000));
    around.wall_ms.set(2003);
    assert_eq!(operator.due_ns(), Some(2_000_000_000), "the time it waits for does not move");
    done(operator.on_time(2_003_000_000, &mut out));
    assert_eq!(rows_of(out)[1..], ["1000,2000,1"]);
    assert_eq!(operator.due_ns(), None);
}

#[test]
fn hostile_times_meet_a_limit() {
    let config: Config = plan::serde_json::from_value(config(1, 1, u64::MAX, 1)).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    let rows: Vec<Row> = (0..70_000).map(|i| (i * 3, 0, 1)).collect();
    let mut last = Ok(());
    for turn in 0..20 {
        let moved: Vec<Row> = rows.iter().map(|r| (r.0 + turn * 1_000_000, 0, 1)).collect();
        last = last.and(core.add(&batch(&moved), 0, &mut Vec::new()));
    }
    assert!(last.unwrap_err().contains("slices of time are open"));
}

#[test]
fn the_end_of_the_input_is_the_end_of_the_results_partition() {
    let last = |batch: &Batch| matches!(&batch.data, Data::Columns(c) if c.last);
    let threshold = json!({"where": [{"col": "v"}, {"value": 4, "type": "i64"},
            {"op": "gt", "type": "i64", "args": [0, 1]}],
        "aggregates": [{"function": "sum", "column": "v", "name": "s", "type": "i64"}]});
    for (spec, config) in [(&window::SPEC, config(10, 10, 0, 1)), (&threshold::SPEC, threshold)] {
        for rows in [vec![], vec![(5, 1, 7), (25, 1, 7)]] {
            let mut operator = (spec.build)(&config, &Fake::default()).unwrap();
            let mut out = Vec::new();
            done(operator.on_batch(Batch::new(Data::Columns(batch(&rows))), &mut out));
            assert!(!out.iter().any(last));
            done(operator.on_end(plan::End::Drained, &mut out));
            assert!(out.pop().is_some_and(|batch| last(&batch)), "{} of {rows:?}", spec.name);
            assert!(!out.iter().any(last), "once");
        }
    }
}

fn keyed_batch(batch: u64) -> Columns {
    let rows: Vec<Row> = (0..200).map(|n| (batch, (n % 200) as u8, 1)).collect();
    self::batch(&rows)
}

#[test]
fn windows_on_disk_come_in_the_order_of_their_ends_and_time_waits_for_them() {
    let fake = Fake::with_state(1);
    let config = config(10, 10, 0, 200);
    let mut operator = (window::SPEC.build)(&config, &fake).unwrap();
    let mut out = Vec::new();
    for time in [1, 11, 12, 21] {
        done(operator.on_batch(Batch::new(Data::Columns(keyed_batch(time))), &mut out));
    }
    assert!(fake.disk.in_use.get() > 0);
    assert!(out.iter().all(Batch::is_empty), "everything is on disk");
    testing::rest(&mut *operator, &mut out);
    testing::end(&mut *operator, &mut out);
    let mut starts = Vec::new();
    let mut told = 0;
    for batch in &out {
        let Data::Columns(columns) = &batch.data else { panic!("no columns") };
        for line in testing::lines(columns).iter().skip(1) {
            let start: u64 = line.split(',').next().unwrap().parse().unwrap();
            assert!(start >= told, "{start} came after {told} was told");
            starts.push(start);
        }
        told = columns.watermark_ms.unwrap_or(told).max(told);
    }
    assert!(starts.is_sorted() && starts.len() == 600, "{}", starts.len());
    let last = |batch: &Batch| matches!(&batch.data, Data::Columns(columns) if columns.last);
    assert_eq!(out.iter().position(last), Some(out.len() - 1));
}

#[test]
fn the_cells_of_a_slice_are_limited() {
    let config: Config = plan::serde_json::from_value(config(10, 10, 0, 1)).unwrap();
    let mut core = Core::new(config, 1).unwrap();
    // Three cells for each key.
    let texts: Vec<String> = (0..CELLS_MAX / 3 + 1).map(|n| format!("1,{n},1")).collect();
    let mut lines = vec!["ts:u64,k:text,v:i64"];
    lines.extend(texts.iter().map(String::as_str));
    let refused = core.add(&columns(&lines), 0, &mut Vec::new()).unwrap_err();
    assert_eq!(refused, format!("more than {CELLS_MAX} cells of window state"));
}

#[test]
fn a_disk_that_is_full_fails_the_query_and_says_so() {
    let fake = Fake::with_state(1);
    fake.disk.full.set(true);
    let mut operator = (window::SPEC.build)(&config(10, 10, 0, 1), &fake).unwrap();
    let mut out = Vec::new();
    let batch = Batch::new(Data::Columns(keyed_batch(1)));
    let failed = operator.on_batch(batch, &mut out).finish().now_or_never().unwrap();
    assert_eq!(failed.unwrap_err().0, "the disk is full");
}

proptest! {
    #[test]
    fn instances_that_share_the_keys_give_what_one_gives(
        rows in rows(), size in 1u64..90, slide in 1u64..90, lateness in 0u64..40,
        buffer in 1u64..9, cuts in prop::collection::vec(0usize..9, 0..9), parts in 1usize..6,
    ) {
        let config = config(size, slide, lateness, buffer);
        let batches = cut(&rows, &cuts);
        let alone = run(&window::SPEC, &config, batches.clone());
        let build = || (window::SPEC.build)(&config, &Fake::default()).unwrap();
        let mut splitter = build();
        prop_assert_eq!(splitter.class(), plan::Class::Keyed);
        let mut instances: Vec<_> = (0..parts).map(|_| build()).collect();
        let (mut all, mut told) = (Vec::new(), vec![Vec::new(); parts]);
        for columns in batches {
            let batch = || Batch::new(Data::Columns(columns.clone()));
            let owners = splitter.owners(0, &batch(), parts).unwrap();
            for (own, instance) in instances.iter_mut().enumerate() {
                let mut out = Vec::new();
                done(instance.on_own(0, batch(), &owners, own as u8, &mut out));
                let watermark = |batch: &Batch| match &batch.data {
                    Data::Columns(columns) => columns.watermark_ms,
                    _ => None,
                };
                told[own].push(out.iter().filter_map(watermark).max());
                all.extend(out);
            }
        }
        for (own, instance) in instances.iter_mut().enumerate() {
            prop_assert_eq!(&told[0], &told[own], "time passes in all alike");
            testing::end(&mut **instance, &mut all);
        }
        prop_assert_eq!(sorted(rows_of(all)), sorted(alone));
    }
}
