//! One input of a join: its rows, slice by slice, until the windows they are in have fired.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use plan::{Columns, DataType, Field, Schema};
use schemars::JsonSchema;
use serde::Deserialize;

use super::kept::{self, SideState};
use crate::columns::expr::{Cached, Program};
use crate::columns::select::{concat, take};
use crate::spill::Run;
use crate::windows::keys::owners;
use crate::windows::slicing::Slicing;
use crate::windows::time::{Absorb, Clock, ClockConfig};

/// Most rows that one input keeps.
pub const ROWS_MAX: usize = if cfg!(test) { 1 << 11 } else { 1 << 26 };

/// Configuration of one input.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SideConfig {
    /// The time of rows and how it advances.
    pub clock: ClockConfig,
    /// The columns that results take over.
    pub columns: Vec<ColumnConfig>,
    /// What must equal the keys of the other input.
    #[serde(default)]
    pub keys: Vec<Program>,
    /// How many of the node's inputs belong to this one.
    #[serde(default = "one")]
    pub inputs: usize,
}

/// A column that results take over.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnConfig {
    /// Its name in the input.
    pub from: String,
    /// Its name in the result.
    pub to: String,
}

fn one() -> usize {
    1
}

/// Rows of one batch: the columns of the result, and the keys.
pub(super) type Part = (Vec<ArrayRef>, Vec<ArrayRef>);

/// Rows of one slice.
type Stored = Vec<Part>;

/// The rows of a window: columns of the result, keys, and how many.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

/// One input and its rows.
pub(crate) struct Side {
    pub(crate) clock: Clock,
    columns: Vec<ColumnConfig>,
    keys: Vec<Cached>,
    /// Fields of the result, once known, and types of the keys.
    pub(crate) fields: Option<(Vec<Field>, Vec<DataType>)>,
    slices: BTreeMap<u64, Stored>,
    /// What is on disk, by slice.
    runs: BTreeMap<u64, Vec<Rc<Run>>>,
    rows: usize,
    /// Bytes of the rows in memory.
    bytes: usize,
}

/// Bytes of rows.
fn bytes_of((columns, keys): &Part) -> usize {
    let bytes = |array: &ArrayRef| array.to_data().get_slice_memory_size().unwrap_or(0);
    columns.iter().chain(keys).map(bytes).sum()
}

/// Puts rows together: so many columns and so many keys.
pub(super) fn gathered(parts: &[&Part], columns: usize, keys: usize) -> Gathered {
    let column = |pick: &dyn Fn(&Part) -> Option<ArrayRef>| {
        let arrays: Vec<ArrayRef> = parts.iter().filter_map(|p| pick(p)).collect();
        concat(&arrays)
    };
    let columns: Vec<ArrayRef> =
        (0..columns).filter_map(|i| column(&|p| p.0.get(i).cloned())).collect();
    let keys = (0..keys).filter_map(|i| column(&|p| p.1.get(i).cloned())).collect();
    let rows = columns.first().map_or(0, |c| c.len());
    Gathered { columns, keys, rows }
}

/// A walk over one batch.
struct Walk<'a> {
    slicing: &'a Slicing,
    next: u64,
    /// The places of the rows that are kept, ascending; all where there are none.
    own: Option<&'a [u32]>,
    columns: Vec<ArrayRef>,
    keys: Vec<ArrayRef>,
    slices: &'a mut BTreeMap<u64, Stored>,
    kept: usize,
    bytes: usize,
    late: u64,
}

impl Walk<'_> {
    /// Where rows that are kept are in the columns.
    fn kept(&self, rows: Range<usize>) -> Range<usize> {
        let Some(own) = self.own else { return rows };
        let place = |row: usize| own.partition_point(|own| (*own as usize) < row);
        place(rows.start)..place(rows.end)
    }
}

