//! Windows of event time: tumbling, and sliding ones that overlap.

use super::panes::{Panes, Records, ends};
use super::{fits, metadata, nanos, records};
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::convert::numeric::{Column, NULL, floats, ints};
use crate::error::{QError, Result, length_error, type_error};
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::pieces::Pieces;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::{Attr, Data, K, Scalar, Type, Vector};
use std::sync::Arc;

/// Windows without records that are emitted between two that have some.
const EMPTY_MAX: i64 = 1000;

/// Emits the records of the last `duration`, every `period` of event time, once a time at or
/// after the end (and `lateness`) is seen. Records for windows that are gone are dropped, or sent
/// on with the next window. When nothing came for a `period` of the clock, windows that have
/// ended by the clock are emitted, too, if they have records.
#[derive(Default)]
pub(in crate::qsp) struct Time {
    held: Panes,
    /// The end of the next window; `None` until the first record.
    next: Option<i64>,
    /// Whether a window has gone; until then an earlier one may still come first.
    fired: bool,
    /// The greatest time that was seen.
    greatest: i64,
    /// The type of the times.
    ty: Option<Type>,
    /// What a window without records looks like.
    like: Option<K>,
    late: Records,
    /// When the clock is looked at next, in nanoseconds since 1970.
    look: Option<i64>,
    /// Whether something came since it was looked at.
    heard: bool,
    /// Whether windows may be handed on in pieces.
    pieces: bool,
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
    mixed: bool,
    dictionaries: bool,
    /// Whether the period is a length of time, and no number.
    clock: bool,
}

impl Shape {
    fn of(node: &Node) -> Result<Self> {
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

    /// The end of the first window that is still open at a time.
    fn end(&self, time: i64) -> i64 {
        time.div_euclid(self.period).saturating_add(1).saturating_mul(self.period)
    }
}

/// The times of a batch, by column or function.
fn times(cx: &mut Session, node: &Node, metadata: &K, data: &K) -> Result<(Type, Arc<Vec<i64>>)> {
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
            Some(Column::Vec(v)) => Arc::new(v.iter().map(|x| *x as i64).collect()),
            _ => return Err(type_error()),
        },
    };
    if items.len() != data.len() {
        return Err(length_error());
    }
    Ok((ty, items))
}

