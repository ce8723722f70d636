//! The partial results of many groups, kept dense: group `id` has the cells from `id * stride`.

use std::ops::Range;

use arrow_array::types::{UInt8Type, UInt64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray};
use serde::{Deserialize, Serialize};

use super::{CellColumn, Class, Function, Kind, Layout, avg, count, max, median, min, sum};
use crate::columns::select::binary;
use crate::columns::types::{array_from, bools, texts, values, with_primitive};
use crate::kept::packed;

/// Most cells of one set of groups: 4 GiB of them.
pub const CELLS_MAX: usize = if cfg!(test) { 1 << 14 } else { 1 << 29 };

/// What is wrong with columns that are not those of groups.
const OTHER_CELLS: &str = "state on disk is not that of these aggregates";

/// Partial results of groups that are numbered by their keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partials {
    #[serde(with = "packed")]
    cells: Vec<u64>,
    /// Cells of one group; 0 before the first row.
    stride: usize,
    /// The groups that have rows, in the order they got their first.
    #[serde(with = "packed")]
    touched: Vec<u32>,
    /// Values of the cells that are lists.
    lists: Vec<Vec<f64>>,
    /// How many there are in all lists.
    listed: usize,
}

/// The groups of some rows.
#[derive(Clone, Copy)]
pub enum Groups<'a> {
    /// One for each row.
    Ids(&'a [u32]),
    /// All rows of this many belong to group 0.
    One(usize),
}

impl Groups<'_> {
    fn max(&self) -> usize {
        match self {
            Groups::Ids(ids) => ids.iter().copied().max().unwrap_or(0) as usize,
            Groups::One(_) => 0,
        }
    }
}

impl Partials {
    /// The groups that have rows, in the order they got their first.
    #[must_use]
    pub fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// The cells of one group.
    #[must_use]
    pub fn cells(&self, layout: &Layout, id: u32) -> &[u64] {
        let at = id as usize * layout.stride();
        self.cells.get(at..at + layout.stride()).unwrap_or_default()
    }

