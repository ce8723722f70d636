//! Records on their way into windows, apart by the period in which they are.
//!
//! Each record is put once where it belongs and read by every window that has it. What a batch or
//! a window costs does not depend on how many other records are held.

use super::{fits, join_records};
use crate::error::Result;
use crate::qsp::kept::{self, Parts};
use crate::session::Session;
use formats::k::K;
use std::collections::BTreeMap;

/// Records of one period in the order in which they came.
#[derive(Clone, Default)]
struct Pane {
    records: Option<K>,
    times: Vec<i64>,
    /// How many records came before each.
    numbers: Vec<u64>,
}

/// Records with their times.
#[derive(Clone, Default)]
pub(super) struct Records {
    pub(super) records: Option<K>,
    pub(super) times: Vec<i64>,
}

/// The records that are held, by number of the period.
#[derive(Clone, Default)]
pub(super) struct Panes {
    panes: BTreeMap<i64, Pane>,
    /// How many records are held.
    held: usize,
    /// How many records have come.
    come: u64,
}

impl Records {
    /// What they are, for [`Records::resume`].
    pub(super) fn state(&self) -> K {
        K::list(vec![kept::held(self.records.as_ref()), K::longs(self.times.clone())])
    }

    /// What [`Records::state`] has written.
    pub(super) fn resume(state: &K) -> Result<Self> {
        let mut parts = Parts::of(state);
        Ok(Records { records: parts.held()?, times: parts.longs()? })
    }
}

impl Panes {
    /// What is held, for [`Panes::resume`].
    pub(super) fn state(&self) -> K {
        let pane = |(number, pane): (&i64, &Pane)| {
            let numbers = pane.numbers.iter().map(|n| *n as i64).collect();
            K::list(vec![
                K::long(*number),
                kept::held(pane.records.as_ref()),
                K::longs(pane.times.clone()),
                K::longs(numbers),
            ])
        };
        let panes = K::list(self.panes.iter().map(pane).collect());
        K::list(vec![panes, K::long(self.come as i64)])
    }

    /// What [`Panes::state`] has written.
    pub(super) fn resume(state: &K) -> Result<Self> {
        let mut parts = Parts::of(state);
        let mut all = Panes::default();
        for pane in parts.next()?.items() {
            let mut parts = Parts::of(&pane);
            let (number, records) = (parts.long()?, parts.held()?);
            let (times, numbers) = (parts.longs()?, parts.longs()?);
            all.held += times.len();
            let numbers = numbers.into_iter().map(|n| n as u64).collect();
            all.panes.insert(number, Pane { records, times, numbers });
        }
        all.come = parts.long()? as u64;
        Ok(all)
    }

    pub(super) fn len(&self) -> usize {
        self.held
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The records of the first period.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<&K> {
        self.panes.values().next()?.records.as_ref()
    }

    /// The least and the greatest time that is held.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        let first = self.panes.values().next()?.times.iter().min()?;
        let last = self.panes.values().next_back()?.times.iter().max()?;
        Some((*first, *last))
    }

    /// The least time that is held and not before another.
    pub(super) fn next_from(&self, time: i64, period: i64) -> Option<i64> {
        let mut later = self.panes.range(time.div_euclid(period)..);
        later.find_map(|(_, p)| p.times.iter().copied().filter(|t| *t >= time).min())
    }

    /// Whether records can be put to those that are held.
    pub(super) fn fit(&self, records: &K, mixed: bool) -> Result<()> {
        let any = self.panes.values().next().and_then(|p| p.records.as_ref());
        fits(any, self.held, records, mixed)
    }