/// Whether records have the same columns as others, and nothing is promised about either.
fn has_columns_of(like: &K, records: &K) -> bool {
    let (K::Table(like), K::Table(records)) = (like, records) else { return false };
    let plain = |pair: (&K, &K)| match pair {
        (K::Vec(a), K::Vec(b)) => a.ty == b.ty && a.attr == Attr::None && b.attr == Attr::None,
        _ => false,
    };
    like.names == records.names && like.columns.iter().zip(&records.columns).all(plain)
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

    /// Whether the times are points in time, which the clock can pass.
    fn points(&self) -> bool {
        let points = [Type::Timestamp, Type::Month, Type::Date, Type::Datetime];
        self.ty.is_some_and(|ty| points.contains(&ty))
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
            let pieces = self.pieces(cx, shape, start, end)?;
            let mut window = match &pieces {
                Some(_) => Records::default(),
                None => self.held.window(cx, shape.period, shape.mixed, start, end)?,
            };
            self.next = Some(end.saturating_add(shape.period));
            self.fired = true;
            // A batch that does not fit what is late was refused when it came.
            window.append(cx, shape.mixed, std::mem::take(&mut self.late))?;
            if pieces.is_none() && window.times.is_empty() {
                empty += 1;
                if empty >= EMPTY_MAX {
                    self.jump(shape, limit);
                }
                if shape.skip {
                    continue;
                }
            } else {
                empty = 0;
            }
            let data = match pieces {
                Some(pieces) => Some(pieces),
                None => self.shown(cx, node, shape, window)?,
            };
            if let Some(data) = data {
                out.push((metadata(self.start(start)), data));
            }
            // Before the next one, so that a window that nobody else has is not copied.
            self.forget(shape);
        }
        self.forget(shape);
        Ok(())
    }

    /// The records of a window in pieces, where that is allowed and they are.
    fn pieces(&self, cx: &mut Session, shape: &Shape, start: i64, end: i64) -> Result<Option<K>> {
        let plain = !shape.sort && !shape.mixed && self.late.times.is_empty();
        if !self.pieces || !plain || cx.qsp.watch.on() {
            return Ok(None);
        }
        let Some(pieces) = self.held.pieces(shape.period, start, end) else { return Ok(None) };
        cx.room(pieces.iter().map(|piece| piece.len()).sum())?;
        Ok(Pieces::join(pieces.into_iter().cloned().collect()))
    }

    /// The records of a window as they are emitted.
    fn shown(
        &self,
        cx: &mut Session,
        node: &Node,
        shape: &Shape,
        window: Records,
    ) -> Result<Option<K>> {
        if window.times.is_empty() {
            return Ok(self.like.clone());
        }
        if !shape.sort {
            return Ok(window.records);
        }
        match (node.option("timeColumn").filter(|k| k.as_sym().is_some()), window.records) {
            (Some(name), Some(k @ K::Table(_))) => {
                cx.call2(&verbs::value("xasc"), name.clone(), k).map(Some)
            }
            (_, records) => Ok(Records { records, times: window.times }.by_time().records),
        }
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
        let first = self.held.next_from(next.saturating_sub(shape.period), shape.period);
        let to = first.unwrap_or(limit).min(limit);
        let skipped = to.saturating_sub(next).div_euclid(shape.period).max(0);
        self.next = Some(next.saturating_add(skipped.saturating_mul(shape.period)));
    }

    /// Drops the records that no later window has.
    fn forget(&mut self, shape: &Shape) {
        if let Some(next) = self.next {
            self.held.forget(shape.period, next.saturating_sub(shape.duration));
        }
    }

    /// Keeps what is in time, and what is late when it is wanted.
    fn keep(
        &mut self,
        cx: &mut Session,
        shape: &Shape,
        data: K,
        times: Arc<Vec<i64>>,
        (least, last): (i64, i64),
    ) -> Result<()> {
        let next = self.next.unwrap_or_default();
        let oldest = next.saturating_sub(shape.duration);
        if least >= oldest && least != NULL {
            return self.held.put(cx, shape.period, shape.mixed, data, times, (least, last));
        }
        let all = Records { records: Some(data), times: times.to_vec().into() };
        let present = (0..times.len()).filter(|i| times.get(*i).is_some_and(|t| *t != NULL));
        let (early, late): (Vec<usize>, Vec<usize>) =
            present.partition(|i| times.get(*i).is_some_and(|t| *t >= oldest));
        if !late.is_empty() && shape.passthrough {
            self.late.append(cx, shape.mixed, all.gather(&late))?;
        }
        let early = all.gather(&early);
        if let Some(kept) = early.records.filter(|k| !k.is_empty()) {
            let times = Arc::new(early.times.all());
            let ends = ends(&times);
            self.held.put(cx, shape.period, shape.mixed, kept, times, ends)?;
        }
        Ok(())
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
        let data = records(data, shape.dictionaries)?;
        let (ty, times) = times(cx, node, &metadata, &data)?;
        // From here on nothing fails but for the limits: what is held stays as it is when a batch
        // is refused, the records with their times.
        if self.ty.is_some_and(|known| known != ty) {
            return Err(QError::new("mismatch"));
        }
        self.held.fit(&data, shape.mixed)?;
        fits(self.late.records.as_ref(), self.late.times.len(), &data, shape.mixed)?;
        let (least, last) = ends(&times);
        if times.is_empty() || last == NULL {
            return Ok(());
        }
        let first = match least {
            NULL => times.iter().copied().filter(|t| *t != NULL).min().unwrap_or(last),
            least => least,
        };
        self.ty = Some(ty);
        if !self.like.as_ref().is_some_and(|like| has_columns_of(like, &data)) {
            self.like = Some(data.slice(0, 0));
        }
        self.heard = true;
        if self.look.is_none() && shape.clock && self.points() {
            self.look = Some(cx.host.now().saturating_add(shape.period));
        }
        self.begin(&shape, first);
        self.keep(cx, &shape, data, times, (least, last))?;
        self.greatest = self.greatest.max(last);
        self.fire(cx, node, &shape, self.greatest, out)?;
        if self.held.len() as i64 >= shape.trigger {
            let end = self.next.unwrap_or(0).saturating_add(shape.lateness);
            self.fire(cx, node, &shape, end, out)?;
        }
        Ok(())
    }

    fn give_pieces(&mut self) {
        self.pieces = true;
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node)?;
        if let Some((_, last)) = self.held.bounds() {
            let end = shape.end(last);
            self.fire(cx, node, &shape, end.saturating_add(shape.lateness), out)?;
        }
        // What came too late for the windows before, and no window came after.
        if let Some(late) = std::mem::take(&mut self.late).records.filter(|k| !k.is_empty()) {
            let end = self.next.unwrap_or(0);
            out.push((metadata(self.start(end.saturating_sub(shape.duration))), late));
        }
        self.held.clear();
        self.look = None;
        Ok(())
    }

    fn due(&self) -> Option<i64> {
        self.look.filter(|_| !self.held.is_empty())
    }

    fn tick(&mut self, cx: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node)?;
        // Whatever becomes of this look, the next one is not due at once.
        self.look = Some(now.saturating_add(shape.period));
        if std::mem::take(&mut self.heard) {
            return Ok(());
        }
        let Some((_, last)) = self.held.bounds() else { return Ok(()) };
        let clock = now.saturating_sub(EPOCH_DAYS * DAY);
        let end = shape.end(last).saturating_add(shape.lateness);
        self.fire(cx, node, &shape, clock.min(end), out)
    }

    fn held(&self) -> (Vec<K>, usize) {
        let (mut values, bytes) = self.held.held();
        values.extend(self.late.records.clone());
        (values, bytes + self.late.times.len() * size_of::<i64>())
    }

    fn state(&self) -> Option<K> {
        let ty = self.ty.map(K::empty);
        Some(K::list(vec![
            self.held.state(),
            kept::number(self.next),
            K::bool(self.fired),
            K::long(self.greatest),
            kept::held(ty.as_ref()),
            kept::held(self.like.as_ref()),
            self.late.state(),
            kept::number(self.look),
            K::bool(self.heard),
        ]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        self.held = Panes::resume(&parts.next()?)?;
        (self.next, self.fired) = (parts.number()?, parts.long()? != 0);
        self.greatest = parts.long()?;
        self.ty = parts.held()?.and_then(|empty| empty.ty());
        self.like = parts.held()?;
        self.late = Records::resume(&parts.next()?)?;
        (self.look, self.heard) = (parts.number()?, parts.long()? != 0);
        Ok(())
    }
}
