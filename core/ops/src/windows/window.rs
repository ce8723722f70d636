//! `window`: aggregates over tumbling and sliding windows, by keys or over all rows.

use std::rc::Rc;

use plan::env::{Counter, Services, read_config};
use plan::{Batch, BuildError, Class, Data, End, Env, Example, Json};
use plan::{Operator, OperatorError, OperatorSpec, Step};
use schemars::JsonSchema;
use serde::Deserialize;

pub use super::core::{Core, State};
use super::keys::owned_by;
use super::time::{Alarm, ClockConfig};
use crate::aggregates::Request;
use crate::columns::not_columns;
use crate::kept;
use crate::spill::Room;

/// Version of the state of a window as it is kept.
const VERSION: u8 = 3;

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

    fn take(
        &mut self,
        batch: Batch,
        own: Option<&[u32]>,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
        let (before, first) = (self.core.late, out.len());
        self.core.add_own(columns, own, self.now_ms(), out).map_err(OperatorError)?;
        self.late.add(self.core.late - before);
        for result in out.iter_mut().skip(first) {
            result.born_ns = batch.born_ns;
        }
        // The rows are part of the state now.
        batch.ok();
        Ok(())
    }

    /// Behind a step that may have left too much in memory.
    fn settled(&mut self, step: Result<(), OperatorError>) -> Step<'_> {
        if step.is_err() || !self.core.is_over() {
            return Step::Done(step);
        }
        Step::Wait(Box::pin(async move { self.core.spill().await.map_err(OperatorError) }))
    }
}

impl Operator for Window {
    fn class(&self) -> Class {
        // The time of arrival is not the same in all instances.
        if self.core.is_keyed() && !self.core.is_wall() { Class::Keyed } else { Class::Bound }
    }

    fn owners(&mut self, _: usize, batch: &Batch, parts: usize) -> Result<Vec<u8>, OperatorError> {
        let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
        self.core.owners(columns, parts).map_err(OperatorError)
    }

    fn on_own<'a>(
        &'a mut self,
        _: usize,
        batch: Batch,
        owners: &'a [u8],
        own: u8,
        out: &'a mut Vec<Batch>,
    ) -> Step<'a> {
        let own = owned_by(own, owners);
        let taken = self.take(batch, Some(&own), out);
        self.settled(taken)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let taken = self.take(batch, None, out);
        self.settled(taken)
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        let ended = match end {
            End::Drained => self.core.finish(out).map_err(OperatorError),
            End::Stopped | End::Suspended => Ok(()),
        };
        self.settled(ended)
    }

    fn due_ns(&self) -> Option<u64> {
        if self.core.has_due() {
            return Some(0);
        }
        if !self.core.is_wall() {
            return None;
        }
        Some(self.alarm.at(self.core.due()?))
    }

    fn on_time<'a>(&'a mut self, _now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        if self.core.has_due() {
            return Step::Wait(Box::pin(async move {
                self.core.read(out).await.map_err(OperatorError)
            }));
        }
        // What was due fires, even where the wall clock was set back in the meantime.
        let due = self.core.due().unwrap_or(0);
        let fired = self.core.fire(self.now_ms().max(due), out).map_err(OperatorError);
        self.settled(fired)
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
    let core = core.with_room(Room::of(env));
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
