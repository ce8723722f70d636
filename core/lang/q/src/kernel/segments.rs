//! Items by group: which group each is in, and the items of each group one after the other.

use super::group::Groups;
use formats::k::K;

/// The groups of items: dense numbers, all of items that are looked at as a whole being 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ids<'a> {
    /// One group, of all items.
    One,
    /// The group of each item, and how many groups there are.
    Many(&'a [u32], usize),
}

impl<'a> From<&'a Groups> for Ids<'a> {
    fn from(groups: &'a Groups) -> Self {
        Self::Many(&groups.ids, groups.firsts.len())
    }
}

/// Items of which each is in a group.
pub(crate) trait Grouped<T> {
    /// A state for each group after all its items, in one pass over the items in their order.
    fn fold<S: Clone>(&self, start: S, step: impl FnMut(&mut S, T)) -> Vec<S>;
}

impl<T: Copy> Grouped<T> for (&[T], Ids<'_>) {
    fn fold<S: Clone>(&self, start: S, step: impl FnMut(&mut S, T)) -> Vec<S> {
        self.1.fold(self.0, start, step)
    }
}

impl<T: Copy, U: Copy> Grouped<(T, U)> for (&[T], &[U], Ids<'_>) {
    fn fold<S: Clone>(&self, start: S, mut step: impl FnMut(&mut S, (T, U))) -> Vec<S> {
        self.2.fold2((self.0, self.1), start, |state, x, y| step(state, (x, y)))
    }
}

impl Ids<'_> {
    /// A state for each group after all its items, in one pass over the items.
    pub(crate) fn fold<T: Copy, S: Clone>(
        self,
        items: &[T],
        start: S,
        mut step: impl FnMut(&mut S, T),
    ) -> Vec<S> {
        match self {
            Self::One => {
                let mut state = start;
                items.iter().for_each(|x| step(&mut state, *x));
                vec![state]
            }
            Self::Many(ids, count) => {
                let mut states = vec![start; count];
                for (x, id) in items.iter().zip(ids) {
                    if let Some(state) = states.get_mut(*id as usize) {
                        step(state, *x);
                    }
                }
                states
            }
        }
    }

    /// The same over pairs of items.
    pub(crate) fn fold2<T: Copy, U: Copy, S: Clone>(
        self,
        items: (&[T], &[U]),
        start: S,
        mut step: impl FnMut(&mut S, T, U),
    ) -> Vec<S> {
        let pairs = items.0.iter().zip(items.1);
        match self {
            Self::One => {
                let mut state = start;
                pairs.for_each(|(x, y)| step(&mut state, *x, *y));
                vec![state]
            }
            Self::Many(ids, count) => {
                let mut states = vec![start; count];
                for ((x, y), id) in pairs.zip(ids) {
                    if let Some(state) = states.get_mut(*id as usize) {
                        step(state, *x, *y);
                    }
                }
                states
            }
        }
    }

    /// What a step gives for each item, with a state for each group.
    pub(crate) fn scan<T: Copy, S: Clone, U>(
        self,
        items: impl Iterator<Item = T>,
        start: S,
        mut step: impl FnMut(&mut S, T) -> U,
    ) -> Vec<U> {
        match self {
            Self::One => {
                let mut state = start;
                items.map(|x| step(&mut state, x)).collect()
            }
            Self::Many(ids, count) => {
                let mut states = vec![start.clone(); count];
                let mut spare = start;
                let step = |(x, id): (T, &u32)| match states.get_mut(*id as usize) {
                    Some(state) => step(state, x),
                    None => step(&mut spare, x),
                };
                items.zip(ids).map(step).collect()
            }
        }
    }

    /// For each of `len` items the place of the one before it in its group, or -1.
    pub(crate) fn before(self, len: usize) -> Vec<i64> {
        self.scan(0..len as i64, -1, |last: &mut i64, row| std::mem::replace(last, row))
    }
}

/// The items of each group, one group after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    /// The places of the items, by group and within a group in order.
    pub(crate) places: Vec<i64>,
    /// Where in `places` each group ends.
    pub(crate) ends: Vec<usize>,
}

impl Segments {
    /// The segments of items that have the given groups.
    pub(crate) fn new(ids: &[u32], count: usize) -> Self {
        let mut starts = vec![0usize; count];
        for id in ids {
            if let Some(n) = starts.get_mut(*id as usize) {
                *n += 1;
            }
        }
        let mut next = 0;
        for n in &mut starts {
            next += std::mem::replace(n, next);
        }
        let mut places = vec![0i64; ids.len()];
        for (row, id) in (0..).zip(ids) {
            if let Some(at) = starts.get_mut(*id as usize) {
                if let Some(slot) = places.get_mut(*at) {
                    *slot = row;
                }
                *at += 1;
            }
        }
        // Each start has moved to the end of its group.
        Self { places, ends: starts }
    }

    /// From where to where the items of each group are.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied())
    }

    /// The items of each group as a list of their own.
    pub(crate) fn lists(&self, items: &K) -> Vec<K> {
        let all = items.gather(&self.places);
        self.ranges().map(|(start, end)| all.slice(start, end)).collect()
    }
}
