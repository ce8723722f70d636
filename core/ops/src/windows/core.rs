//! Windows and their state, apart from the operator: nothing here waits or asks for the time.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use plan::{Batch, Columns, Data, DataType, Schema};
use serde::{Deserialize, Serialize};

use super::disk::Disk;
use super::emit::{self, Emission, ROWS_MAX, schema_of};
use super::keys::{Keys, KeysState, owners};
use super::slicing::Slicing;
use super::store::{Fired, Rows, Slices};
use super::time::{Absorb, Clock};
use super::watermark::Watermarks;
use super::window::Config;
use crate::aggregates::{CellColumn, Layout, Place};
use crate::columns::select::take;
use crate::spill::Room;

/// Everything that depends on the schema of the input.
struct Bound {
    schema: Arc<Schema>,
    layout: Layout,
    keys: Keys,
    key_columns: Vec<usize>,
    cell_columns: Vec<Place>,
    emission: Emission,
}

/// The state is measured after so many rows, or as many as there are slices.
const MEASURED_ROWS: usize = if cfg!(test) { 1 } else { 1 << 12 };

/// Windows and their state. It neither waits nor asks for the time, so that tests can drive it.
pub struct Core {
    config: Config,
    clock: Clock,
    slices: Slices,
    disk: Disk,
    /// Where state goes that does not fit in memory.
    room: Option<Room>,
    /// Rows since the state was measured.
    unmeasured: usize,
    /// Whether the input has ended and only windows on disk are to come.
    ending: bool,
    bound: Option<Bound>,
    seed: u64,
    ids: Vec<u32>,
    told: u64,
    /// Rows dropped because all their windows had fired.
    pub late: u64,
}

/// The state of a [`Core`], for a snapshot.
#[derive(Serialize, Deserialize)]
pub struct State {
    schema: Option<Schema>,
    keys: Option<KeysState>,
    slices: Slices,
    watermarks: Watermarks,
    told: u64,
    late: u64,
}

impl Bound {
    fn new(config: &Config, schema: &Arc<Schema>, seed: u64) -> Result<Bound, String> {
        let type_of =
            |name: &str| schema.index_of(name).and_then(|i| schema.fields.get(i)).map(|f| f.ty);
        let layout = Layout::new(&config.aggregates, type_of)?;
        let keys: Vec<(String, String)> = config
            .keys
            .iter()
            .map(|k| (k.column.clone(), k.name.clone().unwrap_or_else(|| k.column.clone())))
            .collect();
        let borders = Some((config.start.as_str(), config.end.as_str()));
        let result = schema_of(borders, &keys, &layout, schema)?;
        let index = |name: &str| schema.index_of(name).unwrap_or(usize::MAX);
        let key_types: Vec<DataType> = keys.iter().filter_map(|k| type_of(&k.0)).collect();
        let cell_columns = layout.cells.iter().map(|cell| Place::of(cell, schema));
        Ok(Bound {
            schema: Arc::clone(schema),
            key_columns: keys.iter().map(|k| index(&k.0)).collect(),
            cell_columns: cell_columns.collect(),
            keys: Keys::new(&key_types, seed),
            emission: Emission::new(result, true, config.partition, layout.outputs.len()),
            layout,
        })
    }
}

impl Bound {
    /// The key columns of a batch.
    fn keys_of(&self, columns: &Columns) -> Vec<ArrayRef> {
        let pick = |i: &usize| columns.arrays.get(*i).cloned();
        self.key_columns.iter().filter_map(pick).collect()
    }
}

/// A walk over one batch.
struct Walk<'a> {
    bound: &'a mut Bound,
    slices: &'a mut Slices,
    disk: &'a mut Disk,
    ids: &'a [u32],
    columns: &'a [CellColumn],
    /// The rows that are worked on, where they are not all; `ids` and `columns` are theirs.
    own: Option<&'a [u32]>,
    own_times: Vec<u64>,
    late: u64,
    out: &'a mut Vec<Batch>,
}

impl Absorb for Walk<'_> {
    fn rows(&mut self, times: &[u64], range: Range<usize>) -> Result<(), String> {
        let known = self.bound.keys.len();
        let (times, range) = match self.own {
            None => (times, range),
            Some(own) => {
                if self.own_times.is_empty() {
                    let time = |row: &u32| times.get(*row as usize).copied().unwrap_or_default();
                    self.own_times.extend(own.iter().map(time));
                }
                let at = |row: usize| own.partition_point(|own| (*own as usize) < row);
                (self.own_times.as_slice(), at(range.start)..at(range.end))
            }
        };
        let rows = Rows { times, ids: self.ids, known, columns: self.columns };
        self.late += self.slices.add(&self.bound.layout, &rows, range)?;
        Ok(())
    }

    fn watermark(&mut self, least: u64) -> Result<(), String> {
        let Bound { layout, keys, emission, .. } = &mut *self.bound;
        self.slices.fire(layout, least, self.disk, |fired| {
            emission.window(layout, keys, fired, self.out);
            Ok(())
        })
    }
}

