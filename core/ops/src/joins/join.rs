//! `join`: pairs of rows of two inputs that are in the same window and fulfil conditions.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::types::UInt64Type;
use arrow_buffer::BooleanBuffer;
use plan::env::{Counter, Services, read_config};
use plan::{Batch, BuildError, Class, Columns, Data, DataType, End, Env, Example, Field, Json};
use plan::{Operator, OperatorError, OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::disk::{Cut, Waiting, spill};
use super::kept::{State, VERSION};
use super::pairs::each_chunk;
use super::side::{Gathered, Side, SideConfig};
use crate::columns::expr::{Cached, Program, no_rows};
use crate::columns::not_columns;
use crate::columns::select::{keep, take};
use crate::columns::types::{array_from, bools};
use crate::kept;
use crate::spill::Room;
use crate::windows::keys::owned_by;
use crate::windows::slicing::Slicing;
use crate::windows::time::Alarm;

/// Configuration of `join`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Length of a window; milliseconds.
    size_ms: u64,
    /// Distance of the starts of two windows; milliseconds. The length by default.
    #[serde(default)]
    slide_ms: Option<u64>,
    /// The first inputs of the node.
    left: SideConfig,
    /// The inputs after those.
    right: SideConfig,
    /// Conditions on the columns of the result; all must hold.
    #[serde(default)]
    r#where: Vec<Program>,
    /// Name of the column with the start of the window; milliseconds.
    start: String,
    /// Name of the column with the end of the window; milliseconds.
    end: String,
    /// Number of the partition that the results are.
    #[serde(default)]
    partition: u32,
}

struct Join {
    slicing: Slicing,
    left: Side,
    right: Side,
    left_inputs: usize,
    conditions: Vec<Cached>,
    borders: [Arc<str>; 2],
    partition: u32,
    schema: Option<Arc<Schema>>,
    /// The first window that has not fired.
    next: u64,
    watermark: u64,
    told: u64,
    services: Rc<dyn Services>,
    late: Counter,
    seed: u64,
    alarm: Alarm,
    /// Windows that have ended and are read from disk.
    waiting: Waiting,
    /// Where rows go that do not fit in memory.
    room: Option<Room>,
    /// Whether the input has ended and only windows on disk are to come.
    ending: bool,
}

