//! The memory of a session: what it holds between two evaluations, and what one may take on top.
//!
//! While something is evaluated the allocator tallies what it takes ([`formats::budget`]). What of
//! that stays in variables and operators cannot be told from what is handed on, so what may have
//! stayed is added up, and when that is much, what there is is weighed. Nothing is weighed often:
//! an eighth of the memory has to come in between.

use crate::error::{QError, Result};
use crate::kernel::compare::matches;
use crate::session::Session;
use formats::budget::{self, Limits, Spent};
use formats::k::{Data, K, Vector, Weight};
use formats::on_k_data;
use std::sync::Arc;

/// Bytes that a session may take, with what it evaluates, unless the options say otherwise.
pub const MEMORY_MAX: u64 = if cfg!(test) { 512 << 20 } else { 4 << 30 };
/// The share of the memory that may come in before what is held is weighed.
const UNWEIGHED: u64 = 8;
/// The share of the memory that a text may take when hardly any is left, so that it can make room.
const RESERVE: u64 = 16;
/// Levels, and items of general lists, of values whose bytes are told at once.
const FLAT_LEVELS: usize = 3;
const FLAT_ITEMS: usize = 16;
/// Bytes that a variable takes besides its value.
const ENTRY_BYTES: usize = 64;
/// Bytes that a value with a name of any length takes besides both.
const STORED_BYTES: usize = 96;

impl From<Spent> for QError {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::Bytes => Self::limit("wsfull"),
            Spent::Steps => Self::limit("stop"),
        }
    }
}

/// What a session holds between two evaluations, in bytes.
#[derive(Debug)]
pub(crate) struct Held {
    /// Bytes that it may take in all.
    max: u64,
    /// What it held itself when that was weighed.
    own: u64,
    /// What the operators of its pipeline held when that was weighed.
    operators: u64,
    /// What may have been added to the former since.
    since: u64,
    /// The same of the latter.
    since_operators: u64,
}

impl Held {
    pub(crate) fn new(max: u64) -> Self {
        Self { max, own: 0, operators: 0, since: 0, since_operators: 0 }
    }

    fn grow(&mut self, bytes: u64) {
        self.since = self.since.saturating_add(bytes);
        self.since_operators = self.since_operators.saturating_add(bytes);
    }

    fn all(&self) -> u64 {
        self.own.saturating_add(self.operators)
    }

    fn left(&self) -> u64 {
        self.max.saturating_sub(self.all())
    }
}

/// The bytes of values that come in: of most of them that is told at once. Nothing where they are
/// given to a piece of work within another, which has had them already.
pub(crate) fn coming<'a>(values: impl IntoIterator<Item = &'a K>) -> u64 {
    if budget::is_limited() {
        return 0;
    }
    let values = values.into_iter();
    values.map(|k| flat(k, FLAT_LEVELS).unwrap_or_else(|| formats::k::bytes(k)) as u64).sum()
}

/// The bytes of a value in which nothing is nested deep.
fn flat(k: &K, levels: usize) -> Option<usize> {
    let below = |k: &K| flat(k, levels.checked_sub(1)?);
    match k {
        K::Vec(Vector { data: Data::List(items), .. }) if items.len() > FLAT_ITEMS => None,
        K::Vec(Vector { data: Data::List(items), .. }) => {
            let within: usize = items.iter().map(below).sum::<Option<_>>()?;
            Some(within + items.len() * size_of::<K>())
        }
        K::Vec(v) => Some(on_k_data!(&v.data, items => size_of_val(items.as_slice()))),
        K::Table(t) => t.columns.iter().map(below).sum(),
        K::Dict(d) => Some(below(&d.keys)? + below(&d.values)?),
        K::Func(_) => None,
        K::Atom(..) | K::Null => Some(0),
    }
}

impl Session {
    /// Runs `work`, to which values of so many bytes are given ([`coming`]), within the memory that
    /// is left; within another such piece of work within what that may take.
    ///
    /// # Errors
    /// `wsfull` when it takes more, `stop` when it takes too long where no steps are counted, and
    /// what it signals.
    pub(crate) fn bounded<T>(
        &mut self,
        given: u64,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if budget::is_limited() {
            return self.within_bytes(0, work);
        }
        self.held.grow(given);
        match self.left() {
            0 => Err(Spent::Bytes.into()),
            left => self.within_bytes(left, work),
        }
    }

