use futures_util::FutureExt;
use plan::serde_json::json;
use plan::{Batch, Data, End, Json, STATE_BYTES_MAX};
use proptest::prelude::*;

use super::pairs::PAIRS_MAX;
use super::side::ROWS_MAX;
use super::{join, kept};
use crate::columns::testing::{Fake, columns, done, end, examples, rows_of};

type Row = (u64, u8, i64);

fn side(name: &str, origin: u32, keyed: bool) -> Json {
    let keys = if keyed { json!([[{"col": "k"}]]) } else { json!([]) };
    json!({"clock": {"time": {"column": "ts"}, "watermark": {"time": {"column": "ts"},
            "lateness_ms": 1000}, "origins": [{"id": origin, "buffer_rows": 2}]},
        "columns": [{"from": "k", "to": format!("{name}k")}, {"from": "v", "to": format!("{name}v")}],
        "keys": keys})
}

fn config(size: u64, slide: u64, keyed: bool) -> Json {
    let condition = json!([[{"col": "lv"}, {"col": "rv"},
        {"op": "lt", "type": "i64", "args": [0, 1]}]]);
    json!({"size_ms": size, "slide_ms": slide, "start": "start", "end": "end",
        "left": side("l", 0, keyed), "right": side("r", 1, keyed), "where": condition})
}

fn batch(rows: &[Row], partition: u32) -> Batch {
    let mut lines = vec!["ts:u64,k:u8,v:i64".to_owned()];
    lines.extend(rows.iter().map(|(ts, k, v)| format!("{ts},{k},{v}")));
    let mut columns = columns(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    columns.partition = partition;
    Batch::new(Data::Columns(columns))
}

fn run(config: &Json, left: &[Row], right: &[Row], cut: usize, fake: &Fake) -> Vec<String> {
    let mut operator = (join::SPEC.build)(config, fake).unwrap();
    let mut out = Vec::new();
    let (mut lefts, mut rights) = (left.chunks(cut), right.chunks(cut));
    loop {
        let (l, r) = (lefts.next(), rights.next());
        if l.is_none() && r.is_none() {
            break;
        }
        for (port, rows) in [(0, l), (1, r)] {
            if let Some(rows) = rows {
                done(operator.on_port(port, batch(rows, port as u32), &mut out));
            }
        }
    }
    end(&mut *operator, &mut out);
    let mut rows = rows_of(out);
    rows.retain(|line| !line.starts_with("start"));
    rows.sort();
    rows
}

fn reference(left: &[Row], right: &[Row], size: u64, slide: u64, keyed: bool) -> Vec<String> {
    let mut rows = Vec::new();
    for (lt, lk, lv) in left {
        for (rt, rk, rv) in right {
            for start in (0..=*lt / slide).map(|k| k * slide) {
                let inside = |t: &u64| *t >= start && *t - start < size;
                if inside(lt) && inside(rt) && lv < rv && (!keyed || lk == rk) {
                    rows.push(format!("{start},{},{lk},{lv},{rk},{rv}", start + size));
                }
            }
        }
    }
    rows.sort();
    rows
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0u64..60, 0u8..3, -5i64..5), 0..30)
}

proptest! {
    #[test]
    fn pairs_are_those_of_the_plain_evaluator(
        left in rows(), right in rows(), size in 1u64..40, slide in 1u64..40,
        cut in 1usize..9, keyed: bool,
    ) {
        let got = run(&config(size, slide, keyed), &left, &right, cut, &Fake::default());
        prop_assert_eq!(got, reference(&left, &right, size, slide, keyed));
    }

    #[test]
    fn rows_on_disk_change_nothing(
        left in rows(), right in rows(), size in 1u64..40, slide in 1u64..40,
        cut in 1usize..9, keyed: bool, state_bytes in prop::sample::select(vec![0usize, 100, 400]),
    ) {
        let fake = Fake::with_state(state_bytes);
        let got = run(&config(size, slide, keyed), &left, &right, cut, &fake);
        prop_assert_eq!(got, reference(&left, &right, size, slide, keyed));
        prop_assert_eq!(fake.disk.in_use.get(), 0, "nothing is left on disk");
    }
}