impl Join {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.services.wall_ns() / 1_000_000).unwrap_or(0)
    }

    /// The wall time at which the earliest window that has rows ends; milliseconds.
    fn due_ms(&self) -> Option<u64> {
        if !(self.left.clock.is_wall() && self.right.clock.is_wall()) {
            return None;
        }
        let first = [self.left.first(), self.right.first()].into_iter().flatten().min()?;
        Some(self.slicing.end(self.slicing.first_window(first).max(self.next)))
    }

    fn side(&mut self, port: usize) -> &mut Side {
        if port < self.left_inputs { &mut self.left } else { &mut self.right }
    }

    fn take(
        &mut self,
        port: usize,
        batch: Batch,
        own: Option<&[u32]>,
        out: &mut Vec<Batch>,
    ) -> Result<(), String> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns().0) };
        let (now, slicing, next) = (self.now_ms(), self.slicing, self.next);
        let late = self.side(port).add(columns, own, now, &slicing, next)?;
        self.late.add(late);
        let first = out.len();
        let least = self.left.clock.least().min(self.right.clock.least());
        self.fire(least, out)?;
        for result in out.iter_mut().skip(first) {
            result.born_ns = batch.born_ns;
        }
        // The rows are part of the state now.
        batch.ok();
        Ok(())
    }

    fn fire(&mut self, watermark: u64, out: &mut Vec<Batch>) -> Result<(), String> {
        if watermark <= self.watermark {
            return Ok(());
        }
        while let Some(first) = [self.left.first(), self.right.first()].into_iter().flatten().min()
        {
            let k = self.slicing.first_window(first).max(self.next);
            let (start, end) = (self.slicing.start(k), self.slicing.end(k));
            if end > watermark {
                break;
            }
            let delayed = !self.waiting.is_empty()
                || self.left.is_on_disk(start, end)
                || self.right.is_on_disk(start, end);
            if delayed {
                let cut = self.cut();
                self.waiting.end((start, end), (&self.left, &self.right), &cut)?;
            } else {
                let (left, right) = (self.left.gather(start, end), self.right.gather(start, end));
                self.window((start, end), &left, &right, out)?;
            }
            self.next = k + 1;
            self.left.drop_fired(&self.slicing, self.next);
            self.right.drop_fired(&self.slicing, self.next);
        }
        self.watermark = watermark;
        self.next = self.next.max(self.slicing.open_window(watermark));
        self.tell(out);
        Ok(())
    }

    /// Tells who comes next how far time is.
    fn tell(&mut self, out: &mut Vec<Batch>) {
        let watermark = self.slicing.start(self.next).min(self.watermark);
        let watermark = watermark.min(self.waiting.least());
        if watermark > self.told && self.no_pairs(watermark, false, out) {
            self.told = watermark;
        }
    }

    /// Makes a batch that only tells the time, or that no more pairs come. It cannot before a
    /// batch of each input has shown what its columns are.
    fn no_pairs(&mut self, watermark: u64, last: bool, out: &mut Vec<Batch>) -> bool {
        if self.left.fields.is_none() || self.right.fields.is_none() {
            return false;
        }
        let schema = self.schema();
        let arrays = schema.fields.iter().map(|f| no_rows(f.ty)).collect();
        let mut columns = Columns::new(schema, arrays);
        columns.watermark_ms = Some(watermark);
        columns.partition = self.partition;
        columns.last = last;
        out.push(Batch::new(Data::Columns(columns)));
        true
    }

    fn finish(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        self.fire(u64::MAX, out)?;
        self.ending = !self.waiting.is_empty();
        if !self.ending {
            self.no_pairs(self.told, true, out);
        }
        Ok(())
    }

    fn cut(&self) -> Cut {
        // Keys are of the same types on both sides.
        let fields = self.left.fields.as_ref().or(self.right.fields.as_ref());
        let types = fields.map(|(_, types)| types.clone()).unwrap_or_default();
        Cut { types, seed: self.seed }
    }

    /// Behind a step that may have left too much in memory.
    fn settled(&mut self, step: Result<(), String>) -> Step<'_> {
        let bytes = self.left.bytes() + self.right.bytes();
        if step.is_err() || !self.room.as_mut().is_some_and(|room| room.is_over(bytes)) {
            return Step::Done(step.map_err(OperatorError));
        }
        Step::Wait(Box::pin(async move { self.spill().await.map_err(OperatorError) }))
    }

    /// Puts all rows to disk.
    async fn spill(&mut self) -> Result<(), String> {
        let cut = self.cut();
        let Some(room) = &mut self.room else { return Ok(()) };
        spill(&mut self.left, room, &cut).await?;
        spill(&mut self.right, room, &cut).await?;
        room.is_over(0);
        Ok(())
    }

    /// Hands out the next pairs of windows that are on disk.
    async fn read(&mut self, out: &mut Vec<Batch>) -> Result<(), String> {
        let (cut, first) = (self.cut(), out.len());
        while out.len() == first
            && let Some(next) = self.waiting.next((&self.left, &self.right), &cut).await?
        {
            let (start, end, left, right) = next;
            self.window((start, end), &left, &right, out)?;
        }
        self.tell(out);
        if self.ending && self.waiting.is_empty() {
            self.ending = false;
            self.no_pairs(self.told, true, out);
        }
        Ok(())
    }

    fn window(
        &mut self,
        (start, end): (u64, u64),
        left: &Gathered,
        right: &Gathered,
        out: &mut Vec<Batch>,
    ) -> Result<(), String> {
        if left.rows == 0 || right.rows == 0 {
            return Ok(());
        }
        let types = self.cut().types;
        let schema = self.schema();
        let conditions = &mut self.conditions;
        let partition = self.partition;
        each_chunk(left, right, &types, self.seed, |lefts, rights| {
            let mut columns = paired(&schema, (start, end), (left, lefts), (right, rights));
            columns.partition = partition;
            for condition in conditions.iter_mut() {
                columns = filtered(condition, columns)?;
            }
            if columns.rows > 0 {
                columns.places = None;
                columns.source_rows = columns.rows;
                out.push(Batch::new(Data::Columns(columns)));
            }
            Ok(())
        })
    }

    fn schema(&mut self) -> Arc<Schema> {
        let (left, right) = (&self.left.fields, &self.right.fields);
        let borders = &self.borders;
        let schema = self.schema.get_or_insert_with(|| {
            let border = |name: &Arc<str>| Field { name: Arc::clone(name), ty: DataType::U64 };
            let sides = [left, right].into_iter().flatten().flat_map(|(fields, _)| fields.clone());
            Arc::new(Schema { fields: borders.iter().map(border).chain(sides).collect() })
        });
        Arc::clone(schema)
    }
}

fn paired(
    schema: &Arc<Schema>,
    (start, end): (u64, u64),
    (left, lefts): (&Gathered, &[u32]),
    (right, rights): (&Gathered, &[u32]),
) -> Columns {
    let rows = lefts.len();
    let mut arrays = vec![
        array_from::<UInt64Type>(vec![start; rows]),
        array_from::<UInt64Type>(vec![end; rows]),
    ];
    arrays.extend(left.columns.iter().map(|c| take(c, lefts)));
    arrays.extend(right.columns.iter().map(|c| take(c, rights)));
    Columns::new(Arc::clone(schema), arrays)
}