    /// Puts records, which must fit, each into its period.
    pub(super) fn put(
        &mut self,
        cx: &mut Session,
        period: i64,
        mixed: bool,
        records: K,
        times: &[i64],
    ) -> Result<()> {
        let mut rest: Vec<(i64, u64)> = Vec::with_capacity(times.len());
        for (time, number) in times.iter().zip(0u64..) {
            rest.push((time.div_euclid(period), number));
        }
        let base = self.come;
        self.come += times.len() as u64;
        let one = rest.first().is_none_or(|(first, _)| rest.iter().all(|(p, _)| p == first));
        if one {
            let Some((number, _)) = rest.first().copied() else { return Ok(()) };
            let numbers = (0..times.len() as u64).map(|n| base + n);
            return self.add(cx, number, mixed, records, times.iter().copied(), numbers);
        }
        // Stable: within a period they stay in the order in which they came.
        rest.sort_by_key(|(pane, _)| *pane);
        for part in rest.chunk_by(|a, b| a.0 == b.0) {
            let Some((pane, _)) = part.first().copied() else { continue };
            let places: Vec<i64> = part.iter().map(|(_, n)| *n as i64).collect();
            let own = part.iter().filter_map(|(_, n)| times.get(*n as usize).copied());
            let numbers = part.iter().map(|(_, n)| base + n);
            self.add(cx, pane, mixed, records.gather(&places), own, numbers)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        cx: &mut Session,
        pane: i64,
        mixed: bool,
        records: K,
        times: impl Iterator<Item = i64>,
        numbers: impl Iterator<Item = u64>,
    ) -> Result<()> {
        let pane = self.panes.entry(pane).or_default();
        let before = pane.times.len();
        pane.times.extend(times);
        pane.numbers.extend(numbers);
        self.held += pane.times.len() - before;
        pane.records = Some(match pane.records.take() {
            Some(held) => join_records(cx, held, records, mixed)?,
            None => records,
        });
        Ok(())
    }

    /// The records with times in `start..end`, in the order in which they came.
    pub(super) fn window(
        &self,
        cx: &mut Session,
        period: i64,
        mixed: bool,
        start: i64,
        end: i64,
    ) -> Result<Records> {
        let mut out = Pane::default();
        let last = end.saturating_sub(1).div_euclid(period);
        for (number, pane) in self.panes.range(start.div_euclid(period)..=last) {
            let Some(records) = &pane.records else { continue };
            let whole = number.saturating_mul(period) >= start;
            let inside = |t: &i64| (start..end).contains(t);
            let (records, times, numbers) = if whole && pane.times.iter().all(inside) {
                (records.clone(), pane.times.clone(), pane.numbers.clone())
            } else {
                let places: Vec<usize> = (0..pane.times.len())
                    .filter(|i| pane.times.get(*i).is_some_and(inside))
                    .collect();
                let index: Vec<i64> = places.iter().map(|i| *i as i64).collect();
                let times = places.iter().filter_map(|i| pane.times.get(*i).copied()).collect();
                let numbers = places.iter().filter_map(|i| pane.numbers.get(*i).copied());
                (records.gather(&index), times, numbers.collect())
            };
            if times.is_empty() {
                continue;
            }
            out.times.extend(times);
            out.numbers.extend(numbers);
            out.records = Some(match out.records.take() {
                Some(before) => join_records(cx, before, records, mixed)?,
                None => records,
            });
        }
        Ok(out.ordered())
    }

    /// Forgets the periods that end before a time.
    pub(super) fn forget(&mut self, period: i64, oldest: i64) {
        while let Some(first) = self.panes.first_entry() {
            if first.key().saturating_add(1).saturating_mul(period) > oldest {
                return;
            }
            self.held -= first.remove().times.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.panes.clear();
        self.held = 0;
    }
}

impl Pane {
    /// The records in the order in which they came.
    fn ordered(self) -> Records {
        let Self { records, times, numbers } = self;
        if numbers.is_sorted() {
            return Records { records, times };
        }
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|i| numbers.get(*i).copied());
        Records { records, times }.gather(&order)
    }
}

impl Records {
    /// The records at places.
    pub(super) fn gather(&self, places: &[usize]) -> Self {
        let index: Vec<i64> = places.iter().map(|i| *i as i64).collect();
        let times = places.iter().filter_map(|i| self.times.get(*i).copied()).collect();
        Self { records: self.records.as_ref().map(|k| k.gather(&index)), times }
    }

    /// The records by their times; those of one time stay in their order.
    pub(super) fn by_time(&self) -> Self {
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by_key(|i| self.times.get(*i).copied());
        self.gather(&order)
    }

    /// Puts other records, which must fit, after these.
    pub(super) fn append(&mut self, cx: &mut Session, mixed: bool, other: Records) -> Result<()> {
        self.times.extend(other.times);
        let Some(more) = other.records else { return Ok(()) };
        let before = self.records.take().filter(|k| !k.is_empty());
        self.records = Some(match before {
            Some(before) => join_records(cx, before, more, mixed)?,
            None => more,
        });
        Ok(())
    }
}
