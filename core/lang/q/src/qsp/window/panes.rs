//! Records on their way into windows, apart by the period in which they are.
//!
//! Each record is put where it belongs once, without a copy where its batch is not small, and is
//! copied into every window that has it. What a batch or a window costs does not depend on how many
//! other records are held.

use super::concat::concat;
use super::shape::Shape;
use super::{fits, join_records};
use crate::error::Result;
use crate::qsp::kept::{self, Parts};
use crate::session::Session;
use formats::k::K;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Records that are put together as they come: what comes in small batches does not stay in as
/// many pieces, and what comes in large ones is not copied before its window is due.
const PIECE: usize = 1024;

/// Some records of one period in the order in which they came, at least one.
#[derive(Clone)]
struct Piece {
    records: K,
    times: Arc<Vec<i64>>,
    /// The least and the greatest time.
    ends: (i64, i64),
    numbers: Numbers,
}

/// How many records came before each of some.
#[derive(Clone)]
enum Numbers {
    /// They came one after the other: before the first one came so many.
    From(u64),
    /// Ascending.
    Each(Vec<u64>),
}

/// The times of records, in the order of these.
#[derive(Clone, Default)]
pub(super) struct Times(Vec<Arc<Vec<i64>>>);

/// Records with their times.
#[derive(Clone, Default)]
pub(super) struct Records {
    pub(super) records: Option<K>,
    pub(super) times: Times,
}

/// The records that are held, by number of the period.
#[derive(Clone, Default)]
pub(super) struct Panes {
    panes: BTreeMap<i64, Vec<Piece>>,
    /// How many records are held.
    held: usize,
    /// How many records have come.
    come: u64,
}

/// The least and the greatest of some times.
pub(super) fn ends(times: &[i64]) -> (i64, i64) {
    // To see that they ascend, as most do, takes less than to compare each with both ends.
    if let ([first, .., last], true) = (times, times.is_sorted()) {
        return (*first, *last);
    }
    times.iter().fold((i64::MAX, i64::MIN), |(low, high), t| (low.min(*t), high.max(*t)))
}

impl Numbers {
    /// The number of a place.
    fn at(&self, place: usize) -> u64 {
        match self {
            Self::From(first) => first + place as u64,
            Self::Each(all) => all.get(place).copied().unwrap_or_default(),
        }
    }

    /// How many of the first `count` are less than a number.
    fn before(&self, number: u64, count: usize) -> usize {
        match self {
            Self::From(first) => {
                usize::try_from(number.saturating_sub(*first)).map_or(count, |n| n.min(count))
            }
            Self::Each(all) => all.partition_point(|n| *n < number),
        }
    }

    /// Those of the first `count` places.
    fn of(&self, count: usize) -> Vec<u64> {
        (0..count).map(|place| self.at(place)).collect()
    }
}

impl Times {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|times| times.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn all(&self) -> Vec<i64> {
        self.0.iter().flat_map(|times| times.iter().copied()).collect()
    }

    fn append(&mut self, other: Self) {
        for times in other.0 {
            match self.0.last_mut() {
                Some(last) if last.len() < PIECE => Arc::make_mut(last).extend_from_slice(&times),
                _ => self.0.push(times),
            }
        }
    }
}

impl From<Vec<i64>> for Times {
    fn from(times: Vec<i64>) -> Self {
        Self(vec![Arc::new(times)])
    }
}

impl Records {
    /// What they are, for [`Records::resume`].
    pub(super) fn state(&self) -> K {
        K::list(vec![kept::held(self.records.as_ref()), K::longs(self.times.all())])
    }

    /// What [`Records::state`] has written.
    pub(super) fn resume(state: &K) -> Result<Self> {
        let mut parts = Parts::of(state);
        Ok(Records { records: parts.held()?, times: parts.longs()?.into() })
    }
}

impl Panes {
    /// The records that are held, and the bytes of their times and numbers.
    pub(super) fn held(&self) -> (Vec<K>, usize) {
        let pieces = self.panes.values().flatten();
        let records = pieces.map(|piece| piece.records.clone()).collect();
        // Each has a time and a number.
        (records, self.held * (size_of::<i64>() + size_of::<u64>()))
    }