fn filtered(condition: &mut Cached, columns: Columns) -> Result<Columns, String> {
    let flags = condition.get(&columns.schema)?.eval_array(&columns)?;
    let bits: BooleanBuffer =
        bools(&flags).ok_or("the condition of a join must be a boolean")?.values().clone();
    Ok(keep(columns, bits.set_indices_u32().collect()))
}

impl Operator for Join {
    fn class(&self) -> Class {
        // The time of arrival is not the same in all instances.
        let by_time = !self.left.clock.is_wall() && !self.right.clock.is_wall();
        if by_time && self.left.keys_width() > 0 { Class::Keyed } else { Class::Bound }
    }

    fn owners(
        &mut self,
        port: usize,
        batch: &Batch,
        parts: usize,
    ) -> Result<Vec<u8>, OperatorError> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
        self.side(port).owners(columns, parts).map_err(OperatorError)
    }

    fn on_own<'a>(
        &'a mut self,
        port: usize,
        batch: Batch,
        owners: &'a [u8],
        own: u8,
        out: &'a mut Vec<Batch>,
    ) -> Step<'a> {
        let own = owned_by(own, owners);
        let taken = self.take(port, batch, Some(&own), out);
        self.settled(taken)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.on_port(0, batch, out)
    }

    fn on_port<'a>(&'a mut self, port: usize, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let taken = self.take(port, batch, None, out);
        self.settled(taken)
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(match end {
            End::Drained => self.finish(out).map_err(OperatorError),
            End::Stopped | End::Suspended => Ok(()),
        })
    }

    fn due_ns(&self) -> Option<u64> {
        if !self.waiting.is_empty() {
            return Some(0);
        }
        Some(self.alarm.at(self.due_ms()?))
    }

    fn on_time<'a>(&'a mut self, _now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        if !self.waiting.is_empty() {
            return Step::Wait(Box::pin(
                async move { self.read(out).await.map_err(OperatorError) },
            ));
        }
        // What was due fires, even where the wall clock was set back in the meantime.
        let now = self.now_ms().max(self.due_ms().unwrap_or(0));
        Step::Done(self.fire(now, out).map_err(OperatorError))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        let Join { left, right, next, watermark, told, .. } = self;
        let sides = [left.state().map_err(OperatorError)?, right.state().map_err(OperatorError)?];
        let state = State { sides, next: *next, watermark: *watermark, told: *told };
        kept::write(VERSION, &state).map(Some)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        let State { sides: [left, right], next, watermark, told } = kept::read(VERSION, state)?;
        (self.next, self.watermark, self.told) = (next, watermark, told);
        self.left.resume(left).and_then(|()| self.right.resume(right)).map_err(OperatorError)
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    if config.left.keys.len() != config.right.keys.len() {
        return Err(BuildError::new("both inputs must have the same number of keys"));
    }
    let slide = config.slide_ms.unwrap_or(config.size_ms);
    let services = env.services();
    Ok(Box::new(Join {
        slicing: Slicing::new(config.size_ms, slide).map_err(BuildError::new)?,
        left_inputs: config.left.inputs,
        left: Side::new(config.left).map_err(BuildError::new)?,
        right: Side::new(config.right).map_err(BuildError::new)?,
        conditions: config.r#where.into_iter().map(Cached::new).collect(),
        borders: [config.start.into(), config.end.into()],
        partition: config.partition,
        schema: None,
        next: 0,
        watermark: 0,
        told: 0,
        seed: services.random(),
        alarm: Alarm::new(&*services),
        services,
        late: env.meters("").counter("late_rows", &[]),
        waiting: Waiting::default(),
        room: Room::of(env),
        ending: false,
    }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "join",
    since: "0.1.0",
    category: "joins",
    summary: "Pairs of rows of two inputs that are in the same window and fulfil conditions.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "without rows of the right input there are no pairs",
        config: r#"{"size_ms": 1000, "start": "start", "end": "end",
            "left": {"clock": {"time": {"column": "ts"}, "origins": [{"id": 0}]},
                     "columns": [{"from": "k", "to": "a"}], "keys": [[{"col": "k"}]]},
            "right": {"clock": {"time": {"column": "ts"}, "origins": [{"id": 1}]},
                      "columns": [{"from": "k", "to": "b"}], "keys": [[{"col": "k"}]]}}"#,
        input: &["ts:u64,k:text", "1,x"],
        output: &[],
    }],
    build,
};