proptest! {
    #[test]
    fn instances_of_a_join_that_share_the_keys_give_what_one_gives(
        left in rows(), right in rows(), size in 1u64..40, slide in 1u64..40,
        cut in 1usize..9, lateness in 0u64..30, parts in 1usize..6,
    ) {
        let mut config = config(size, slide, true);
        for side in ["left", "right"] {
            config[side]["clock"]["watermark"]["lateness_ms"] = json!(lateness);
        }
        let build = || (join::SPEC.build)(&config, &Fake::default()).unwrap();
        let mut splitter = build();
        prop_assert_eq!(splitter.class(), plan::Class::Keyed);
        let mut instances: Vec<_> = (0..parts).map(|_| build()).collect();
        let mut all = Vec::new();
        for turn in 0..left.len().max(right.len()).div_ceil(cut) {
            for (port, rows) in [(0, &left), (1, &right)] {
                let Some(rows) = rows.chunks(cut).nth(turn) else { continue };
                let owners = splitter.owners(port, &batch(rows, port as u32), parts).unwrap();
                for (own, instance) in instances.iter_mut().enumerate() {
                    let rows = batch(rows, port as u32);
                    done(instance.on_own(port, rows, &owners, own as u8, &mut all));
                }
            }
        }
        for instance in &mut instances {
            end(&mut **instance, &mut all);
        }
        let sorted = |rows: Vec<String>| {
            let mut rows: Vec<_> = rows.into_iter().filter(|l| !l.starts_with("start")).collect();
            rows.sort();
            rows
        };
        let alone = kept(&config, &left, &right, cut, usize::MAX);
        prop_assert_eq!(sorted(rows_of(all)), sorted(alone));
    }
}

/// Hands out rows in turns of `cut`; before turn `at` the operator is another one, which goes on
/// where the first was.
fn kept(config: &Json, left: &[Row], right: &[Row], cut: usize, at: usize) -> Vec<String> {
    let build = || (join::SPEC.build)(config, &Fake::default()).unwrap();
    let (mut operator, mut out) = (build(), Vec::new());
    for turn in 0..left.len().max(right.len()).div_ceil(cut) {
        if turn == at {
            let state = operator.snapshot().unwrap().unwrap();
            operator = build();
            operator.restore(&state).unwrap();
            assert_eq!(operator.snapshot().unwrap().unwrap(), state, "it is the same state");
        }
        for (port, rows) in [(0, left), (1, right)] {
            if let Some(rows) = rows.chunks(cut).nth(turn) {
                done(operator.on_port(port, batch(rows, port as u32), &mut out));
            }
        }
    }
    done(operator.on_end(End::Drained, &mut out));
    rows_of(out)
}

proptest! {
    #[test]
    fn a_state_that_is_kept_at_any_point_changes_nothing(
        left in rows(), right in rows(), size in 1u64..40, slide in 1u64..40,
        cut in 1usize..9, at in 0usize..9, keyed: bool,
    ) {
        let mut config = config(size, slide, keyed);
        for side in ["left", "right"] {
            config[side]["clock"]["watermark"]["lateness_ms"] = json!(9);
        }
        let whole = kept(&config, &left, &right, cut, usize::MAX);
        prop_assert_eq!(kept(&config, &left, &right, cut, at), whole);
    }
}

#[test]
fn texts_and_many_small_batches_are_kept() {
    let side = |origin: u32| {
        json!({"clock": {"time": {"column": "ts"}, "origins": [{"id": origin}]},
            "columns": [{"from": "t", "to": format!("t{origin}")}], "keys": [[{"col": "t"}]]})
    };
    let config = json!({"size_ms": 1000, "start": "start", "end": "end",
        "left": side(0), "right": side(1)});
    let mut operator = (join::SPEC.build)(&config, &Fake::default()).unwrap();
    let mut out = Vec::new();
    for n in 0..40 {
        let line = format!("{n},{}", "text".repeat(n % 5));
        let mut columns = columns(&["ts:u64,t:text", "0,some", &line]);
        columns.partition = (n % 2) as u32;
        done(operator.on_port(n % 2, Batch::new(Data::Columns(columns)), &mut out));
    }
    let state = operator.snapshot().unwrap().unwrap();
    assert!(state.len() < 2000, "batches are kept together: {}", state.len());
    let mut again = (join::SPEC.build)(&config, &Fake::default()).unwrap();
    again.restore(&state).unwrap();
    let mut results = [Vec::new(), Vec::new()];
    done(operator.on_end(End::Drained, &mut results[0]));
    done(again.on_end(End::Drained, &mut results[1]));
    let [before, after] = results.map(rows_of);
    assert!(before.len() > 400, "{}", before.len());
    assert_eq!(before, after);
    let mut other = state.clone();
    other[0] += 1;
    let refused = again.restore(&other).unwrap_err().0;
    assert_eq!(refused, "it is of version 2, and this program reads version 1");
    assert!(again.restore(&state[..state.len() / 2]).is_err());
}

