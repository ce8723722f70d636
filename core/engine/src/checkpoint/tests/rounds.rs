//! Sources that give the same again and again, and checkpoints that somebody asks for.

use std::sync::Arc;

use plan::{Batch, Data, Operator, Records};
use proptest::prelude::*;

use super::super::Limits;
use super::super::held::{Event, Held, WANTED_MAX};
use super::super::record::Record;
use super::super::skip::Skip;
use super::parts::raw_plan;
use super::{Acked, MARK, Shelf, columns, durable, eager, in_reactor, source_batch, turn, until};

/// A process that reads rounds of messages, and what it remembers when it is killed.
struct Reader {
    skip: Skip,
    seen: Vec<(usize, u8)>,
}

impl Reader {
    /// Reads a round, at most `pieces` of it; whether it came to the end.
    fn read(&mut self, round: (usize, u8), size: usize, pieces: &mut usize) -> bool {
        let texts: Vec<u8> = (0..round.1).collect();
        for texts in texts.chunks(size) {
            let Some(left) = pieces.checked_sub(1) else { return false };
            *pieces = left;
            let bodies = texts.iter().map(|text| vec![*text]);
            let batch = Batch::new(Data::Records(Records::from_bodies(bodies)));
            if let Some(Data::Records(records)) = self.skip.cut(0, batch).map(|batch| batch.data) {
                let mut scratch = Vec::new();
                for at in 0..records.recs.len() {
                    self.seen.extend(records.bytes(at, &mut scratch).iter().map(|b| (round.0, *b)));
                }
            }
        }
        let Some(left) = pieces.checked_sub(1) else { return false };
        *pieces = left;
        assert!(Batch::end_of_round().ends_round());
        self.skip.round_over(0);
        true
    }
}

proptest! {
    /// Rounds of any length, and a process that is killed again and again: each message of each
    /// round is in the state once.
    #[test]
    fn what_is_read_again_and_again_is_counted_by_rounds(
        rounds in prop::collection::vec(0_u8..20, 1..6),
        lives in prop::collection::vec((1_usize..30, 1_usize..7), 1..10),
    ) {
        let plan = raw_plan();
        let begun = |skip: &Skip| skip.again(&plan, 1)[&0];
        let mut reader = Reader { skip: Skip::new(&plan, 1, &[1]), seen: Vec::new() };
        let mut over = 0;
        for (mut pieces, size) in lives.into_iter().chain([(1000, 3)]) {
            let mut skip = Skip::new(&plan, 1, &[1]);
            skip.resume(reader.skip.consumed().clone());
            prop_assert_eq!(begun(&skip), begun(&reader.skip));
            reader.skip = skip;
            while let Some(round) = rounds.get(over) {
                if !reader.read((over, *round), size, &mut pieces) {
                    break;
                }
                prop_assert!(!begun(&reader.skip), "the next round is read when it is called");
                over += 1;
            }
        }
        let all = rounds.iter().enumerate();
        let all = all.flat_map(|(n, count)| (0..*count).map(move |text| (n, text)));
        prop_assert_eq!(reader.seen, all.collect::<Vec<_>>());
    }
}

#[test]
fn only_sources_that_lead_straight_to_a_state_hear_of_rounds() {
    let mut plan = raw_plan();
    assert_eq!(Skip::new(&plan, 1, &[1]).again(&plan, 1), [(0, false)].into());
    plan.nodes[0].anew = None;
    assert!(Skip::new(&plan, 1, &[1]).again(&plan, 1).is_empty(), "it goes on");
    let behind = super::plan(true);
    assert!(Skip::new(&behind, 2, &[2]).again(&behind, 2).is_empty(), "something is in between");
}