    /// What is held, for [`Panes::resume`]: a part for each piece.
    pub(super) fn state(&self) -> K {
        let piece = |number: i64, piece: &Piece| {
            let numbers = piece.numbers.of(piece.len()).into_iter().map(|n| n as i64).collect();
            K::list(vec![
                K::long(number),
                kept::held(Some(&piece.records)),
                K::longs(piece.times.to_vec()),
                K::longs(numbers),
            ])
        };
        let all = self.panes.iter().flat_map(|(n, pieces)| pieces.iter().map(|p| piece(*n, p)));
        K::list(vec![K::list(all.collect()), K::long(self.come as i64)])
    }

    /// What [`Panes::state`] has written.
    pub(super) fn resume(state: &K) -> Result<Self> {
        let mut parts = Parts::of(state);
        let mut all = Panes::default();
        for piece in parts.next()?.items() {
            let mut parts = Parts::of(&piece);
            let (number, records) = (parts.long()?, parts.held()?);
            let (times, numbers) = (parts.longs()?, parts.longs()?);
            let Some(records) = records.filter(|_| !times.is_empty()) else { continue };
            all.held += times.len();
            let numbers = Numbers::Each(numbers.into_iter().map(|n| n as u64).collect());
            let piece = Piece { ends: ends(&times), records, times: Arc::new(times), numbers };
            all.panes.entry(number).or_default().push(piece);
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

    /// How many records have come.
    pub(super) fn come(&self) -> u64 {
        self.come
    }

    /// How many of those from a number on are held.
    pub(super) fn since(&self, number: u64) -> usize {
        let pieces = self.panes.values().flatten();
        pieces.map(|piece| piece.len() - piece.numbers.before(number, piece.len())).sum()
    }

    /// The records that came last for the first period, as far as they are in one piece.
    #[cfg(test)]
    pub(super) fn newest(&self) -> Option<&K> {
        self.panes.values().next()?.last().map(|piece| &piece.records)
    }

    /// The least and the greatest time that is held.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        let first = self.panes.values().next()?.iter().map(|piece| piece.ends.0).min()?;
        let last = self.panes.values().next_back()?.iter().map(|piece| piece.ends.1).max()?;
        Some((first, last))
    }

    /// The least time that is held and not before another.
    pub(super) fn next_from(&self, time: i128, period: i64) -> Option<i64> {
        let time = i64::try_from(time.max(i64::MIN.into())).ok()?;
        let least = |piece: &Piece| match piece.ends.0 {
            low if low >= time => Some(low),
            _ => piece.times.iter().copied().filter(|t| *t >= time).min(),
        };
        let mut later = self.panes.range(time.div_euclid(period)..);
        later.find_map(|(_, pieces)| pieces.iter().filter_map(least).min())
    }

    /// Whether records can be put to those that are held.
    pub(super) fn fit(&self, records: &K, mixed: bool) -> Result<()> {
        let any = self.panes.values().next().and_then(|pieces| pieces.first());
        fits(any.map(|piece| &piece.records), self.held, records, mixed)
    }

    /// Puts records, which must fit, each into its period; `ends` are the least and the greatest of
    /// the times.
    pub(super) fn put(
        &mut self,
        cx: &mut Session,
        period: i64,
        mixed: bool,
        records: K,
        times: Arc<Vec<i64>>,
        ends: (i64, i64),
    ) -> Result<()> {
        if times.is_empty() {
            return Ok(());
        }
        let base = self.come;
        self.come += times.len() as u64;
        let (low, high) = ends;
        let pane = low.div_euclid(period);
        if pane == high.div_euclid(period) {
            let numbers = Numbers::From(base);
            return self.add(cx, pane, mixed, Piece { records, times, ends: (low, high), numbers });
        }
        let of = |t: &i64| t.div_euclid(period);
        if times.is_sorted() {
            let mut start = 0;
            while let Some(rest) = times.get(start..).filter(|rest| !rest.is_empty()) {
                let pane = rest.first().map_or(0, of);
                let part = rest.get(..rest.partition_point(|t| of(t) == pane)).unwrap_or_default();
                let numbers = Numbers::From(base + start as u64);
                let records = records.slice(start, start + part.len());
                self.add(cx, pane, mixed, Piece::new(records, part.to_vec(), numbers))?;
                start += part.len();
            }
            return Ok(());
        }
        let mut rest: Vec<(i64, usize)> = times.iter().map(of).zip(0..).collect();
        // Stable: within a period they stay in the order in which they came.
        rest.sort_by_key(|(pane, _)| *pane);
        for part in rest.chunk_by(|a, b| a.0 == b.0) {
            let Some((pane, _)) = part.first().copied() else { continue };
            let places: Vec<i64> = part.iter().map(|(_, n)| *n as i64).collect();
            let own = part.iter().filter_map(|(_, n)| times.get(*n).copied()).collect();
            let numbers = Numbers::Each(part.iter().map(|(_, n)| base + *n as u64).collect());
            self.add(cx, pane, mixed, Piece::new(records.gather(&places), own, numbers))?;
        }
        Ok(())
    }

    /// Whether `count` records with times between two would be put as they are, all of them into
    /// one period and behind, not to, those that are there. That cannot fail.
    pub(super) fn stay_apart(&self, period: i64, count: usize, (low, high): (i64, i64)) -> bool {
        let pane = low.div_euclid(period);
        let before = self.panes.get(&pane).and_then(|pieces| pieces.last());
        let joins = before.is_some_and(|last| last.len() + count <= PIECE);
        pane == high.div_euclid(period) && !joins
    }

    fn add(&mut self, cx: &mut Session, pane: i64, mixed: bool, new: Piece) -> Result<()> {
        let pieces = self.panes.entry(pane).or_default();
        self.held += new.len();
        match pieces.last_mut() {
            Some(last) if last.len() + new.len() <= PIECE => last.append(cx, mixed, new),
            _ => {
                pieces.push(new);
                Ok(())
            }
        }
    }

    /// The records with times in a span in several pieces, if all of each piece is within and they
    /// are in the order in which they came.
    pub(super) fn pieces(&self, period: i64, span: &RangeInclusive<i64>) -> Option<Vec<&K>> {
        let all: Vec<&Piece> = self.within(period, span).flatten().collect();
        let within = |piece: &&Piece| span.contains(&piece.ends.0) && span.contains(&piece.ends.1);
        let ends = |piece: &Piece| (piece.numbers.at(0), piece.numbers.at(piece.len() - 1));
        let in_order = all.is_sorted_by(|a, b| ends(a).1 < ends(b).0);
        let fit = all.len() > 1 && in_order && all.iter().all(within);
        fit.then(|| all.into_iter().map(|piece| &piece.records).collect())
    }

    /// The periods with times in a span.
    fn within(&self, period: i64, span: &RangeInclusive<i64>) -> impl Iterator<Item = &Vec<Piece>> {
        let (first, last) = (span.start().div_euclid(period), span.end().div_euclid(period));
        // A range that ends before it begins is none that a map takes.
        self.panes.range(first..=last.max(first)).map(|(_, pieces)| pieces)
    }

    /// The records with times in a span but for those before a number, in the order in which they
    /// came.
    pub(super) fn window(
        &self,
        cx: &mut Session,
        shape: &Shape,
        span: &RangeInclusive<i64>,
        before: u64,
    ) -> Result<Records> {
        let mut all: Vec<Piece> = Vec::new();
        for pieces in self.within(shape.period, span) {
            let later = pieces.iter().filter_map(|piece| piece.from(before));
            all.extend(later.filter_map(|piece| piece.within(span)));
        }
        let ends = |piece: &Piece| (piece.numbers.at(0), piece.numbers.at(piece.len() - 1));
        let in_order = all.is_sorted_by(|a, b| ends(a).1 < ends(b).0);
        let numbers: Vec<u64> = match in_order {
            true => Vec::new(),
            false => all.iter().flat_map(|piece| piece.numbers.of(piece.len())).collect(),
        };
        let (records, times) = all.into_iter().map(|piece| (piece.records, piece.times)).unzip();
        let out = Records { records: concat(cx, records, shape.mixed)?, times: Times(times) };
        if in_order {
            return Ok(out);
        }
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|i| numbers.get(*i).copied());
        Ok(out.gather(&order))
    }

