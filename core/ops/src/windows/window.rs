//! `window`: aggregates over tumbling and sliding windows, by keys or over all rows.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::ArrayRef;
use plan::env::{Counter, Services, read_config};
use plan::{Batch, BuildError, Class, Columns, Data, DataType, End, Env, Example, Json};
use plan::{Operator, OperatorError, OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::emit::{self, Emission, schema_of};
use super::keys::{Keys, KeysState};
use super::slicing::Slicing;
use super::store::{Rows, Slices};
use super::time::{Absorb, Alarm, Clock, ClockConfig};
use super::watermark::Watermarks;
use crate::aggregates::{CellColumn, Layout, Place, Request};
use crate::columns::not_columns;
use crate::kept;

/// Version of the state of a window as it is kept.
const VERSION: u8 = 1;

/// Configuration of `window`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Length of a window; milliseconds.
    pub size_ms: u64,
    /// Distance of the starts of two windows; milliseconds. The length by default.
    #[serde(default)]
    pub slide_ms: Option<u64>,
    /// The time of rows and how it advances.
    pub clock: ClockConfig,
    /// The columns whose values make groups.
    #[serde(default)]
    pub keys: Vec<KeyConfig>,
    /// What is computed.
    pub aggregates: Vec<Request>,
    /// Name of the column with the start of the window; milliseconds.
    pub start: String,
    /// Name of the column with the end of the window; milliseconds.
    pub end: String,
    /// Number of the partition that the results are.
    #[serde(default)]
    pub partition: u32,
}

/// A key column.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Its name in the input.
    pub column: String,
    /// Its name in the result; as before by default.
    #[serde(default)]
    pub name: Option<String>,
}

/// Everything that depends on the schema of the input.
struct Bound {
    schema: Arc<Schema>,
    layout: Layout,
    keys: Keys,
    key_columns: Vec<usize>,
    cell_columns: Vec<Place>,
    emission: Emission,
}

/// Windows and their state. It neither waits nor asks for the time, so that tests can drive it.
pub struct Core {
    config: Config,
    clock: Clock,
    slices: Slices,
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

/// A walk over one batch.
struct Walk<'a> {
    bound: &'a mut Bound,
    slices: &'a mut Slices,
    ids: &'a [u32],
    columns: &'a [CellColumn],
    late: u64,
    out: &'a mut Vec<Batch>,
}