impl Absorb for Walk<'_> {
    fn rows(&mut self, times: &[u64], range: Range<usize>) -> Result<(), String> {
        let mut at = range.start;
        while at < range.end {
            let Some(time) = times.get(at) else { break };
            let span = self.slicing.slice_of(*time);
            let rest = times.get(at..range.end).unwrap_or_default();
            let run = rest.iter().position(|t| *t < span.start || *t >= span.end);
            let to = run.map_or(range.end, |run| at + run.max(1));
            let kept = self.kept(at..to);
            if !span.gap && self.slicing.last_window(span.start) < self.next {
                self.late += kept.len() as u64;
            } else if !span.gap && !kept.is_empty() {
                let (start, rows) = (kept.start, kept.len());
                let part = |all: &Vec<ArrayRef>| all.iter().map(|a| a.slice(start, rows)).collect();
                let stored = (part(&self.columns), part(&self.keys));
                self.bytes += bytes_of(&stored);
                self.slices.entry(span.start).or_default().push(stored);
                self.kept += rows;
            }
            at = to;
        }
        Ok(())
    }

    fn watermark(&mut self, _: u64) -> Result<(), String> {
        // What fires depends on both inputs and is decided behind the batch.
        Ok(())
    }
}

impl Side {
    pub(crate) fn new(config: SideConfig) -> Result<Self, String> {
        Ok(Side {
            clock: Clock::new(config.clock)?,
            columns: config.columns,
            keys: config.keys.into_iter().map(Cached::new).collect(),
            fields: None,
            slices: BTreeMap::new(),
            runs: BTreeMap::new(),
            rows: 0,
            bytes: 0,
        })
    }

    fn bind(&mut self, schema: &Arc<Schema>) -> Result<(), String> {
        if self.fields.is_some() {
            return Ok(());
        }
        let mut fields = Vec::new();
        for ColumnConfig { from, to } in &self.columns {
            let field = schema.index_of(from).and_then(|i| schema.fields.get(i));
            let field = field.ok_or_else(|| format!("there is no column {from}"))?;
            fields.push(Field { name: to.as_str().into(), ty: field.ty });
        }
        let types: Result<Vec<DataType>, String> =
            self.keys.iter_mut().map(|k| Ok(k.get(schema)?.ty())).collect();
        self.fields = Some((fields, types?));
        Ok(())
    }

    /// The keys of each row.
    fn keys_of(&mut self, columns: &Columns) -> Result<Vec<ArrayRef>, String> {
        let key = |key: &mut Cached| key.get(&columns.schema)?.eval_array(columns);
        self.keys.iter_mut().map(key).collect()
    }

    /// To which of `parts` each row belongs.
    pub(super) fn owners(&mut self, columns: &Columns, parts: usize) -> Result<Vec<u8>, String> {
        self.bind(&columns.schema)?;
        let keys = self.keys_of(columns)?;
        let types = self.fields.as_ref().map_or(&[][..], |(_, types)| types);
        Ok(owners(&keys, types, columns.rows, parts))
    }

    /// Keeps the rows of a batch, or those at the places `own` (ascending) while time passes as
    /// all of them say; returns how many were late. Windows before `next` have fired.
    pub(crate) fn add(
        &mut self,
        columns: &Columns,
        own: Option<&[u32]>,
        now_ms: u64,
        slicing: &Slicing,
        next: u64,
    ) -> Result<u64, String> {
        self.bind(&columns.schema)?;
        let mut picked = Vec::new();
        for ColumnConfig { from, .. } in &self.columns {
            let index = columns.schema.index_of(from);
            let array = index.and_then(|i| columns.arrays.get(i));
            picked.push(Arc::clone(array.ok_or_else(|| format!("there is no column {from}"))?));
        }
        let mut keys = self.keys_of(columns)?;
        if let Some(own) = own {
            picked.iter_mut().chain(&mut keys).for_each(|array| *array = take(array, own));
        }
        let slices = &mut self.slices;
        let mut walk =
            Walk { slicing, next, own, columns: picked, keys, slices, kept: 0, bytes: 0, late: 0 };
        self.clock.walk(columns, now_ms, &mut walk)?;
        let late = walk.late;
        (self.rows, self.bytes) = (self.rows + walk.kept, self.bytes + walk.bytes);
        if self.rows > ROWS_MAX {
            return Err(format!("a join keeps at most {ROWS_MAX} rows of an input"));
        }
        Ok(late)
    }