    /// Forgets the periods that end before a time.
    pub(super) fn forget(&mut self, period: i64, oldest: i128) {
        while let Some(first) = self.panes.first_entry() {
            if (i128::from(*first.key()) + 1) * i128::from(period) > oldest {
                return;
            }
            self.held -= first.remove().iter().map(Piece::len).sum::<usize>();
        }
    }

    pub(super) fn clear(&mut self) {
        self.panes.clear();
        self.held = 0;
    }
}

impl Piece {
    fn new(records: K, times: Vec<i64>, numbers: Numbers) -> Self {
        Self { ends: ends(&times), records, times: Arc::new(times), numbers }
    }

    fn len(&self) -> usize {
        self.times.len()
    }

    /// Puts what came later behind it.
    fn append(&mut self, cx: &mut Session, mixed: bool, new: Piece) -> Result<()> {
        let (own, count) = (self.len(), new.len());
        match (&mut self.numbers, &new.numbers) {
            (Numbers::From(first), Numbers::From(next)) if *first + own as u64 == *next => {}
            (Numbers::Each(all), more) => all.extend(more.of(count)),
            (Numbers::From(_), more) => {
                let mut all = self.numbers.of(own);
                all.extend(more.of(count));
                self.numbers = Numbers::Each(all);
            }
        }
        self.ends = (self.ends.0.min(new.ends.0), self.ends.1.max(new.ends.1));
        // They may be a column of the records, which has one owner from here on.
        Arc::make_mut(&mut self.times).extend_from_slice(&new.times);
        let held = std::mem::take(&mut self.records);
        self.records = join_records(cx, held, new.records, mixed)?;
        Ok(())
    }

