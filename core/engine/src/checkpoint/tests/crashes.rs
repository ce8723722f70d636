//! Operators that crash at any moment, in between results that are refused.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use plan::{Batch, End, Fault, Operator};

use super::{Acked, Busy, Shelf, durable_in, eager, in_reactor, source_batch, turn, values};

/// A small generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

/// An operator that crashes again and again, and what is around it.
struct Crashing {
    dice: Dice,
    shelf: Shelf,
    acked: Arc<Acked>,
    delivered: Vec<Vec<u64>>,
}

impl Crashing {
    fn acked(&self) -> BTreeSet<u64> {
        self.acked.done.lock().unwrap().clone()
    }

    /// Has one operator work on batches until it crashes, or until all are acknowledged.
    async fn live(&mut self, anew: bool, batches: &[(u64, Vec<u64>)], crashes: bool) -> bool {
        let busy = Busy::default();
        let mut operator = durable_in(&self.shelf, eager(), anew, &busy);
        self.acked.failed.lock().unwrap().clear();
        let (mut todo, mut out, mut ended) = (batches.iter(), Vec::new(), false);
        loop {
            match todo.next() {
                Some((id, rows)) => {
                    let batch = source_batch(&self.acked, *id, rows);
                    operator.on_batch(batch, &mut out).finish().await.unwrap();
                }
                None if !ended => {
                    ended = true;
                    operator.on_end(End::Drained, &mut out).finish().await.unwrap();
                }
                None => rt::sleep(Duration::from_millis(1)).await,
            }
            turn(&mut operator, &mut out).await;
            self.deliver(&mut out);
            if crashes && self.dice.below(40) == 0 {
                return false;
            }
            let acked = self.acked();
            // As the end of a pipeline waits.
            if ended && !busy.0.get() && batches.iter().all(|(id, _)| acked.contains(id)) {
                return true;
            }
        }
    }

    /// Delivers some results, in any order, and refuses others.
    fn deliver(&mut self, out: &mut Vec<Batch>) {
        while !out.is_empty() && self.dice.below(3) > 0 {
            let result = out.swap_remove(self.dice.below(out.len() as u64) as usize);
            if self.dice.below(5) == 0 {
                result.fail(&Arc::new(Fault::new("refused")));
            } else {
                self.delivered.push(values(&result.data));
                result.ok();
            }
        }
    }
}

/// Runs rows through an operator that crashes again and again; what a source sends again after a
/// crash is all of it, when it begins anew, or what was not acknowledged. Returns all groups that
/// were delivered.
async fn crashing(seed: u64, anew: bool, rows: u64) -> Vec<Vec<u64>> {
    let (shelf, acked, delivered) = (Shelf::default(), Arc::default(), Vec::new());
    let mut crashing = Crashing { dice: Dice(seed), shelf, acked, delivered };
    let all: Vec<u64> = (1..=rows).collect();
    for life in 0.. {
        // The batches of a source that goes on are always the same.
        let cut = 1 + if anew { crashing.dice.below(6) } else { seed % 4 } as usize;
        let mut batches: Vec<_> = (0..).zip(all.chunks(cut).map(<[u64]>::to_vec)).collect();
        if anew {
            crashing.acked.done.lock().unwrap().clear();
        }
        let acked = crashing.acked();
        batches.retain(|(id, _)| !acked.contains(id));
        let life = crashing.live(anew, &batches, life < 6);
        if rt::timeout(Duration::from_secs(20), life).await.expect("it comes to an end") {
            break;
        }
        rt::sleep(Duration::from_millis(2)).await;
    }
    crashing.delivered
}

#[test]
fn whatever_crashes_a_source_that_begins_anew_is_counted_exactly() {
    in_reactor(async || {
        for seed in 0..60 {
            let mut groups: Vec<Vec<u64>> = crashing(seed, true, 83).await;
            groups.retain(|group| !group.is_empty());
            groups.sort();
            groups.dedup();
            let rows: Vec<u64> = (1..=83).filter(|row| row % 7 != 0).collect();
            let expected: Vec<Vec<u64>> = rows.chunks(5).map(<[u64]>::to_vec).collect();
            assert_eq!(groups, expected, "seed {seed}");
        }
    });
}

#[test]
fn whatever_crashes_a_source_that_goes_on_loses_nothing() {
    in_reactor(async || {
        for seed in 0..60 {
            let seen: BTreeSet<u64> =
                crashing(seed, false, 83).await.into_iter().flatten().collect();
            let rows: BTreeSet<u64> = (1..=83).filter(|row| row % 7 != 0).collect();
            assert_eq!(seen, rows, "seed {seed}");
        }
    });
}