    /// Start of the first slice that has rows.
    pub(crate) fn first(&self) -> Option<u64> {
        let memory = self.slices.first_key_value().map(|(start, _)| *start);
        let disk = self.runs.first_key_value().map(|(start, _)| *start);
        memory.into_iter().chain(disk).min()
    }

    /// The rows from `start` to `end` that are in memory.
    pub(super) fn parts(&self, start: u64, end: u64) -> impl Iterator<Item = &Part> {
        self.slices.range(start..end).flat_map(|(_, stored)| stored)
    }

    /// The rows from `start` to `end` that are on disk.
    pub(super) fn runs(&self, start: u64, end: u64) -> Vec<Rc<Run>> {
        self.runs.range(start..end).flat_map(|(_, runs)| runs.iter().cloned()).collect()
    }

    /// Whether some rows from `start` to `end` are on disk.
    pub(super) fn is_on_disk(&self, start: u64, end: u64) -> bool {
        self.runs.range(start..end).next().is_some()
    }

    /// The rows from `start` to `end`, all of which are in memory.
    pub(crate) fn gather(&self, start: u64, end: u64) -> Gathered {
        let parts: Vec<&Part> = self.parts(start, end).collect();
        gathered(&parts, self.width(), self.keys_width())
    }

    /// Number of columns that results take over.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Number of keys.
    pub(super) fn keys_width(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of the rows in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Names and types of what is stored of a row.
    pub(super) fn stored_fields(&self) -> Vec<Field> {
        let Some((fields, types)) = &self.fields else { return Vec::new() };
        let key = |(ty, at): (&DataType, u32)| Field { name: at.to_string().into(), ty: *ty };
        fields.iter().cloned().chain(types.iter().zip(0..).map(key)).collect()
    }

    /// Takes the rows of a slice out of memory.
    pub(super) fn pop_stored(&mut self) -> Option<(u64, Vec<Part>)> {
        let popped = self.slices.pop_first();
        if self.slices.is_empty() {
            (self.rows, self.bytes) = (0, 0);
        }
        popped
    }

    /// Rows of a slice are on disk.
    pub(super) fn put_run(&mut self, slice: u64, run: Rc<Run>) {
        self.runs.entry(slice).or_default().push(run);
    }

    /// Forgets slices that only windows before `next` are made of.
    pub(crate) fn drop_fired(&mut self, slicing: &Slicing, next: u64) {
        let is_over = |start: u64| slicing.last_window(start) < next;
        while let Some(first) = self.slices.first_entry().filter(|first| is_over(*first.key())) {
            let stored = first.remove();
            let rows = stored.iter().filter_map(|(columns, _)| columns.first());
            self.rows -= rows.map(|c| c.len()).sum::<usize>().min(self.rows);
            self.bytes -= stored.iter().map(bytes_of).sum::<usize>().min(self.bytes);
        }
        while let Some(first) = self.runs.first_entry().filter(|first| is_over(*first.key())) {
            first.remove();
        }
    }

    /// What is to be kept.
    pub(super) fn state(&self) -> Result<SideState, String> {
        let fields = self.fields.clone().unwrap_or_default();
        let mut total = 0;
        let slice = |(start, stored): (&u64, &Stored)| {
            Ok((*start, kept::rows(stored, &fields, &mut total)?))
        };
        let slices = self.slices.iter().map(slice).collect::<Result<_, String>>()?;
        Ok(SideState { watermarks: self.clock.state(), fields: self.fields.clone(), slices })
    }

    /// Goes on where it was kept.
    pub(super) fn resume(&mut self, state: SideState) -> Result<(), String> {
        let SideState { watermarks, fields, slices } = state;
        let known = fields.clone().unwrap_or_default();
        self.clock.restore(watermarks);
        self.fields = fields;
        for (start, blobs) in slices {
            let (stored, rows) = kept::parts(blobs, &known)?;
            self.slices.insert(start, stored);
            self.rows += rows;
        }
        Ok(())
    }
}