    /// The records but for those before a number, unless there are none.
    fn from(&self, number: u64) -> Option<Cow<'_, Self>> {
        let first = self.numbers.before(number, self.len());
        if first == 0 {
            return Some(Cow::Borrowed(self));
        }
        let times = self.times.get(first..).filter(|times| !times.is_empty())?.to_vec();
        let records = self.records.slice(first, self.len());
        let numbers = self.numbers.of(self.len()).split_off(first);
        Some(Cow::Owned(Self::new(records, times, Numbers::Each(numbers))))
    }

    /// The records with times in a span, unless there are none.
    fn within(&self, span: &RangeInclusive<i64>) -> Option<Self> {
        let inside = |t: &i64| span.contains(t);
        if inside(&self.ends.0) && inside(&self.ends.1) {
            return Some(self.clone());
        }
        let places: Vec<i64> =
            self.times.iter().zip(0..).filter(|(t, _)| inside(t)).map(|(_, at)| at).collect();
        if places.is_empty() {
            return None;
        }
        let times = self.times.iter().copied().filter(inside).collect();
        let numbers = places.iter().map(|at| self.numbers.at(*at as usize)).collect();
        Some(Self::new(self.records.gather(&places), times, Numbers::Each(numbers)))
    }
}

impl Records {
    /// The records at places.
    pub(super) fn gather(&self, places: &[usize]) -> Self {
        let index: Vec<i64> = places.iter().map(|i| *i as i64).collect();
        let all = self.times.all();
        let times: Vec<i64> = places.iter().filter_map(|i| all.get(*i).copied()).collect();
        Self { records: self.records.as_ref().map(|k| k.gather(&index)), times: times.into() }
    }

    /// The records by their times; those of one time stay in their order.
    pub(super) fn by_time(&self) -> Self {
        let all = self.times.all();
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|i| all.get(*i).copied());
        self.gather(&order)
    }

    /// Puts other records, which must fit, after these.
    pub(super) fn append(&mut self, cx: &mut Session, mixed: bool, other: Records) -> Result<()> {
        self.times.append(other.times);
        let Some(more) = other.records else { return Ok(()) };
        let before = self.records.take().filter(|k| !k.is_empty());
        self.records = Some(match before {
            Some(before) => join_records(cx, before, more, mixed)?,
            None => more,
        });
        Ok(())
    }
}