    /// The same for a text that a person or a client evaluates. When hardly any memory is left it
    /// may still take some, but must not leave more behind than there was: so who has filled the
    /// memory can make room.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn bounded_text<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if budget::is_limited() {
            return self.within_bytes(0, work);
        }
        let reserve = self.held.max / RESERVE;
        let left = self.left();
        if left >= reserve {
            return self.within_bytes(left, work);
        }
        self.weigh();
        let (before, held) = ((self.globals.clone(), self.views.clone()), self.held.all());
        let done = self.within_bytes(reserve, work);
        self.weigh();
        if self.held.all() > self.held.max && self.held.all() > held {
            (self.globals, self.views) = before;
            self.views.all_stale();
            self.weigh();
            return Err(Spent::Bytes.into());
        }
        done
    }

    /// Bytes that an evaluation may take.
    fn left(&mut self) -> u64 {
        let (held, hardly) = (&self.held, self.held.max / RESERVE);
        if held.since > held.max / UNWEIGHED || held.since > 0 && held.left() < hardly {
            self.weigh();
        }
        self.held.left()
    }

    fn within_bytes<T>(
        &mut self,
        bytes: u64,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let (outer, context, depth) = (!budget::is_limited(), self.context, self.depth);
        let before = budget::live();
        let limits = Limits { bytes, steps: self.steps };
        let done = budget::within(limits, || work(self));
        if outer {
            self.held.grow(u64::try_from(budget::live() - before).unwrap_or(0));
        }
        done.unwrap_or_else(|spent| {
            // It stopped wherever it was.
            (self.context, self.depth) = (context, depth);
            self.views.all_stale();
            Err(spent.into())
        })
    }

    /// Weighs what the session itself holds.
    fn weigh(&mut self) -> Weight {
        let mut weight = Weight::default();
        weight.add_bytes(self.globals.len() * ENTRY_BYTES + self.indexes.bytes());
        self.globals.values().for_each(|value| weight.add(value));
        for ((_, key), value) in &self.qsp.store {
            weight.add_bytes(STORED_BYTES + key.as_ref().map_or(0, Vec::len));
            weight.add(value);
        }
        let pushed = self.qsp.pushed.iter().flat_map(|(metadata, data)| [metadata, data]);
        let others = self.qsp.calls.values().chain(self.qsp.timers.values());
        let others = others.chain(self.qsp.watch.values()).chain(pushed);
        others.for_each(|value| weight.add(value));
        self.held.own = weight.bytes() as u64;
        self.held.since = 0;
        weight
    }

    /// Whether what the operators hold is to be weighed.
    pub(crate) fn is_weighing_due(&self) -> bool {
        // More often when much is held, of which some may be gone.
        let share = if self.held.left() < self.held.max / 2 { 8 * UNWEIGHED } else { UNWEIGHED };
        self.held.since_operators > self.held.max / share
    }

    /// Weighs what the session and the operators of its pipeline hold.
    pub(crate) fn weigh_operators(&mut self, held: impl Iterator<Item = (Vec<K>, usize)>) {
        // All at once, so that no address is used twice.
        let held: Vec<(Vec<K>, usize)> = held.collect();
        let mut weight = self.weigh();
        for (values, bytes) in &held {
            values.iter().for_each(|value| weight.add(value));
            weight.add_bytes(*bytes);
        }
        self.held.operators = (weight.bytes() as u64).saturating_sub(self.held.own);
        self.held.since_operators = 0;
    }

    /// Changes something that was taken out of its place, so that it can be put back, whatever
    /// happens.
    ///
    /// # Errors
    /// As [`Session::bounded`].
    #[inline(never)]
    pub(crate) fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        budget::caught(|| work(self)).unwrap_or_else(|spent| Err(spent.into()))
    }

    /// Whether two values are the same; counts the lists that had to be looked into.
    ///
    /// # Errors
    /// `stop` when no steps are left.
    pub(crate) fn matches(&mut self, a: &K, b: &K) -> Result<bool> {
        let before = budget::steps();
        let same = matches(a, b);
        let taken = before.saturating_sub(budget::steps());
        self.charge(usize::try_from(taken).unwrap_or(usize::MAX))?;
        Ok(same)
    }

    /// Asks for room for so many bytes.
    pub(crate) fn bytes(&self, count: usize) -> Result<()> {
        if budget::has_room(count) { Ok(()) } else { Err(Spent::Bytes.into()) }
    }

    /// Asks for room for items behind those of a list or table that is changed where it is. When it
    /// has been given away it is too late.
    pub(crate) fn room_behind(&self, list: &K, more: &K) -> Result<()> {
        self.room_for(list, more.len())
    }

    /// The same for so many items.
    pub(crate) fn room_for(&self, list: &K, count: usize) -> Result<()> {
        self.bytes(growth(list, count))
    }
}

/// Bytes that a list or table takes more when so many items are put behind it.
fn growth(list: &K, added: usize) -> usize {
    match list {
        K::Vec(v) => on_k_data!(&v.data, items => {
            let (count, room) = (items.len(), items.capacity());
            grown(items.as_slice(), room - count, Arc::strong_count(items) == 1, added)
        }),
        K::Table(t) => t.columns.iter().map(|column| growth(column, added)).sum(),
        K::Dict(d) => growth(&d.keys, added).saturating_add(growth(&d.values, added)),
        K::Atom(..) | K::Func(_) | K::Null => 0,
    }
}

fn grown<T>(items: &[T], room: usize, alone: bool, added: usize) -> usize {
    let more = match (alone, added <= room) {
        (true, true) => 0,
        // Room for as many again.
        (true, false) => items.len().max(added),
        (false, _) => items.len().saturating_add(added),
    };
    more.saturating_mul(size_of::<T>())
}
