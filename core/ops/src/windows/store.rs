//! Slices of partial results, and the windows that are made of them.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::keys::Keys;
use super::slicing::{Slicing, Span};
use crate::aggregates::partials::Groups;
use crate::aggregates::{CellColumn, Layout, Partials};

/// Most slices that are open at once; hostile times could open one for every row.
pub const SLICES_MAX: usize = 1 << 20;
/// Beyond this many keys, those of fired windows are forgotten.
const KEYS_KEPT: usize = 1 << 16;

/// The open slices of an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    slicing: Slicing,
    open: BTreeMap<u64, Partials>,
    /// The first window that has not fired.
    next: u64,
    /// Everything that ended until then has fired; milliseconds.
    watermark: u64,
}

/// Rows of a batch as the slices take them.
pub struct Rows<'a> {
    /// Time of each row, milliseconds.
    pub times: &'a [u64],
    /// Number of each row's key; empty when there are no keys.
    pub ids: &'a [u32],
    /// Number of keys.
    pub known: usize,
    /// The column of each cell of the layout.
    pub columns: &'a [CellColumn],
}

/// A window that fires.
pub struct Fired<'a> {
    /// First moment, milliseconds.
    pub start: u64,
    /// First moment after it, milliseconds.
    pub end: u64,
    /// Its groups.
    pub groups: &'a mut Partials,
}

impl Slices {
    /// No slices yet.
    #[must_use]
    pub fn new(slicing: Slicing) -> Self {
        Slices { slicing, open: BTreeMap::new(), next: 0, watermark: 0 }
    }

    /// Adds the rows of `range` and returns how many were late: all their windows had fired.
    ///
    /// # Errors
    /// The state would grow beyond its limits.
    pub fn add(
        &mut self,
        layout: &Layout,
        rows: &Rows,
        range: Range<usize>,
    ) -> Result<u64, String> {
        let mut late = 0;
        let mut at = range.start;
        while at < range.end {
            let Some(time) = rows.times.get(at) else { break };
            let span = self.slicing.slice_of(*time);
            let rest = rows.times.get(at..range.end).unwrap_or_default();
            let run = rest.iter().position(|t| *t < span.start || *t >= span.end);
            let to = run.map_or(range.end, |run| at + run.max(1));
            if self.is_late(span) {
                late += (to - at) as u64;
            } else if !span.gap {
                self.add_run(layout, rows, span, at..to)?;
            }
            at = to;
        }
        Ok(late)
    }

    fn is_late(&self, span: Span) -> bool {
        !span.gap && self.slicing.last_window(span.start) < self.next
    }

    fn add_run(
        &mut self,
        layout: &Layout,
        rows: &Rows,
        span: Span,
        range: Range<usize>,
    ) -> Result<(), String> {
        if self.open.len() >= SLICES_MAX && !self.open.contains_key(&span.start) {
            return Err(format!("more than {SLICES_MAX} slices of time are open"));
        }
        let groups = match rows.ids.get(range.clone()) {
            Some(ids) if !rows.ids.is_empty() => Groups::Ids(ids),
            _ => Groups::One(range.len()),
        };
        let slice = self.open.entry(span.start).or_default();
        slice.add(layout, rows.known, groups, rows.columns, range)
    }

    /// Hands out every window that ended at `watermark`, in the order of their ends; those with
    /// slices on disk, and all after them, wait there.
    ///
    /// # Errors
    /// Those of `emit`, or the state would grow beyond its limits.
    pub(super) fn fire(
        &mut self,
        layout: &Layout,
        watermark: u64,
        disk: &mut Disk,
        mut emit: impl FnMut(Fired) -> Result<(), String>,
    ) -> Result<(), String> {
        if watermark <= self.watermark {
            return Ok(());
        }
        let mut merged = Partials::default();
        while let Some(first) = self.first(disk) {
            let k = self.slicing.first_window(first).max(self.next);
            let (start, end) = (self.slicing.start(k), self.slicing.end(k));
            if end > watermark {
                break;
            }
            if disk.delays(start..end) {
                let open = self.open.extract_if(start..end, |_, _| true);
                open.for_each(|(slice, groups)| disk.put(slice, groups));
                disk.end(start, end);
                self.next = k + 1;
                self.drop_fired(disk);
                continue;
            }
            let mut slices = self.open.range_mut(start..end);
            match (slices.next(), slices.next()) {
                (Some((_, only)), None) => emit(Fired { start, end, groups: only })?,
                (Some(_), Some(_)) => {
                    merged.clear(layout);
                    for slice in self.open.range(start..end).map(|(_, slice)| slice) {
                        merged.merge(layout, slice)?;
                    }
                    emit(Fired { start, end, groups: &mut merged })?;
                }
                _ => {}
            }
            self.next = k + 1;
            self.drop_fired(disk);
        }
        self.watermark = watermark;
        self.next = self.next.max(self.slicing.open_window(watermark));
        Ok(())
    }

    fn drop_fired(&mut self, disk: &mut Disk) {
        let is_over = |start| self.slicing.last_window(start) < self.next;
        while let Some(first) = self.open.first_entry().filter(|first| is_over(*first.key())) {
            first.remove();
        }
        disk.drop_until(is_over);
    }

    /// Start of the first slice that has rows.
    fn first(&self, disk: &Disk) -> Option<u64> {
        let open = self.open.first_key_value().map(|(start, _)| *start);
        open.into_iter().chain(disk.first()).min()
    }

    /// Hands over the slices that are in memory.
    pub(super) fn put_to(&mut self, disk: &mut Disk) {
        while let Some((slice, groups)) = self.open.pop_first() {
            disk.put(slice, groups);
        }
    }

    /// The earliest start that a window still to come can have: no row of the result will be
    /// before it.
    #[must_use]
    pub fn result_watermark(&self) -> u64 {
        self.slicing.start(self.next).min(self.watermark)
    }

    /// The end of the earliest window that has rows.
    #[must_use]
    pub(super) fn due(&self, disk: &Disk) -> Option<u64> {
        let first = self.first(disk)?;
        Some(self.slicing.end(self.slicing.first_window(first).max(self.next)))
    }

    /// Number of slices in memory.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.open.values().map(Partials::bytes).sum()
    }

    /// Forgets keys without rows when there are many of them.
    ///
    /// # Errors
    /// The state would grow beyond its limits.
    pub fn compact(&mut self, keys: &mut Keys) -> Result<(), String> {
        if keys.len() <= KEYS_KEPT {
            return Ok(());
        }
        let rows: usize = self.open.values().map(|s| s.touched().len()).sum();
        if rows * 4 > keys.len() {
            return Ok(());
        }
        let mut live: Vec<u32> =
            self.open.values().flat_map(|s| s.touched().iter().copied()).collect();
        live.sort_unstable();
        live.dedup();
        *keys = keys.only(&live)?;
        for slice in self.open.values_mut() {
            slice.renumber(&live);
        }
        Ok(())
    }
}