impl Core {
    /// Windows before the first row.
    ///
    /// # Errors
    /// A size, slide or partition that cannot be.
    pub fn new(config: Config, seed: u64) -> Result<Self, String> {
        let slide = config.slide_ms.unwrap_or(config.size_ms);
        let slices = Slices::new(Slicing::new(config.size_ms, slide)?);
        if config.aggregates.is_empty() {
            return Err("a window computes at least one aggregate".into());
        }
        let clock = Clock::new(config.clock.clone())?;
        let (ids, bound, disk) = (Vec::new(), None, Disk::default());
        Ok(Core {
            config,
            clock,
            slices,
            disk,
            room: None,
            unmeasured: 0,
            ending: false,
            bound,
            seed,
            ids,
            told: 0,
            late: 0,
        })
    }

    /// State that does not fit in memory goes to `room`.
    pub(crate) fn with_room(self, room: Option<Room>) -> Self {
        Core { room, ..self }
    }

    /// Takes a batch that arrives at `now_ms`; what fires goes to `out`.
    ///
    /// # Errors
    /// Columns that do not fit, or state beyond its limits.
    pub fn add(
        &mut self,
        columns: &Columns,
        now_ms: u64,
        out: &mut Vec<Batch>,
    ) -> Result<(), String> {
        self.add_own(columns, None, now_ms, out)
    }

    /// Learns what the columns of the input are; all batches have the same.
    fn bind(&mut self, columns: &Columns) -> Result<&mut Bound, String> {
        let bound = match &mut self.bound {
            Some(bound) => bound,
            none => none.insert(Bound::new(&self.config, &columns.schema, self.seed)?),
        };
        if !Arc::ptr_eq(&bound.schema, &columns.schema) {
            if bound.schema != columns.schema {
                return Err("the columns of a window's input changed".into());
            }
            bound.schema = Arc::clone(&columns.schema);
        }
        Ok(bound)
    }

    /// Whether its state belongs to keys.
    pub(super) fn is_keyed(&self) -> bool {
        !self.config.keys.is_empty()
    }

    /// Whether its time is that of the wall.
    pub(super) fn is_wall(&self) -> bool {
        self.clock.is_wall()
    }

    /// To which of so many instances each row belongs.
    ///
    /// # Errors
    /// Columns that do not fit.
    pub(super) fn owners(&mut self, columns: &Columns, parts: usize) -> Result<Vec<u8>, String> {
        let bound = self.bind(columns)?;
        Ok(owners(&bound.keys_of(columns), bound.keys.types(), columns.rows, parts))
    }

    /// As [`Core::add`], where time passes as all rows say and only those at the places `own`
    /// (ascending) enter windows.
    pub(super) fn add_own(
        &mut self,
        columns: &Columns,
        own: Option<&[u32]>,
        now_ms: u64,
        out: &mut Vec<Batch>,
    ) -> Result<(), String> {
        self.bind(columns)?;
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let mut keys = bound.keys_of(columns);
        let cells = bound.cell_columns.iter().filter_map(|place| place.pick(columns));
        let mut cells: Vec<CellColumn> = cells.collect();
        if let Some(own) = own {
            keys.iter_mut().for_each(|array| *array = take(array, own));
            cells.iter_mut().for_each(|cell| cell.keep(own));
        }
        let rows = own.map_or(columns.rows, <[u32]>::len);
        bound.keys.number(&keys, rows, &mut self.ids)?;
        let (slices, disk, ids) = (&mut self.slices, &mut self.disk, &self.ids);
        let own_times = Vec::new();
        let mut walk =
            Walk { bound, slices, disk, ids, columns: &cells, own, own_times, late: 0, out };
        self.clock.walk(columns, now_ms, &mut walk)?;
        self.late += walk.late;
        self.unmeasured += rows;
        self.hand_out(out)
    }

    /// Fires what ended at `watermark`.
    ///
    /// # Errors
    /// State beyond its limits.
    pub fn fire(&mut self, watermark: u64, out: &mut Vec<Batch>) -> Result<(), String> {
        if let Some(bound) = &mut self.bound {
            let (slices, disk) = (&mut self.slices, &mut self.disk);
            let (own, own_times) = (None, Vec::new());
            let mut walk =
                Walk { bound, slices, disk, ids: &[], columns: &[], own, own_times, late: 0, out };
            walk.watermark(watermark)?;
        }
        self.hand_out(out)
    }

