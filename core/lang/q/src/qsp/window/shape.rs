//! What windows of event time are told, and the times of records.

use super::nanos;
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
    pub(super) dictionaries: bool,
    /// Whether the period is a length of time, and no number.
    pub(super) clock: bool,
}

impl Shape {
    pub(super) fn of(node: &Node) -> Result<Self> {
        let given = node.option("period");
        let period = given.map_or(Err(type_error()), nanos)?;
        let duration = node.option("duration").map_or(Ok(period), nanos)?;
        if period <= 0 || duration < period {
            return Err(QError::new("period: must be positive and at most the duration"));
        }
        let lateness = node.option("lateness").map_or(Ok(0), nanos)?;
        if lateness < 0 {
            return Err(QError::new("lateness: must not be negative"));
        }
        Ok(Self {
            period,
            duration,
            lateness,
            trigger: node.number("countTrigger", i64::MAX)?,
            skip: node.flag("skipEmptyWindows")?,
            sort: node.flag("sort")?,
            passthrough: node.flag("passthrough")?,
            mixed: node.flag("mixedSchemas")?,
            dictionaries: node.number("acceptDictionaries", 1)? != 0,
            clock: given.and_then(K::ty).is_some_and(Type::is_temporal),
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
