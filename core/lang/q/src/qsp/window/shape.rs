//! What windows of event time are told, and the times of records.

use super::length;
use crate::convert::calendar::{DAY, MILLI, MINUTE, SECOND};
use crate::convert::numeric::{Column, NULL, floats, ints};
use crate::error::{QError, Result, length_error, type_error};
use crate::qsp::build::Node;
use crate::session::Session;
use formats::k::{Attr, Data, K, Type, Vector};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The options, all of them looked at before anything is changed.
pub(super) struct Shape {
    pub(super) period: i64,
    pub(super) duration: i64,
    pub(super) lateness: i64,
    pub(super) trigger: i64,
    pub(super) skip: bool,
    pub(super) sort: bool,
    pub(super) passthrough: bool,
    pub(super) mixed: bool,
    /// Whether the period is a length of time, and no number.
    pub(super) clock: bool,
}

impl Shape {
    /// The options for times of a type, where that is known: lengths that are numbers count units
    /// of the times.
    pub(super) fn of(node: &Node, times: Option<Type>) -> Result<Self> {
        let is_time = |name| Some(node.option(name)?.ty()?.is_temporal());
        let clock = is_time("period");
        if clock == Some(false) && times == Some(Type::Month) {
            return Err(QError::new("period must be a length of time, because months differ"));
        }
        let unit = times.map_or(1, unit);
        let period = length(node, "period", unit)?.ok_or_else(type_error)?;
        let duration = length(node, "duration", unit)?.unwrap_or(period);
        // How a number compares with a length of time is known with its unit.
        let alike = times.is_some() || is_time("duration") == clock;
        if alike && duration < period {
            return Err(QError::new("duration must not be below the period"));
        }
        Ok(Self {
            period,
            duration,
            lateness: length(node, "lateness", unit)?.unwrap_or(0),
            trigger: node.number("countTrigger", i64::MAX)?,
            skip: node.flag("skipEmptyWindows")?,
            sort: node.flag("sort")?,
            passthrough: node.flag("passthrough")?,
            mixed: node.flag("mixedSchemas")?,
            clock: clock == Some(true),
        })
    }

    /// The end of the first window that is still open at a time. Windows at the end of all times
    /// end behind the greatest of them.
    pub(super) fn end(&self, time: i128) -> i128 {
        let period = i128::from(self.period);
        (time.div_euclid(period) + 1) * period
    }

    /// The end of the window after one.
    pub(super) fn after(&self, end: i128) -> i128 {
        end + i128::from(self.period)
    }

    /// The start of a window.
    pub(super) fn start(&self, end: i128) -> i128 {
        end - i128::from(self.duration)
    }

    /// The time at which a window is emitted.
    pub(super) fn closed(&self, end: i128) -> i128 {
        end + i128::from(self.lateness)
    }

    /// The times within a window.
    pub(super) fn span(&self, end: i128) -> RangeInclusive<i64> {
        near(self.start(end))..=near(end - 1)
    }
}

/// A time, or the infinity on whose other side it is.
pub(super) fn near(time: i128) -> i64 {
    let greatest = i128::from(i64::MAX);
    i64::try_from(time.clamp(-greatest, greatest)).unwrap_or_default()
}

/// Nanoseconds of the unit in which times of a type are counted.
fn unit(times: Type) -> i64 {
    match times {
        Type::Date | Type::Datetime => DAY,
        Type::Minute => MINUTE,
        Type::Second => SECOND,
        Type::Time => MILLI,
        _ => 1,
    }
}

/// What is wrong with the options, as far as that can be told without the times.
pub(super) fn check(node: &Node) -> Result<()> {
    Shape::of(node, None)?;
    let by_name = |k: &K| k.as_sym().is_some();
    match (node.option("timeColumn"), node.option("timeAssigner")) {
        (Some(K::Func(_)), None) | (None, Some(K::Func(_))) => Ok(()),
        (Some(column), None) if by_name(column) => Ok(()),
        (Some(_), None) => Err(QError::new("timeColumn must be a name or a function")),
        (None, Some(_)) => Err(QError::new("timeAssigner must be a function")),
        _ => Err(QError::new("one of timeColumn and timeAssigner must be given")),
    }
}

/// The whole number at or below another.
fn whole(x: f64) -> i64 {
    if x.is_nan() { NULL } else { (x.floor() as i64).max(-i64::MAX) }
}

/// The times of a batch, by column or function.
pub(super) fn times(
    cx: &mut Session,
    node: &Node,
    metadata: &K,
    data: &K,
) -> Result<(Type, Arc<Vec<i64>>)> {
    let column = match (node.option("timeColumn"), node.option("timeAssigner")) {
        (Some(name), _) if name.as_sym().is_some() => crate::eval::at(data, name)?,
        (Some(f), _) => cx.apply(f, &[metadata.clone(), data.clone()])?,
        (None, Some(f)) => cx.apply(f, std::slice::from_ref(data))?,
        (None, None) => return Err(QError::new("timeColumn")),
    };
    let ty = column.ty().ok_or_else(type_error)?;
    let column = if column.is_atom() { column.enlist() } else { column };
    let unit = match ty {
        Type::Timestamp | Type::Timespan => column,
        Type::Date | Type::Month | Type::Datetime => {
            crate::convert::cast::cast(Type::Timestamp, &column)?
        }
        Type::Minute | Type::Second | Type::Time => {
            crate::convert::cast::cast(Type::Timespan, &column)?
        }
        _ => column,
    };
    let items = match (&unit, ints(&unit)) {
        (K::Vec(Vector { data: Data::I64(v), .. }), _) => Arc::clone(v),
        (_, Some(Column::Vec(v))) => Arc::new(v.into_owned()),
        _ => match floats(&unit) {
            Some(Column::Vec(v)) => Arc::new(v.iter().copied().map(whole).collect()),
            _ => return Err(type_error()),
        },
    };
    if items.len() != data.len() {
        return Err(length_error());
    }
    Ok((ty, items))
}

/// Whether records have the same columns as others, and nothing is promised about either.
pub(super) fn has_columns_of(like: &K, records: &K) -> bool {
    let (K::Table(like), K::Table(records)) = (like, records) else { return false };
    let plain = |pair: (&K, &K)| match pair {
        (K::Vec(a), K::Vec(b)) => a.ty == b.ty && a.attr == Attr::None && b.attr == Attr::None,
        _ => false,
    };
    like.names == records.names && like.columns.iter().zip(&records.columns).all(plain)
}
