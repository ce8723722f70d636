//! Windows of event time: tumbling, and sliding ones that overlap.

use super::{fits, hold, metadata, nanos, records};
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
    /// Whether a window has gone; until then an earlier one may still come first.
    fired: bool,
    /// The greatest time that was seen.
    greatest: i64,
    /// The type of the times.
    ty: Option<Type>,
    late: Option<K>,
}

/// The options, all of them looked at before anything is changed.
struct Shape {
    period: i64,
    duration: i64,
    lateness: i64,
    trigger: i64,
    skip: bool,
    sort: bool,
    passthrough: bool,
}

impl Shape {
    fn of(node: &Node) -> Result<Self> {
        let period = node.option("period").map_or(Err(type_error()), nanos)?;
        let duration = node.option("duration").map_or(Ok(period), nanos)?;
        if period <= 0 || duration < period {
            return Err(QError::new("period: must be positive and at most the duration"));
        }
        Ok(Self {
            period,
            duration,
            lateness: node.option("lateness").map_or(Ok(0), nanos)?,
            trigger: node.number("countTrigger", i64::MAX)?,
            skip: node.flag("skipEmptyWindows")?,
            sort: node.flag("sort")?,
            passthrough: node.flag("passthrough")?,
        })
    }

    /// The end of the first window that is still open at a time.
    fn end(&self, time: i64) -> i64 {
        time.div_euclid(self.period).saturating_add(1).saturating_mul(self.period)
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
    fn fire(
        &mut self,
        cx: &mut Session,
        node: &Node,
        shape: &Shape,
        limit: i64,
        out: &mut Output,
    ) -> Result<()> {
        let mut empty = 0;
        while let Some(end) = self.next.filter(|end| end.saturating_add(shape.lateness) <= limit) {
            let start = end.saturating_sub(shape.duration);
            let inside = (0i64..).zip(&self.times).filter(|(_, t)| (start..end).contains(*t));
            let places: Vec<i64> = inside.map(|(i, _)| i).collect();
            let Some(all) = &self.held else { break };
            let mut window = all.gather(&places);
            self.next = Some(end.saturating_add(shape.period));
            self.fired = true;
            if let Some(late) = self.late.take() {
                // A batch that does not fit what is late was refused when it came.
                let mut all = Some(window);
                hold(cx, &mut all, late)?;
                window = all.unwrap_or_default();
            }
            if places.is_empty() && window.is_empty() {
                empty += 1;
                if empty > EMPTY_MAX {
                    self.jump(shape, limit);
                }
                if shape.skip {
                    continue;
                }
            } else {
                empty = 0;
            }
            if shape.sort
                && let Some(name) = node.option("timeColumn").filter(|k| k.as_sym().is_some())
            {
                window = cx.call2(&verbs::value("xasc"), name.clone(), window)?;
            }
            out.push((metadata(self.start(start)), window));
        }
        self.forget(shape);
        Ok(())
    }

    /// Where windows begin: with the first record, or with an earlier one that comes before a
    /// window has gone and is not too late for its own.
    fn begin(&mut self, shape: &Shape, first: i64) -> i64 {
        let end = shape.end(first);
        let next = match self.next {
            None => {
                self.greatest = first;
                end
            }
            Some(next) if self.fired => next,
            Some(next) => {
                let open = shape.end(self.greatest.saturating_sub(shape.lateness));
                next.min(end.max(open))
            }
        };
        self.next = Some(next);
        next
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
        let data = records(data);
        let (ty, times) = times(cx, node, &metadata, &data)?;
        // From here on nothing fails but for the limits: what is held stays as it is when a batch
        // is refused, the records with their times.
        if self.ty.is_some_and(|known| known != ty) {
            return Err(QError::new("mismatch"));
        }
        fits(self.held.as_ref(), &data)?;
        fits(self.late.as_ref(), &data)?;
        let present = || times.iter().copied().filter(|t| *t != NULL);
        let (Some(first), Some(last)) = (present().min(), present().max()) else { return Ok(()) };
        self.ty = Some(ty);
        let next = self.begin(&shape, first);
        let oldest = next.saturating_sub(shape.duration);
        let (early, late): (Vec<_>, Vec<_>) =
            (0i64..).zip(&times).filter(|(_, t)| **t != NULL).partition(|(_, t)| **t >= oldest);
        let places: Vec<i64> = early.iter().map(|(i, _)| *i).collect();
        let complete = places.len() == times.len();
        let kept = if complete { data.clone() } else { data.gather(&places) };
        if !late.is_empty() && shape.passthrough {
            let places: Vec<i64> = late.iter().map(|(i, _)| *i).collect();
            hold(cx, &mut self.late, data.gather(&places))?;
        }
        // A second owner would keep what is held from growing in place.
        drop(data);
        hold(cx, &mut self.held, kept)?;
        self.times.extend(early.iter().map(|(_, t)| **t));
        self.greatest = self.greatest.max(last);
        self.fire(cx, node, &shape, self.greatest, out)?;
        if self.times.len() as i64 >= shape.trigger {
            let end = self.next.unwrap_or(0).saturating_add(shape.lateness);
            self.fire(cx, node, &shape, end, out)?;
        }
        Ok(())
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node)?;
        if let Some(last) = self.times.iter().copied().max() {
            let end = shape.end(last);
            self.fire(cx, node, &shape, end.saturating_add(shape.lateness), out)?;
        }
        // What came too late for the windows before, and no window came after.
        if let Some(late) = self.late.take() {
            let end = self.next.unwrap_or(0);
            out.push((metadata(self.start(end.saturating_sub(shape.duration))), late));
        }
        self.held = None;
        self.times.clear();
        Ok(())
    }
}
