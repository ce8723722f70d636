//! The time of rows, and the walk over a batch in the steps in which watermarks advance.

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::ArrowPrimitiveType;
use arrow_array::types::UInt64Type;
use plan::env::Services;
use plan::{Columns, DataType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::watermark::{OriginConfig, Slot, Watermarks};
use crate::columns::types::values;

/// A column that holds times.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeColumn {
    /// Its name.
    pub column: String,
    /// Milliseconds of one unit.
    #[serde(default = "one")]
    pub scale: u64,
}

/// How watermarks follow from the rows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatermarkConfig {
    /// The column that holds the time.
    pub time: TimeColumn,
    /// How far behind the newest row others may be; milliseconds.
    #[serde(default)]
    pub lateness_ms: u64,
}

/// The time of an operator's input.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// The time of a row; without it, the time at which the row arrived.
    #[serde(default)]
    pub time: Option<TimeColumn>,
    /// How watermarks follow from the rows; without it batches bring them.
    #[serde(default)]
    pub watermark: Option<WatermarkConfig>,
    /// The partitions whose rows come. Until each has spoken, no window fires.
    #[serde(default)]
    pub origins: Vec<OriginConfig>,
}

fn one() -> u64 {
    1
}

/// What an operator does in the course of a walk.
pub trait Absorb {
    /// Takes rows; `times` has those of the whole batch.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn rows(&mut self, times: &[u64], range: Range<usize>) -> Result<(), String>;

    /// The watermark is now `least`.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn watermark(&mut self, least: u64) -> Result<(), String>;
}

/// When a moment of the wall clock comes by the monotonic one. The answer for a moment is always
/// the same, so that what waits for it finds it in the past once it was reached.
#[derive(Clone, Copy, Debug)]
pub struct Alarm {
    /// Monotonic less wall time; nanoseconds.
    offset: i128,
}

impl Alarm {
    /// By the clocks as they stand now.
    #[must_use]
    pub fn new(services: &dyn Services) -> Self {
        Alarm { offset: i128::from(services.now_ns()) - services.wall_ns() }
    }