    /// Fires everything and tells those behind that no more results come; after windows that are
    /// on disk that follows them.
    ///
    /// # Errors
    /// State beyond its limits.
    pub fn finish(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let first = out.len();
        self.fire(u64::MAX, out)?;
        if self.disk.has_due() {
            self.ending = true;
            return Ok(());
        }
        if let Some(bound) = self.bound.as_mut().filter(|_| out.len() == first) {
            out.push(Batch::new(Data::Columns(bound.emission.take(&bound.layout, &bound.keys))));
        }
        emit::mark_last(out.get_mut(first..).unwrap_or_default());
        Ok(())
    }

    /// Makes a batch of the rows that fired; where none did but time went on, of the watermark.
    fn hand_out(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let watermark = self.slices.result_watermark().min(self.disk.least());
        if bound.emission.is_empty() && watermark <= self.told {
            return Ok(());
        }
        let mut columns = bound.emission.take(&bound.layout, &bound.keys);
        columns.watermark_ms = Some(watermark);
        self.told = watermark;
        out.push(Batch::new(Data::Columns(columns)));
        // What is to be written has the numbers that keys have now.
        if self.disk.has_fresh() { Ok(()) } else { self.slices.compact(&mut bound.keys) }
    }

    /// Whether windows wait to be read from disk ([`Core::read`]).
    pub(crate) fn has_due(&self) -> bool {
        self.disk.has_due()
    }

    /// Whether there is something to put to disk ([`Core::spill`]): too much state, or slices of
    /// which a window has a part there already.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.unmeasured >= MEASURED_ROWS.max(self.slices.len()) {
            self.unmeasured = 0;
            let bytes = self.bytes();
            if self.room.as_mut().is_some_and(|room| room.is_over(bytes)) {
                self.slices.put_to(&mut self.disk);
            }
        }
        self.disk.has_fresh()
    }

    /// Puts to disk what is to be put there.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) async fn spill(&mut self) -> Result<(), String> {
        let (Some(room), Some(bound)) = (&mut self.room, &mut self.bound) else { return Ok(()) };
        self.disk.write(room, &bound.layout, &bound.keys).await?;
        if self.slices.len() == 0 {
            bound.keys = bound.keys.none();
        }
        let bytes = self.bytes();
        self.room.as_mut().map(|room| room.is_over(bytes));
        Ok(())
    }

    /// Hands out the next rows of windows that are on disk.
    ///
    /// # Errors
    /// What the disk says, or state beyond its limits.
    pub(crate) async fn read(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let mut rows = 0;
        while rows < ROWS_MAX
            && let Some((start, end, part)) = self.disk.read(&bound.layout, &bound.keys).await?
        {
            let Some((keys, mut groups)) = part else { continue };
            rows += groups.touched().len();
            let fired = Fired { start, end, groups: &mut groups };
            bound.emission.window(&bound.layout, &keys, fired, out);
            if !bound.emission.is_empty() {
                let columns = bound.emission.take(&bound.layout, &keys);
                out.push(Batch::new(Data::Columns(columns)));
            }
        }
        self.hand_out(out)?;
        if self.ending && !self.disk.has_due() {
            self.ending = false;
            self.finish(out)?;
        }
        Ok(())
    }

    /// The end of the earliest window that has rows; milliseconds.
    pub(super) fn due(&self) -> Option<u64> {
        self.slices.due(&self.disk)
    }

    /// Bytes of state in memory.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.slices.bytes() + self.bound.as_ref().map_or(0, |b| b.keys.bytes())
    }

    /// The state.
    #[must_use]
    pub fn snapshot(&self) -> State {
        State {
            schema: self.bound.as_ref().map(|b| (*b.schema).clone()),
            keys: self.bound.as_ref().map(|b| b.keys.state()),
            slices: self.slices.clone(),
            watermarks: self.clock.state(),
            told: self.told,
            late: self.late,
        }
    }

    /// Goes on where a snapshot was taken.
    ///
    /// # Errors
    /// A state that belongs to another configuration.
    pub fn restore(&mut self, state: State) -> Result<(), String> {
        if let (Some(schema), Some(keys)) = (state.schema, state.keys) {
            let mut bound = Bound::new(&self.config, &Arc::new(schema), self.seed)?;
            bound.keys = Keys::restore(keys, self.seed)?;
            self.bound = Some(bound);
        }
        self.slices = state.slices;
        self.clock.restore(state.watermarks);
        (self.told, self.late) = (state.told, state.late);
        Ok(())
    }
}