    /// Bytes held, those of lists as an estimate.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // A list that grows has up to as much room again.
        let lists = 24 * self.lists.capacity() + 12 * self.listed;
        8 * self.cells.capacity() + 4 * self.touched.capacity() + lists
    }

    fn room(&mut self, layout: &Layout, groups: usize) -> Result<(), String> {
        let cells = groups * layout.stride();
        if cells > CELLS_MAX {
            return Err(format!("more than {CELLS_MAX} cells of window state"));
        }
        self.stride = layout.stride();
        if self.cells.len() < cells {
            self.cells.resize(cells, 0);
        }
        Ok(())
    }

    fn touch(&mut self, layout: &Layout, id: u32) {
        self.touched.push(id);
        let at = id as usize * layout.stride() + 1;
        for (slot, cell) in self.cells.iter_mut().skip(at).zip(&layout.cells) {
            *slot = match cell.kind {
                Kind::List => {
                    self.lists.push(Vec::new());
                    self.lists.len() as u64
                }
                kind => kind.empty(),
            };
        }
    }

    /// Adds rows: `groups` says which group each belongs to, `columns` has the column of each
    /// cell of the layout, of which rows `range` are meant. `known` is the number of groups.
    ///
    /// # Errors
    /// The state would grow beyond [`CELLS_MAX`].
    pub fn add(
        &mut self,
        layout: &Layout,
        known: usize,
        groups: Groups,
        columns: &[CellColumn],
        range: Range<usize>,
    ) -> Result<(), String> {
        self.room(layout, known.max(groups.max() + 1))?;
        self.count(layout, groups);
        for (at, (cell, column)) in layout.cells.iter().zip(columns).enumerate() {
            let offset = at + 1;
            if let Some(unless) = &column.unless {
                let unless = bools(unless).ok_or("rows are passed over by booleans")?;
                self.fold_some(
                    cell.kind,
                    (layout.stride(), offset),
                    groups,
                    column,
                    unless,
                    &range,
                );
                continue;
            }
            with_primitive!(column.ty, T => {
                let all = values::<T>(&column.array).get(range.clone()).unwrap_or_default();
                self.fold::<T>(cell.kind, layout.stride(), offset, groups, all);
            }, _ => ());
        }
        Ok(())
    }

    /// Adds the rows of a range that are not passed over.
    fn fold_some(
        &mut self,
        kind: Kind,
        (stride, offset): (usize, usize),
        groups: Groups,
        column: &CellColumn,
        unless: &BooleanArray,
        range: &Range<usize>,
    ) {
        let known = |row: &usize| *row < unless.len() && !unless.value(*row);
        let kept: Vec<usize> = range.clone().filter(known).collect();
        let ids: Vec<u32>;
        let groups = match groups {
            Groups::One(_) => Groups::One(kept.len()),
            Groups::Ids(all) => {
                let id = |row: &usize| all.get(row - range.start).copied();
                ids = kept.iter().filter_map(id).collect();
                Groups::Ids(&ids)
            }
        };
        if kind == Kind::Rows {
            let ones = vec![1; kept.len()];
            self.fold::<UInt8Type>(kind, stride, offset, groups, &ones);
            return;
        }
        with_primitive!(column.ty, T => {
            let all = values::<T>(&column.array);
            let some: Vec<_> = kept.iter().filter_map(|row| all.get(*row).copied()).collect();
            self.fold::<T>(kind, stride, offset, groups, &some);
        }, _ => ());
    }

    fn count(&mut self, layout: &Layout, groups: Groups) {
        let stride = layout.stride();
        match groups {
            Groups::One(rows) => {
                if rows > 0 && self.cells.first() == Some(&0) {
                    self.touch(layout, 0);
                }
                if let Some(cell) = self.cells.first_mut() {
                    *cell = count::merge(*cell, rows as u64);
                }
            }
            Groups::Ids(ids) => {
                for id in ids {
                    let cell = &mut self.cells[*id as usize * stride];
                    let before = *cell;
                    *cell = count::one(before);
                    if before == 0 {
                        self.touch(layout, *id);
                    }
                }
            }
        }
    }

    fn fold<T: ArrowPrimitiveType>(
        &mut self,
        kind: Kind,
        stride: usize,
        offset: usize,
        groups: Groups,
        all: &[T::Native],
    ) where
        T::Native: Number,
    {
        let cells = &mut self.cells;
        macro_rules! run {
            ($f:expr) => {
                match groups {
                    Groups::Ids(ids) => {
                        for (id, value) in ids.iter().zip(all) {
                            let cell = &mut cells[*id as usize * stride + offset];
                            *cell = $f(*cell, *value);
                        }
                    }
                    Groups::One(_) => {
                        let start = cells.get(offset).copied().unwrap_or_default();
                        let end = all.iter().fold(start, |cell, value| $f(cell, *value));
                        if let Some(cell) = cells.get_mut(offset) {
                            *cell = end;
                        }
                    }
                }
            };
        }
        type N<T> = <T as ArrowPrimitiveType>::Native;
        match kind {
            Kind::Sum(Class::Float) => run!(|c, v: N<T>| sum::float(c, v.float())),
            Kind::Sum(_) | Kind::Rows => run!(|c, v: N<T>| sum::int(c, v.bits())),
            Kind::Upper(class) => run!(|c, v: N<T>| sum::int(c, avg::upper(class, v.bits()))),
            Kind::Min(Class::Int) => run!(|c, v: N<T>| min::int(c, v.bits() as i64)),
            Kind::Min(Class::Uint) => run!(|c, v: N<T>| min::uint(c, v.bits())),
            Kind::Min(Class::Float) => run!(|c, v: N<T>| min::float(c, v.float())),
            Kind::Max(Class::Int) => run!(|c, v: N<T>| max::int(c, v.bits() as i64)),
            Kind::Max(Class::Uint) => run!(|c, v: N<T>| max::uint(c, v.bits())),
            Kind::Max(Class::Float) => run!(|c, v: N<T>| max::float(c, v.float())),
            Kind::List => {
                let lists = &mut self.lists;
                self.listed += all.len();
                run!(|c: u64, v: N<T>| {
                    if let Some(list) = lists.get_mut((c as usize).wrapping_sub(1)) {
                        list.push(v.float());
                    }
                    c
                });
            }
        }
    }

    /// Adds the partial results of other rows of the same groups.
    ///
    /// # Errors
    /// The state would grow beyond [`CELLS_MAX`].
    pub fn merge(&mut self, layout: &Layout, other: &Partials) -> Result<(), String> {
        let stride = layout.stride();
        self.room(layout, other.cells.len() / stride)?;
        for id in &other.touched {
            let at = *id as usize * stride;
            if self.cells.get(at) == Some(&0) {
                self.touch(layout, *id);
            }
            let from = other.cells(layout, *id);
            let into = self.cells.get_mut(at..at + stride).unwrap_or_default();
            let mut pairs = into.iter_mut().zip(from);
            if let Some((mine, theirs)) = pairs.next() {
                *mine = count::merge(*mine, *theirs);
            }
            for ((mine, theirs), cell) in pairs.zip(&layout.cells) {
                if cell.kind == Kind::List {
                    let more = other.lists.get((*theirs as usize).wrapping_sub(1));
                    let list = self.lists.get_mut((*mine as usize).wrapping_sub(1));
                    if let (Some(list), Some(more)) = (list, more) {
                        list.extend_from_slice(more);
                        self.listed += more.len();
                    }
                } else {
                    *mine = cell.kind.merge(*mine, *theirs);
                }
            }
        }
        Ok(())
    }

    /// The cells of some groups as columns: numbers of 64 bits, and the values of a list as a text
    /// of eight bytes each.
    ///
    /// # Errors
    /// There are more values than a column of texts can have.
    pub fn export(&self, layout: &Layout, ids: &[u32]) -> Result<Vec<ArrayRef>, String> {
        let numbers = |offset: usize| {
            let cell = |id: &u32| self.cells(layout, *id).get(offset).copied().unwrap_or_default();
            ids.iter().map(cell).collect::<Vec<u64>>()
        };
        let mut arrays = vec![array_from::<UInt64Type>(numbers(0))];
        for (cell, offset) in layout.cells.iter().zip(1..) {
            let numbers = numbers(offset);
            if cell.kind != Kind::List {
                arrays.push(array_from::<UInt64Type>(numbers));
                continue;
            }
            let (mut ends, mut bytes) = (vec![0], Vec::new());
            for at in numbers {
                let list = self.lists.get((at as usize).wrapping_sub(1));
                bytes.extend(list.into_iter().flatten().flat_map(|value| value.to_le_bytes()));
                let end = i32::try_from(bytes.len());
                ends.push(end.map_err(|_| "a window has too many values for a median")?);
            }
            arrays.push(binary(ends, bytes));
        }
        Ok(arrays)
    }

    /// Adds groups that were exported; `ids` says which group each is, of `known` ones.
    ///
    /// # Errors
    /// The state would grow beyond [`CELLS_MAX`], or these are not the columns of such groups.
    pub fn absorb(
        &mut self,
        layout: &Layout,
        known: usize,
        ids: &[u32],
        columns: &[ArrayRef],
    ) -> Result<(), String> {
        let stride = layout.stride();
        self.room(layout, known)?;
        let [counts, columns @ ..] = columns else { return Err(OTHER_CELLS.into()) };
        for (id, count) in ids.iter().zip(values::<UInt64Type>(counts)) {
            let at = *id as usize * stride;
            if self.cells.get(at) == Some(&0) {
                self.touch(layout, *id);
            }
            let cell = self.cells.get_mut(at).ok_or(OTHER_CELLS)?;
            *cell = count::merge(*cell, *count);
        }
        for ((cell, column), offset) in layout.cells.iter().zip(columns).zip(1..) {
            let texts = (cell.kind == Kind::List).then(|| texts(column)).flatten();
            let numbers = values::<UInt64Type>(column);
            for (row, id) in ids.iter().enumerate() {
                let mine = self.cells.get_mut(*id as usize * stride + offset).ok_or(OTHER_CELLS)?;
                if let Some(texts) = texts.filter(|texts| row < texts.len()) {
                    let (eights, _) = texts.value(row).as_chunks::<8>();
                    let list = self.lists.get_mut((*mine as usize).wrapping_sub(1));
                    let list = list.ok_or(OTHER_CELLS)?;
                    list.extend(eights.iter().map(|bytes| f64::from_le_bytes(*bytes)));
                    self.listed += eights.len();
                } else {
                    *mine = cell.kind.merge(*mine, *numbers.get(row).ok_or(OTHER_CELLS)?);
                }
            }
        }
        Ok(())
    }

    /// Renumbers the groups: `live[n]` becomes `n`. Groups that are not in `live` (ascending) have
    /// no rows.
    pub fn renumber(&mut self, live: &[u32]) {
        let groups = self.touched.iter().copied().max().map_or(0, |id| id as usize + 1);
        let stride = if groups == 0 { 0 } else { self.stride };
        let mut cells = vec![0; live.len() * stride];
        for id in &mut self.touched {
            let Ok(new) = live.binary_search(id) else { continue };
            let from = *id as usize * stride;
            let from = self.cells.get(from..from + stride).unwrap_or_default();
            if let Some(to) = cells.get_mut(new * stride..new * stride + from.len()) {
                to.copy_from_slice(from);
            }
            *id = new as u32;
        }
        self.cells = cells;
    }

    /// Forgets all rows but keeps the memory.
    pub fn clear(&mut self, layout: &Layout) {
        for id in self.touched.drain(..) {
            if let Some(cell) = self.cells.get_mut(id as usize * layout.stride()) {
                *cell = 0;
            }
        }
        self.lists.clear();
        self.listed = 0;
    }

    /// Appends the results of one group, in the order they were asked for, as the numbers their
    /// classes hold.
    pub fn finish(&mut self, layout: &Layout, id: u32, out: &mut [Vec<u64>]) {
        let at = id as usize * layout.stride();
        for (output, column) in layout.outputs.iter().zip(out) {
            let cell = self.cells.get(at + output.cell).copied().unwrap_or_default();
            column.push(match output.request.function {
                Function::Avg => {
                    let float = Class::of(output.request.ty) == Some(Class::Float);
                    let of = |place: usize| self.cells.get(at + place).copied();
                    let (rows, upper) = (of(output.rows).unwrap_or(0), output.upper.map(of));
                    avg::finish(output.class, cell, upper.flatten(), rows, float)
                }
                Function::Median => {
                    let list = self.lists.get_mut((cell as usize).wrapping_sub(1));
                    list.map_or(0.0, |list| median::finish(list)).to_bits()
                }
                _ => cell,
            });
        }
    }
}

/// A number as cells hold it.
pub(crate) trait Number: Copy {
    /// As 64 bits, with its sign extended.
    fn bits(self) -> u64;
    /// As a float.
    fn float(self) -> f64;
}

macro_rules! number {
    ($wide:ty: $($t:ty),*) => {$(
        #[allow(clippy::cast_lossless)]
        impl Number for $t {
            #[inline]
            fn bits(self) -> u64 { self as $wide as u64 }
            #[inline]
            fn float(self) -> f64 { self as f64 }
        }
    )*};
}
number!(i64: i8, i16, i32, i64);
number!(u64: u8, u16, u32, u64, f32, f64);