    /// The monotonic nanoseconds of a moment given in milliseconds since the epoch.
    #[must_use]
    pub fn at(&self, wall_ms: u64) -> u64 {
        let ns = i128::from(wall_ms) * 1_000_000 + self.offset;
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// Times and watermarks of one input.
pub struct Clock {
    config: ClockConfig,
    watermarks: Watermarks,
}

impl Clock {
    /// A clock before the first row.
    ///
    /// # Errors
    /// See [`Watermarks::new`].
    pub fn new(config: ClockConfig) -> Result<Self, String> {
        let watermarks = Watermarks::new(&config.origins)?;
        Ok(Clock { config, watermarks })
    }

    /// The watermark of the input; milliseconds.
    #[must_use]
    pub fn least(&self) -> u64 {
        self.watermarks.least()
    }

    /// Whether rows have the time at which they arrive.
    #[must_use]
    pub fn is_wall(&self) -> bool {
        self.config.time.is_none()
    }

    /// Hands the rows of a batch to `absorb`, and the watermark wherever a logical buffer ends.
    /// `now_ms` is the time of arrival.
    ///
    /// # Errors
    /// A time column that is not there, or those of `absorb`.
    pub fn walk(
        &mut self,
        columns: &Columns,
        now_ms: u64,
        absorb: &mut dyn Absorb,
    ) -> Result<(), String> {
        let slot = self.watermarks.slot(columns.partition)?;
        let times = match &self.config.time {
            Some(time) => times_of(columns, time)?,
            None => Cow::Owned(vec![now_ms; columns.rows]),
        };
        if self.is_wall() {
            absorb.rows(&times, 0..columns.rows)?;
            self.watermarks.advance(slot, now_ms);
        } else if let Some(watermark) = self.config.watermark.clone() {
            let marks = match &self.config.time {
                Some(time) if same(time, &watermark.time) => Cow::Borrowed(&*times),
                _ => times_of(columns, &watermark.time)?,
            };
            self.buffers(columns, slot, &times, &marks, watermark.lateness_ms, absorb)?;
        } else {
            absorb.rows(&times, 0..columns.rows)?;
            self.watermarks.advance(slot, columns.watermark_ms.unwrap_or(0));
        }
        if columns.last {
            self.watermarks.ended(slot);
        }
        absorb.watermark(self.watermarks.least())
    }

    fn buffers(
        &mut self,
        columns: &Columns,
        slot: Slot,
        times: &[u64],
        marks: &[u64],
        lateness: u64,
        absorb: &mut dyn Absorb,
    ) -> Result<(), String> {
        let total = columns.source_rows as u64;
        let (mut border, size) = self.watermarks.buffers(slot, total);
        let mut row = 0;
        loop {
            let end = rows_before(columns, row, border);
            let newest = marks.get(row..end).unwrap_or_default().iter().copied().max();
            if let Some(newest) = newest {
                absorb.rows(times, row..end)?;
                self.watermarks.seen(slot, newest);
            }
            row = end;
            if border > total {
                break;
            }
            self.watermarks.buffer_ended(slot, lateness);
            if row >= columns.rows {
                break;
            }
            absorb.watermark(self.watermarks.least())?;
            border += size;
        }
        self.watermarks.rows_came(slot, total);
        Ok(())
    }

    /// The watermarks, for a snapshot.
    #[must_use]
    pub fn state(&self) -> Watermarks {
        self.watermarks.clone()
    }

    /// Goes on where a snapshot was taken.
    pub fn restore(&mut self, watermarks: Watermarks) {
        self.watermarks = watermarks;
    }
}

fn same(a: &TimeColumn, b: &TimeColumn) -> bool {
    a.column == b.column && a.scale == b.scale
}

/// The first row from `row` on that the source has at `border` or after.
fn rows_before(columns: &Columns, row: usize, border: u64) -> usize {
    match &columns.places {
        None => (border.min(columns.rows as u64) as usize).max(row),
        Some(places) => {
            let rest = places.get(row..).unwrap_or_default();
            row + rest.partition_point(|place| u64::from(*place) < border)
        }
    }
}

/// The times of all rows; milliseconds.
///
/// # Errors
/// There is no such column, or it holds no integers.
pub fn times_of<'a>(columns: &'a Columns, time: &TimeColumn) -> Result<Cow<'a, [u64]>, String> {
    fn scaled<T: ArrowPrimitiveType>(items: &[T::Native], scale: u64) -> Vec<u64>
    where
        T::Native: Copy + TryInto<u64>,
    {
        // Moments before the epoch count as the epoch.
        let one = |v: &T::Native| (*v).try_into().unwrap_or(0).saturating_mul(scale);
        items.iter().map(one).collect()
    }
    let name = &time.column;
    let index = columns.schema.index_of(name);
    let index = index.ok_or_else(|| format!("there is no time column {name}"))?;
    let (Some(array), Some(field)) = (columns.arrays.get(index), columns.schema.fields.get(index))
    else {
        return Err(format!("there is no time column {name}"));
    };
    if field.ty == DataType::U64 && time.scale == 1 {
        return Ok(Cow::Borrowed(values::<UInt64Type>(array)));
    }
    if matches!(field.ty, DataType::F32 | DataType::F64 | DataType::Char) {
        return Err(format!("the time column {name} holds no integers"));
    }
    macro_rules! integers {
        ($($ty:ident => $t:ident),*) => {
            match field.ty {
                $(DataType::$ty => {
                    type T = arrow_array::types::$t;
                    Ok(Cow::Owned(scaled::<T>(values::<T>(array), time.scale)))
                })*
                _ => Err(format!("the time column {name} holds no integers")),
            }
        };
    }
    integers!(I8 => Int8Type, I16 => Int16Type, I32 => Int32Type, I64 => Int64Type,
              U8 => UInt8Type, U16 => UInt16Type, U32 => UInt32Type, U64 => UInt64Type)
}
