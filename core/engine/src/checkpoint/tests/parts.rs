//! What is passed over, and what is due when.

use std::sync::Arc;

use plan::{
    Ack, Acks, Batch, Columns, Component, Data, Json, NodeId, Plan, RawBlock, Records, Role,
};
use proptest::prelude::*;

use super::super::Limits;
use super::super::held::{Event, Held};
use super::super::skip::Skip;
use super::{Acked, PARTITION, columns, plan, values};

proptest! {
    #[test]
    fn rows_that_a_state_has_are_passed_over_wherever_batches_end(
        rows in 1_u64..200, first in 1_usize..20, second in 1_usize..20, batches in 0_usize..30,
    ) {
        let all: Vec<u64> = (1..=rows).collect();
        let plan = plan(true);
        let mut skip = Skip::new(&plan, 2, &[2]);
        let mut seen = Vec::new();
        for rows in all.chunks(first).take(batches) {
            let batch = skip.cut(0, Batch::new(Data::Columns(columns(rows)))).unwrap();
            seen.extend(values(&batch.data));
        }
        let mut again = Skip::new(&plan, 2, &[2]);
        again.resume(skip.consumed().clone());
        for rows in all.chunks(second) {
            let batch = again.cut(0, Batch::new(Data::Columns(columns(rows))));
            if let Some(Data::Columns(columns)) = batch.map(|batch| batch.data) {
                prop_assert!(columns.places.iter().all(|p| p.len() == columns.rows));
                let last = columns.places.iter().filter_map(|p| p.last()).max();
                prop_assert!(last.is_none_or(|last| (*last as usize) < columns.source_rows));
                seen.extend(values(&Data::Columns(columns)));
            }
        }
        let kept: Vec<u64> = all.into_iter().filter(|row| row % 7 != 0).collect();
        prop_assert_eq!(seen, kept);
        prop_assert_eq!(again.consumed()[&(0, PARTITION)], rows);
    }
}

/// The pieces of a text, as blocks of a source that begins anew.
fn blocks(text: &[u8], size: usize) -> Vec<Batch> {
    let block =
        |bytes: &[u8]| RawBlock { bytes: bytes.to_vec().into(), meta: None, offset: 0, only: None };
    text.chunks(size).map(|bytes| Batch::new(Data::Raw(block(bytes)))).collect()
}

proptest! {
    #[test]
    fn bytes_that_a_state_has_are_passed_over_wherever_blocks_end(
        text in prop::collection::vec(any::<u8>(), 1..200),
        first in 1_usize..20, second in 1_usize..20, count in 0_usize..30,
    ) {
        let plan = raw_plan();
        let mut seen = Vec::new();
        let mut take = |skip: &mut Skip, batch: Batch| {
            if let Some(Data::Raw(raw)) = skip.cut(0, batch).map(|batch| batch.data) {
                seen.extend_from_slice(&raw.bytes);
            }
        };
        let mut skip = Skip::new(&plan, 1, &[1]);
        blocks(&text, first).into_iter().take(count).for_each(|b| take(&mut skip, b));
        let mut again = Skip::new(&plan, 1, &[1]);
        again.resume(skip.consumed().clone());
        blocks(&text, second).into_iter().for_each(|b| take(&mut again, b));
        prop_assert_eq!(seen, text.clone());
        prop_assert_eq!(again.consumed()[&(0, 0)], text.len() as u64);
    }
}

proptest! {
    #[test]
    fn messages_that_a_state_has_are_passed_over_wherever_batches_end(
        texts in prop::collection::vec(any::<u8>(), 1..50),
        first in 1_usize..9, second in 1_usize..9, count in 0_usize..9,
    ) {
        let plan = raw_plan();
        let mut seen = Vec::new();
        let mut take = |skip: &mut Skip, texts: &[u8]| {
            let bodies = texts.iter().map(|text| vec![*text]);
            let batch = Batch::new(Data::Records(Records::from_bodies(bodies)));
            if let Some(Data::Records(records)) = skip.cut(0, batch).map(|batch| batch.data) {
                let mut scratch = Vec::new();
                (0..records.recs.len()).for_each(|at| {
                    seen.extend_from_slice(records.bytes(at, &mut scratch));
                });
            }
        };
        let mut skip = Skip::new(&plan, 1, &[1]);
        texts.chunks(first).take(count).for_each(|texts| take(&mut skip, texts));
        let mut again = Skip::new(&plan, 1, &[1]);
        again.resume(skip.consumed().clone());
        texts.chunks(second).for_each(|texts| take(&mut again, texts));
        prop_assert_eq!(seen, texts.clone());
        prop_assert_eq!(again.consumed()[&(0, 0)], texts.len() as u64);
    }
}

