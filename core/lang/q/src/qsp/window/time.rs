//! Windows of event time: tumbling, and sliding ones that overlap.

use super::{held, metadata, nanos};
use crate::convert::numeric::{Column, NULL, floats, ints};
use crate::error::{QError, Result, length_error, type_error};
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Scalar, Type};

/// Windows without records that are emitted between two that have some.
const EMPTY_MAX: i64 = 1000;

/// Emits the records of the last `duration`, every `period` of event time, once a time at or
/// after the end (and `lateness`) is seen. Records for windows that are gone are dropped, or sent
/// on with the next window.
#[derive(Default)]
pub(in crate::qsp) struct Time {
    held: Option<K>,
    /// The times of the records that are held, in nanoseconds or the column's own unit.
    times: Vec<i64>,
    /// The end of the next window; `None` until the first record.
    next: Option<i64>,
    greatest: i64,
    /// The type of the times.
    ty: Option<Type>,
    late: Option<K>,
}

struct Shape {
    period: i64,
    duration: i64,
    lateness: i64,
}

impl Shape {
    fn of(node: &Node) -> Result<Self> {
        let period = node.option("period").map_or(Err(type_error()), nanos)?;
        let duration = node.option("duration").map_or(Ok(period), nanos)?;
        if period <= 0 || duration < period {
            return Err(QError::new("period: must be positive and at most the duration"));
        }
        let lateness = node.option("lateness").map_or(Ok(0), nanos)?;
        Ok(Self { period, duration, lateness })
    }
}

/// The times of a batch, by column or function.
fn times(cx: &mut Session, node: &Node, metadata: &K, data: &K) -> Result<(Type, Vec<i64>)> {
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
    let items = match ints(&unit) {
        Some(Column::Vec(v)) => v.into_owned(),
        _ => match floats(&unit) {
            Some(Column::Vec(v)) => v.iter().map(|x| *x as i64).collect(),
            _ => return Err(type_error()),
        },
    };
    if items.len() != data.len() {
        return Err(length_error());
    }
    Ok((ty, items))
}

impl Time {
    /// The start of a window as a value of the times' type.
    fn start(&self, nanos: i64) -> K {
        match self.ty {
            Some(Type::Timespan | Type::Minute | Type::Second | Type::Time) => {
                K::Atom(Type::Timespan, Scalar::I64(nanos))
            }
            Some(ty) if ty.is_temporal() => K::timestamp(nanos),
            _ => K::long(nanos),
        }
    }

    /// Emits all windows that end up to `limit`.
    fn fire(&mut self, cx: &mut Session, node: &Node, limit: i64, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node)?;
        let skip = node.flag("skipEmptyWindows")?;
        let mut empty = 0;
        while let Some(end) = self.next.filter(|end| end.saturating_add(shape.lateness) <= limit) {
            let start = end.saturating_sub(shape.duration);
            let inside = (0i64..).zip(&self.times).filter(|(_, t)| (start..end).contains(*t));
            let places: Vec<i64> = inside.map(|(i, _)| i).collect();
            let Some(all) = &self.held else { break };
            let mut window = all.gather(&places);
            self.next = Some(end.saturating_add(shape.period));
            if let Some(late) = self.late.take() {
                window = held(cx, Some(window), late)?;
            }
            if places.is_empty() && window.is_empty() {
                empty += 1;
                if empty > EMPTY_MAX {
                    self.jump(&shape, limit);
                }
                if skip {
                    continue;
                }
            } else {
                empty = 0;
            }
            if node.flag("sort")?
                && let Some(name) = node.option("timeColumn").filter(|k| k.as_sym().is_some())
            {
                window = cx.call2(&verbs::value("xasc"), name.clone(), window)?;
            }
            out.push((metadata(self.start(start)), window));
        }
        self.forget(&shape);
        Ok(())
    }

    /// Goes on with the next window that has a record, or that ends after `limit`.
    fn jump(&mut self, shape: &Shape, limit: i64) {
        let Some(next) = self.next else { return };
        let first = self.times.iter().filter(|t| **t >= next - shape.period).min();
        let to = first.copied().unwrap_or(limit).min(limit);
        let skipped = to.saturating_sub(next).div_euclid(shape.period).max(0);
        self.next = Some(next.saturating_add(skipped.saturating_mul(shape.period)));
    }

    /// Drops the records that no later window has.
    fn forget(&mut self, shape: &Shape) {
        let Some(next) = self.next else { return };
        let oldest = next.saturating_sub(shape.duration);
        if self.times.iter().all(|t| *t >= oldest) {
            return;
        }
        let kept = (0i64..).zip(&self.times).filter(|(_, t)| **t >= oldest);
        let places: Vec<i64> = kept.map(|(i, _)| i).collect();
        self.held = self.held.take().map(|k| k.gather(&places));
        self.times.retain(|t| *t >= oldest);
    }
}

impl Stage for Time {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let shape = Shape::of(node)?;
        let data = if let K::Dict(_) = data { data.enlist() } else { data };
        let (ty, times) = times(cx, node, &metadata, &data)?;
        self.ty = Some(ty);
        let present = || times.iter().copied().filter(|t| *t != NULL);
        let Some(first) = present().min() else { return Ok(()) };
        if self.next.is_none() {
            self.greatest = first;
            let start = first.div_euclid(shape.period).saturating_mul(shape.period);
            self.next = Some(start.saturating_add(shape.period));
        }
        let next = self.next.unwrap_or(first);
        let oldest = next.saturating_sub(shape.duration);
        let (early, late): (Vec<_>, Vec<_>) =
            (0i64..).zip(&times).filter(|(_, t)| **t != NULL).partition(|(_, t)| **t >= oldest);
        let places: Vec<i64> = early.iter().map(|(i, _)| *i).collect();
        let complete = places.len() == times.len();
        let kept = if complete { data.clone() } else { data.gather(&places) };
        self.held = Some(held(cx, self.held.take(), kept)?);
        self.times.extend(early.iter().map(|(_, t)| **t));
        if !late.is_empty() && node.flag("passthrough")? {
            let places: Vec<i64> = late.iter().map(|(i, _)| *i).collect();
            self.late = Some(held(cx, self.late.take(), data.gather(&places))?);
        }
        self.greatest = self.greatest.max(present().max().unwrap_or(first));
        self.fire(cx, node, self.greatest, out)?;
        let trigger = node.number("countTrigger", i64::MAX)?;
        if self.times.len() as i64 >= trigger {
            let end = self.next.unwrap_or(0).saturating_add(shape.lateness);
            self.fire(cx, node, end, out)?;
        }
        Ok(())
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        if self.times.is_empty() {
            return Ok(());
        }
        let shape = Shape::of(node)?;
        let last = self.times.iter().copied().max().unwrap_or(0);
        let end = last.div_euclid(shape.period).saturating_add(1).saturating_mul(shape.period);
        self.fire(cx, node, end.saturating_add(shape.lateness), out)?;
        self.held = None;
        self.times.clear();
        Ok(())
    }
}