#[test]
fn what_is_kept_of_a_join_has_a_limit() {
    let rows = columns(&["v:i64", "1", "2"]);
    let (fields, parts) = ((rows.schema.fields.clone(), vec![]), [(rows.arrays, vec![])]);
    let mut total = 0;
    let blobs = kept::rows(&parts, &fields, &mut total).unwrap();
    assert_eq!(total, blobs[0].0.len());
    let mut room = STATE_BYTES_MAX - total;
    assert!(kept::rows(&parts, &fields, &mut room).is_ok());
    let mut less = STATE_BYTES_MAX - total + 1;
    let error = kept::rows(&parts, &fields, &mut less).unwrap_err();
    assert!(error.contains(&format!("more than {STATE_BYTES_MAX} bytes")), "{error}");
}

#[test]
fn the_examples_hold() {
    super::ALL.iter().for_each(|spec| examples(spec));
}

#[test]
fn windows_fire_when_both_inputs_are_past_them() {
    let mut config = config(10, 10, true);
    for side in ["left", "right"] {
        config[side]["clock"]["watermark"]["lateness_ms"] = json!(0);
    }
    let mut operator = (join::SPEC.build)(&config, &Fake::default()).unwrap();
    let mut out = Vec::new();
    done(operator.on_port(0, batch(&[(1, 1, 1), (15, 1, 1)], 0), &mut out));
    assert!(out.is_empty());
    done(operator.on_port(1, batch(&[(2, 1, 9), (25, 1, 1)], 1), &mut out));
    assert_eq!(rows_of(out)[1..], ["0,10,1,1,1,9"]);
}

#[test]
fn the_end_of_both_inputs_is_the_end_of_the_results_partition() {
    let mut operator = (join::SPEC.build)(&config(10, 10, true), &Fake::default()).unwrap();
    let mut out = Vec::new();
    done(operator.on_port(0, batch(&[(1, 1, 1)], 0), &mut out));
    done(operator.on_port(1, batch(&[], 1), &mut out));
    done(operator.on_end(End::Drained, &mut out));
    let last: Vec<_> = out.iter().map(|b| matches!(&b.data, Data::Columns(c) if c.last)).collect();
    assert_eq!(last.iter().rposition(|last| *last), Some(last.len() - 1), "{last:?}");
    assert_eq!(last.iter().filter(|last| **last).count(), 1);
}

#[test]
fn rows_and_pairs_are_limited() {
    let ended = |rows: u64, keyed| {
        let rows: Vec<Row> = (0..rows).map(|_| (1, 1, 1)).collect();
        let mut operator = (join::SPEC.build)(&config(10, 10, keyed), &Fake::default()).unwrap();
        let mut out = Vec::new();
        for port in [0, 1] {
            operator
                .on_port(port, batch(&rows, port as u32), &mut out)
                .finish()
                .now_or_never()
                .unwrap()?;
        }
        operator.on_end(End::Drained, &mut out).finish().now_or_never().unwrap()
    };
    assert!(ended(300, true).is_ok());
    for keyed in [true, false] {
        let refused = ended(600, keyed).unwrap_err().0;
        assert_eq!(refused, format!("a window of a join has more than {PAIRS_MAX} pairs"));
    }
    let refused = ended(ROWS_MAX as u64 + 1, true).unwrap_err().0;
    assert_eq!(refused, format!("a join keeps at most {ROWS_MAX} rows of an input"));
}