pub(super) fn raw_plan() -> Plan {
    let mut plan = Plan::default();
    let source = plan.add(Role::Source, Component::new("file", Json::Null), Vec::new());
    plan.nodes[source].anew = Some(0);
    plan.add(Role::Operator, Component::new("mapping", Json::Null), vec![source]);
    plan
}

#[test]
fn a_value_that_a_state_has_is_passed_over() {
    let plan = raw_plan();
    let value = |seq| Batch { seq, ..Batch::new(Data::Value(formats::k::K::long(7))) };
    let mut skip = Skip::new(&plan, 1, &[1]);
    assert!(!skip.comes_again(0, &value(0)), "it is kept until it is acknowledged");
    assert!((0..3).all(|seq| skip.cut(0, value(seq)).is_some()));
    let mut again = Skip::new(&plan, 1, &[1]);
    again.resume(skip.consumed().clone());
    assert!(again.cut(0, value(1)).is_none() && again.cut(0, value(2)).is_none());
    assert!(again.cut(0, value(3)).is_some(), "that one is new");
}

#[test]
fn only_what_begins_anew_and_has_no_state_in_between_is_passed_over() {
    let passed = |plan: &Plan, node: NodeId, durable: &[NodeId], port: usize, partition: u32| {
        let mut skip = Skip::new(plan, node, durable);
        skip.resume([((port, partition), 3)].into());
        let batch = Batch::new(Data::Columns(Columns { partition, ..columns(&[1, 2, 3, 4]) }));
        skip.cut(port, batch).map_or(0, |batch| batch.len())
    };
    assert_eq!(passed(&plan(true), 2, &[2], 0, PARTITION), 1);
    assert_eq!(passed(&plan(false), 2, &[2], 0, PARTITION), 4);
    assert_eq!(passed(&plan(true), 2, &[2], 0, 9), 4, "another partition");
    assert_eq!(passed(&plan(true), 3, &[3], 0, PARTITION), 1);
    assert_eq!(passed(&plan(true), 3, &[2, 3], 0, PARTITION), 4, "that one goes on by itself");
    // The end of a partition goes through, whatever is passed over.
    let mut skip = Skip::new(&plan(true), 2, &[2]);
    skip.resume([((0, PARTITION), 9)].into());
    let last = Columns { last: true, ..columns(&[1, 2]) };
    let batch = skip.cut(0, Batch::new(Data::Columns(last))).unwrap();
    assert!(batch.is_empty() && matches!(&batch.data, Data::Columns(c) if c.last));
}

/// Something to be acknowledged.
fn ack() -> Acks {
    Acks::one(Ack::new(Arc::new(Acked::default()), 0))
}