impl Absorb for Walk<'_> {
    fn rows(&mut self, times: &[u64], range: Range<usize>) -> Result<(), String> {
        let known = self.bound.keys.len();
        let rows = Rows { times, ids: self.ids, known, columns: self.columns };
        self.late += self.slices.add(&self.bound.layout, &rows, range)?;
        Ok(())
    }

    fn watermark(&mut self, least: u64) -> Result<(), String> {
        let Bound { layout, keys, emission, .. } = &mut *self.bound;
        self.slices.fire(layout, least, |fired| {
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
        let (ids, bound) = (Vec::new(), None);
        Ok(Core { config, clock, slices, bound, seed, ids, told: 0, late: 0 })
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
        let pick = |i: &usize| columns.arrays.get(*i).cloned();
        let keys: Vec<ArrayRef> = bound.key_columns.iter().filter_map(pick).collect();
        bound.keys.number(&keys, columns.rows, &mut self.ids)?;
        let cells: Vec<CellColumn> =
            bound.cell_columns.iter().filter_map(|place| place.pick(columns)).collect();
        let mut walk =
            Walk { bound, slices: &mut self.slices, ids: &self.ids, columns: &cells, late: 0, out };
        self.clock.walk(columns, now_ms, &mut walk)?;
        self.late += walk.late;
        self.hand_out(out)
    }

    /// Fires what ended at `watermark`.
    ///
    /// # Errors
    /// State beyond its limits.
    pub fn fire(&mut self, watermark: u64, out: &mut Vec<Batch>) -> Result<(), String> {
        if let Some(bound) = &mut self.bound {
            let slices = &mut self.slices;
            Walk { bound, slices, ids: &[], columns: &[], late: 0, out }.watermark(watermark)?;
        }
        self.hand_out(out)
    }

    /// Fires everything and tells those behind that no more results come.
    ///
    /// # Errors
    /// State beyond its limits.
    pub fn finish(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let first = out.len();
        self.fire(u64::MAX, out)?;
        if let Some(bound) = self.bound.as_mut().filter(|_| out.len() == first) {
            out.push(Batch::new(Data::Columns(bound.emission.take(&bound.layout, &bound.keys))));
        }
        emit::mark_last(out.get_mut(first..).unwrap_or_default());
        Ok(())
    }

    /// Makes a batch of the rows that fired; where none did but time went on, of the watermark.
    fn hand_out(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let watermark = self.slices.result_watermark();
        if bound.emission.is_empty() && watermark <= self.told {
            return Ok(());
        }
        let mut columns = bound.emission.take(&bound.layout, &bound.keys);
        columns.watermark_ms = Some(watermark);
        self.told = watermark;
        out.push(Batch::new(Data::Columns(columns)));
        self.slices.compact(&mut bound.keys)
    }

    /// Bytes of state.
    #[must_use]
    pub fn bytes(&self) -> usize {
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

struct Window {
    core: Core,
    services: Rc<dyn Services>,
    late: Counter,
    alarm: Alarm,
}

impl Window {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.services.wall_ns() / 1_000_000).unwrap_or(0)
    }

    fn take(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
        let (before, first) = (self.core.late, out.len());
        self.core.add(columns, self.now_ms(), out).map_err(OperatorError)?;
        self.late.add(self.core.late - before);
        for result in out.iter_mut().skip(first) {
            result.born_ns = batch.born_ns;
        }
        // The rows are part of the state now.
        batch.ok();
        Ok(())
    }
}

impl Operator for Window {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.take(batch, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        let result = match end {
            End::Drained => self.core.finish(out).map_err(OperatorError),
            End::Stopped => Ok(()),
        };
        Step::Done(result)
    }

    fn due_ns(&self) -> Option<u64> {
        if !self.core.clock.is_wall() {
            return None;
        }
        Some(self.alarm.at(self.core.slices.due()?))
    }

    fn on_time<'a>(&'a mut self, _now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        // What was due fires, even where the wall clock was set back in the meantime.
        let due = self.core.slices.due().unwrap_or(0);
        Step::Done(self.core.fire(self.now_ms().max(due), out).map_err(OperatorError))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        kept::write(VERSION, &self.core.snapshot()).map(Some)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        self.core.restore(kept::read(VERSION, state)?).map_err(OperatorError)
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    let services = env.services();
    let core = Core::new(config, services.random()).map_err(BuildError::new)?;
    let (late, alarm) = (env.meters("").counter("late_rows", &[]), Alarm::new(&*services));
    Ok(Box::new(Window { core, services, late, alarm }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "window",
    since: "0.1.0",
    category: "windows",
    summary: "Aggregates over tumbling and sliding windows, by keys or over all rows.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "sums of ten seconds by key",
        config: r#"{"size_ms": 10000, "start": "start", "end": "end",
            "clock": {"time": {"column": "ts"},
                      "watermark": {"time": {"column": "ts"}}, "origins": [{"id": 0}]},
            "keys": [{"column": "k"}],
            "aggregates": [{"function": "sum", "column": "v", "name": "v", "type": "i64"}]}"#,
        input: &["ts:u64,k:text,v:i64", "1000,a,1", "2000,b,2", "9999,a,3", "10000,a,4"],
        output: &[
            "start:u64,end:u64,k:text,v:i64",
            "0,10000,a,4",
            "0,10000,b,2",
            "10000,20000,a,4",
        ],
    }],
    build,
};