#[test]
fn the_end_of_a_round_is_kept_and_no_operator_sees_it() {
    in_reactor(async || {
        let (shelf, mut out) = (Shelf::default(), Vec::new());
        let mut operator = durable(&shelf, eager(), true);
        let rows = Batch::new(Data::Columns(columns(&[1, 2])));
        operator.on_batch(rows, &mut out).finish().await.unwrap();
        let state = |shelf: &Shelf| {
            let saved = shelf.saved.borrow().clone()?;
            let record = Record::read(&saved, &MARK).unwrap();
            Some((record.consumed.values().sum::<u64>(), record.state.len()))
        };
        until(&mut operator, &mut out, |_| state(&shelf) == Some((2, 16))).await;
        // The operator of this test panics when it gets anything but columns.
        operator.on_batch(Batch::end_of_round(), &mut out).finish().await.unwrap();
        until(&mut operator, &mut out, |_| state(&shelf) == Some((0, 16))).await;
        assert!(out.is_empty());
    });
}

#[test]
fn a_checkpoint_that_is_asked_for_is_due_at_once_and_answered_when_it_is_durable() {
    let mut held = Held::new(Limits::default());
    let asked = |held: &mut Held| {
        let (tell, told) = flume::bounded(1);
        held.want(tell);
        told
    };
    let first = asked(&mut held);
    assert_eq!(held.due_ns(), Some(0), "also where there is no news");
    held.begin(b"one".to_vec(), 0);
    let second = asked(&mut held);
    assert_eq!(held.due_ns(), None, "one at a time");
    assert_eq!(held.ready(0).as_deref(), Some(&b"one"[..]));
    assert!(first.is_empty());
    let answer = |held: &mut Held, kept: Result<(), String>| {
        held.take_wanted().into_iter().for_each(|tell| drop(tell.send(kept.clone())));
        held.written(kept.is_ok(), 0);
    };
    answer(&mut held, Ok(()));
    assert_eq!((first.try_recv(), second.is_empty()), (Ok(Ok(())), true));
    // The second was asked for behind the first, and waits for results of before.
    let id = held.emitted(Data::Columns(columns(&[1])), 0, 1, 0);
    assert_eq!(held.due_ns(), Some(0));
    held.begin(b"two".to_vec(), 0);
    assert_eq!(held.ready(0), None);
    held.on_event(Event::Done(id), 0);
    assert!(held.ready(0).is_some());
    answer(&mut held, Err("no space left".to_owned()));
    assert_eq!(second.try_recv(), Ok(Err("no space left".to_owned())));
    assert!(held.due_ns().is_some_and(|due_ns| due_ns > 0), "it is tried again by itself");
}

#[test]
fn who_asks_for_checkpoints_has_a_limit() {
    let mut held = Held::new(Limits::default());
    let answers: Vec<_> = (0..=WANTED_MAX)
        .map(|_| {
            let (tell, told) = flume::bounded(1);
            held.want(tell);
            told
        })
        .collect();
    let refused: Vec<_> = answers.iter().filter(|told| !told.is_empty()).collect();
    assert_eq!(refused.len(), 1);
    let why = "1024 ask for a checkpoint already".to_owned();
    assert_eq!(refused[0].try_recv(), Ok(Err(why)));
    held.begin(Vec::new(), 0);
    assert_eq!(held.take_wanted().len(), WANTED_MAX);
}

#[test]
fn an_operator_keeps_its_state_when_it_is_asked_to() {
    in_reactor(async || {
        let (shelf, acked, mut out) = (Shelf::default(), Arc::new(Acked::default()), Vec::new());
        // Nothing is due by itself.
        let limits = Limits { idle_ns: u64::MAX / 4, age_ns: u64::MAX / 4, ..eager() };
        let mut operator = durable(&shelf, limits, false);
        let batch = source_batch(&acked, 0, &[1, 2, 3]);
        operator.on_batch(batch, &mut out).finish().await.unwrap();
        turn(&mut operator, &mut out).await;
        assert_eq!(shelf.saves.get(), 0);
        for (full, saves) in [(0, 1), (1, 1), (0, 2)] {
            shelf.full.set(full);
            let (tell, told) = flume::bounded(1);
            operator.held().upgrade().unwrap().borrow_mut().want(tell);
            until(&mut operator, &mut out, |_| !told.is_empty()).await;
            let kept = if full > 0 { Err("no space left".to_owned()) } else { Ok(()) };
            assert_eq!((told.try_recv().unwrap(), shelf.saves.get()), (kept, saves));
        }
    });
}