#[test]
fn checkpoints_are_due_by_age_by_idleness_by_bytes_and_at_the_end() {
    const MS: u64 = 1_000_000;
    let mut held = Held::new(Limits::default());
    assert_eq!(held.due_ns(), None);
    held.took(Acks::none(), 1 << 30, 100 * MS);
    assert_eq!(held.due_ns(), None, "nobody waits");
    let start = 200 * MS;
    held.took(ack(), 10, start);
    assert_eq!(held.due_ns(), Some(start + 10 * MS), "nothing else comes");
    (1..10).for_each(|n| held.took(ack(), 10, start + n * 9 * MS));
    assert_eq!(held.due_ns(), Some(start + 50 * MS), "it is never idle");
    // One that took 20 ms: the next is due after ten times that, or when nothing comes.
    held.begin(vec![], 15 * MS);
    assert_eq!(held.due_ns(), None, "one at a time");
    let wrote = start + 100 * MS;
    assert!(held.ready(wrote - 5 * MS).is_some());
    assert_eq!(held.written(true, wrote).len(), 10);
    held.took(ack(), 10, wrote + 1);
    assert_eq!(held.due_ns(), Some(wrote + 20 * MS));
    held.took(ack(), 10, wrote + 300 * MS);
    assert_eq!(held.due_ns(), Some(wrote + 200 * MS));
    held.took(ack(), Limits::default().bytes_max - 20, wrote + 301 * MS);
    assert_eq!(held.due_ns(), Some(0), "the source has no room");
    // What could not be written is held as before, and tried again after a pause.
    held.begin(vec![], 0);
    assert!(held.ready(wrote).is_some());
    assert!(held.written(false, wrote).is_empty());
    assert_eq!(held.due_ns(), Some(wrote + MS));
    held.begin(vec![], 0);
    assert!(held.ready(wrote).is_some());
    assert!(held.written(false, wrote).is_empty());
    assert_eq!(held.due_ns(), Some(wrote + 2 * MS));
    held.begin(vec![], 0);
    assert!(held.ready(wrote).is_some());
    assert_eq!(held.written(true, wrote + 3 * MS).len(), 3);
    held.took(ack(), 1, wrote + 3 * MS);
    held.end();
    assert_eq!(held.due_ns(), Some(wrote + 2 * MS), "and at the end at once");
}

#[test]
fn a_result_is_told_to_the_state_although_nobody_waits_for_an_ack() {
    const MS: u64 = 1_000_000;
    let mut held = Held::new(Limits::default());
    let id = held.emitted(Data::Columns(columns(&[1])), 7, 1, 5 * MS);
    assert_eq!(held.due_ns(), Some(10 * MS));
    assert_eq!((held.busy_change(), held.busy_change()), (Some(true), None));
    held.on_event(Event::Done(id), 6 * MS);
    assert_eq!(held.busy_change(), Some(false), "while it runs, nobody waits for the state");
    held.end();
    assert_eq!((held.due_ns(), held.busy_change()), (Some(0), Some(true)), "the end does");
    held.begin(vec![], 0);
    assert!(held.ready(7 * MS).is_some());
    held.written(false, 8 * MS);
    assert_eq!((held.due_ns(), held.busy_change()), (Some(9 * MS), None), "it is not kept");
    held.begin(vec![], 0);
    assert!(held.ready(9 * MS).is_some());
    held.written(true, 9 * MS);
    assert_eq!((held.due_ns(), held.busy_change()), (None, Some(false)));
}

#[test]
fn results_have_limits_and_refused_ones_come_again_with_pauses() {
    let limits = Limits { results_max: 3, results_bytes_max: 100, ..Limits::default() };
    let (min, max) = (limits.pause_min_ns, limits.pause_max_ns);
    let data = || Data::Columns(columns(&[1]));
    let mut held = Held::new(limits);
    assert_eq!((held.emitted(data(), 7, 1, 0), held.emitted(data(), 7, 98, 0)), (0, 1));
    assert!(!held.is_full());
    held.emitted(data(), 7, 0, 0);
    assert!(held.is_full(), "three of them");
    held.on_event(Event::Done(2), 0);
    assert!(!held.is_full());
    held.on_event(Event::Done(0), 0);
    held.emitted(data(), 7, 2, 0);
    assert!(held.is_full(), "a hundred bytes");
    let mut pause = min;
    for _ in 0..20 {
        held.on_event(Event::Refused(1), 0);
        assert_eq!(held.again_ns(), None, "it is not resolved yet");
        held.on_event(Event::Done(1), 1000);
        assert_eq!(held.again_ns(), Some(1000 + pause));
        assert!(held.take_again(999 + pause).is_empty());
        let again = held.take_again(1000 + pause);
        assert_eq!(again.iter().map(|(id, _, born)| (*id, *born)).collect::<Vec<_>>(), [(1, 7)]);
        pause = (pause * 2).min(max);
    }
    held.begin(b"state".to_vec(), 0);
    assert_eq!(held.ready(0), None);
    held.on_event(Event::Done(1), 0);
    held.on_event(Event::Done(1), 0);
    assert_eq!(held.ready(0), None, "another one is not delivered");
    held.on_event(Event::Done(3), 0);
    assert_eq!(held.ready(0).as_deref(), Some(&b"state"[..]));
    assert!(held.written(true, 0).is_empty());
}
