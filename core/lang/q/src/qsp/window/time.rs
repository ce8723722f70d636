//! Windows of event time: tumbling, and sliding ones that overlap.

use super::panes::{Panes, Records, ends};
use super::shape::{Shape, has_columns_of, near, times};
use super::{fits, metadata, records};
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::convert::numeric::NULL;
use crate::error::{QError, Result};
use crate::memory::coming;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::pieces::Pieces;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use crate::verbs;
use formats::k::{K, Scalar, Type};
use std::sync::Arc;

/// Windows without records that are emitted between two that have some.
const EMPTY_MAX: usize = 1000;
/// Windows without records that one batch emits.
const EMPTY_BATCH_MAX: usize = if cfg!(test) { 2500 } else { 1 << 20 };
/// Steps of work that a window counts for, besides what is made of its records.
const WINDOW_STEPS: usize = 8;

/// Emits the records of the last `duration`, every `period` of event time, once a time at or
/// after the end (and `lateness`) is seen. Records for windows that are gone are dropped, or sent
/// on with the next window. When nothing came for a `period` of the clock, windows that have
/// ended by the clock are emitted, too, if they have records. Once `countTrigger` records are held
/// that have not been emitted, they are, and what comes later for the same windows at their ends.
#[derive(Default)]
pub(in crate::qsp) struct Time {
    held: Panes,
    /// The end of the next window; `None` until the first record.
    next: Option<i128>,
    /// Whether a window has gone; until then an earlier one may still come first.
    fired: bool,
    /// The greatest time that was seen.
    greatest: i64,
    /// The type of the times.
    ty: Option<Type>,
    /// What a window without records looks like.
    like: Option<K>,
    late: Records,
    /// What has been emitted of windows that are still open.
    flushed: Flushed,
    /// When the clock is looked at next, in nanoseconds since 1970.
    look: Option<i64>,
    /// Whether something came since it was looked at.
    heard: bool,
    /// Whether windows may be handed on in pieces.
    pieces: bool,
}

/// What `countTrigger` has emitted: of some windows all records but the newest.
#[derive(Default)]
struct Flushed {
    /// The ends of the first and the last of these windows.
    first: Option<i128>,
    last: Option<i128>,
    /// How many records had come.
    come: u64,
}

impl Flushed {
    /// How many of the first records a window is not to emit again.
    fn before(&self, end: i128) -> u64 {
        if self.first <= Some(end) && Some(end) <= self.last { self.come } else { 0 }
    }
}

/// The times of records, with the least and the greatest of them.
type Timed = (Arc<Vec<i64>>, (i64, i64));

/// The end of a window, which may lie behind all times, as a value: a time and what is beyond.
fn far(end: Option<i128>) -> K {
    let Some(end) = end else { return K::list(Vec::new()) };
    let beyond = end - i128::from(near(end));
    let beyond = (beyond != 0).then(|| K::long(near(beyond)));
    K::list([K::long(near(end))].into_iter().chain(beyond).collect())
}

/// What [`far`] has written.
fn from_far(state: &K) -> Result<Option<i128>> {
    let add = |sum: Option<i128>, part: K| {
        let part = i128::from(part.as_long().ok_or_else(kept::foreign)?);
        Ok(Some(sum.unwrap_or_default() + part))
    };
    state.items().try_fold(None, add)
}

impl Time {
    /// The start of a window as a value of the times' type.
    fn start(&self, nanos: i128) -> K {
        let nanos = near(nanos);
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

    /// Emits all windows that are closed at `limit`.
    fn fire(
        &mut self,
        cx: &mut Session,
        node: &Node,
        shape: &Shape,
        limit: i128,
        out: &mut Output,
    ) -> Result<()> {
        // Windows without records: since the last one that had some, and in all.
        let (mut empty, mut all) = (0, 0);
        while let Some(end) = self.next.filter(|end| shape.closed(*end) <= limit) {
            // Before anything is changed: the window is still there for the next batch.
            cx.charge(WINDOW_STEPS)?;
            let before = self.flushed.before(end);
            let pieces = if before == 0 { self.pieces(cx, shape, end)? } else { None };
            let mut window = match &pieces {
                Some(_) => Records::default(),
                None => self.held.window(cx, shape, &shape.span(end), before)?,
            };
            self.next = Some(shape.after(end));
            self.fired = true;
            // A batch that does not fit what is late was refused when it came.
            window.append(cx, shape.mixed, std::mem::take(&mut self.late))?;
            if pieces.is_none() && window.times.is_empty() {
                (empty, all) = (empty + 1, all + 1);
                // What was flushed has been there, with records or without.
                let skip = shape.skip || before > 0 || all > EMPTY_BATCH_MAX;
                if skip || empty >= EMPTY_MAX {
                    // Those behind the flushed windows may have records that these had.
                    let flushed = self.flushed.last.filter(|_| before > 0).unwrap_or(limit);
                    self.jump(shape, limit.min(shape.closed(flushed)));
                }
                if skip {
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
                out.push((metadata(self.start(shape.start(end))), data));
            }
            // Before the next one, so that a window that nobody else has is not copied.
            self.forget(shape);
        }
        self.forget(shape);
        Ok(())
    }

    /// Emits what is held and has not been emitted, in windows that stay open.
    fn flush(
        &mut self,
        cx: &mut Session,
        node: &Node,
        shape: &Shape,
        out: &mut Output,
    ) -> Result<()> {
        let Some((_, last)) = self.held.bounds() else { return Ok(()) };
        let last = shape.end(last.into());
        let last = self.flushed.last.map_or(last, |before| before.max(last));
        let (next, fired) = (self.next, self.fired);
        self.fire(cx, node, shape, shape.closed(last), out)?;
        (self.next, self.fired) = (next, fired);
        self.flushed = Flushed { first: next, last: Some(last), come: self.held.come() };
        Ok(())
    }

    /// Whether as many records are held that have not been emitted as end windows before their
    /// time.
    fn is_full(&self, shape: &Shape) -> bool {
        let enough = |count: usize| count as i64 >= shape.trigger;
        enough(self.held.len()) && enough(self.held.since(self.flushed.come))
    }

    /// The records of a window in pieces, where that is allowed and they are.
    fn pieces(&self, cx: &mut Session, shape: &Shape, end: i128) -> Result<Option<K>> {
        let plain = !shape.sort && !shape.mixed && self.late.times.is_empty();
        if !self.pieces || !plain || cx.qsp.watch.on() {
            return Ok(None);
        }
        let Some(pieces) = self.held.pieces(shape.period, &shape.span(end)) else {
            return Ok(None);
        };
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
    fn begin(&mut self, shape: &Shape, first: i64) {
        let end = shape.end(first.into());
        self.next = Some(match self.next {
            None => {
                self.greatest = first;
                end
            }
            Some(next) if self.fired => next,
            Some(next) => {
                let open = i128::from(self.greatest) - i128::from(shape.lateness);
                next.min(end.max(shape.end(open)))
            }
        });
    }

    /// Goes on with the next window that has a record, or that is not closed at `limit`.
    fn jump(&mut self, shape: &Shape, limit: i128) {
        let Some(next) = self.next else { return };
        let period = i128::from(shape.period);
        let first = self.held.next_from(next - period, shape.period);
        let limit = limit - i128::from(shape.lateness);
        let to = first.map_or(limit, i128::from).min(limit);
        self.next = Some(next + (to - next).div_euclid(period).max(0) * period);
    }

    /// Drops the records that no later window has.
    fn forget(&mut self, shape: &Shape) {
        if let Some(next) = self.next {
            self.held.forget(shape.period, shape.start(next));
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
        let oldest = shape.start(self.next.unwrap_or_default());
        let early = |time: i64| time != NULL && i128::from(time) >= oldest;
        if early(least) {
            return self.held.put(cx, shape.period, shape.mixed, data, times, (least, last));
        }
        let all = Records { records: Some(data), times: times.to_vec().into() };
        let present = (0..times.len()).filter(|i| times.get(*i).is_some_and(|t| *t != NULL));
        let (early, late): (Vec<usize>, Vec<usize>) =
            present.partition(|i| times.get(*i).is_some_and(|t| early(*t)));
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

    /// The times of records of which nothing becomes yet: they have the columns that others had,
    /// and their windows are open and stay so.
    fn quiet(
        &self,
        cx: &mut Session,
        node: &Node,
        shape: &Shape,
        data: &K,
    ) -> Result<Option<Timed>> {
        let (Some(next), Some(like)) = (self.next, &self.like) else { return Ok(None) };
        if !has_columns_of(like, data) {
            return Ok(None);
        }
        let (ty, times) = times(cx, node, &K::Null, data)?;
        self.held.fit(data, false)?;
        fits(self.late.records.as_ref(), self.late.times.len(), data, false)?;
        let (least, last) = ends(&times);
        let quiet = self.ty == Some(ty)
            && least != NULL
            && i128::from(least) >= next - i128::from(shape.period)
            && i128::from(self.greatest.max(last)) < shape.closed(next)
            && self.held.stay_apart(shape.period, times.len(), (least, last));
        Ok(quiet.then_some((times, (least, last))))
    }

    /// Keeps such records; tells whether these are some, and there is room.
    fn keep_quietly(&mut self, cx: &mut Session, node: &Node, shape: &Shape, data: &K) -> bool {
        let quiet = cx.bounded(coming([data]), |cx| self.quiet(cx, node, shape, data));
        let Ok(Some((times, ends))) = quiet else { return false };
        (self.heard, self.greatest) = (true, self.greatest.max(ends.1));
        let kept = self.held.put(cx, shape.period, false, data.clone(), times, ends);
        self.forget(shape);
        kept.is_ok()
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
        let dictionaries = node.number("acceptDictionaries", 1)? != 0;
        let data = records(data, dictionaries)?;
        let (ty, times) = times(cx, node, &metadata, &data)?;
        let shape = Shape::of(node, Some(ty))?;
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
        self.fire(cx, node, &shape, self.greatest.into(), out)?;
        if self.is_full(&shape) { self.flush(cx, node, &shape, out) } else { Ok(()) }
    }

    fn values(&mut self, cx: &mut Session, node: &Node, values: &[K]) -> usize {
        let Ok(shape) = Shape::of(node, self.ty) else { return 0 };
        // No function has a say, and nobody counts.
        let named = node.option("timeColumn").is_some_and(|name| name.as_sym().is_some());
        let looks = self.look.is_some() || !(shape.clock && self.points());
        if !named || !looks || shape.mixed || shape.trigger != i64::MAX {
            return 0;
        }
        // What is held is weighed when one comes alone.
        let quiet =
            |value: &&K| !cx.is_weighing_due() && self.keep_quietly(cx, node, &shape, value);
        values.iter().take_while(quiet).count()
    }

    fn give_pieces(&mut self) {
        self.pieces = true;
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node, self.ty)?;
        if let Some((_, last)) = self.held.bounds() {
            let end = shape.end(last.into());
            self.fire(cx, node, &shape, shape.closed(end), out)?;
        }
        // What came too late for the windows before, and no window came after.
        if let Some(late) = std::mem::take(&mut self.late).records.filter(|k| !k.is_empty()) {
            let end = self.next.unwrap_or_default();
            out.push((metadata(self.start(shape.start(end))), late));
        }
        self.held.clear();
        self.look = None;
        Ok(())
    }

    fn due(&self) -> Option<i64> {
        self.look.filter(|_| !self.held.is_empty())
    }

    fn tick(&mut self, cx: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        let shape = Shape::of(node, self.ty)?;
        // Whatever becomes of this look, the next one is not due at once.
        self.look = Some(now.saturating_add(shape.period));
        if std::mem::take(&mut self.heard) {
            return Ok(());
        }
        let Some((_, last)) = self.held.bounds() else { return Ok(()) };
        let clock = now.saturating_sub(EPOCH_DAYS * DAY);
        let end = shape.closed(shape.end(last.into()));
        self.fire(cx, node, &shape, end.min(clock.into()), out)
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
            far(self.next),
            K::bool(self.fired),
            K::long(self.greatest),
            kept::held(ty.as_ref()),
            kept::held(self.like.as_ref()),
            self.late.state(),
            kept::number(self.look),
            K::bool(self.heard),
            far(self.flushed.first),
            far(self.flushed.last),
            K::long(self.flushed.come as i64),
        ]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        self.held = Panes::resume(&parts.next()?)?;
        (self.next, self.fired) = (from_far(&parts.next()?)?, parts.long()? != 0);
        self.greatest = parts.long()?;
        self.ty = parts.held()?.and_then(|empty| empty.ty());
        self.like = parts.held()?;
        self.late = Records::resume(&parts.next()?)?;
        (self.look, self.heard) = (parts.number()?, parts.long()? != 0);
        // States of older versions end here: nothing was flushed.
        if let Ok(first) = parts.next() {
            let (first, last) = (from_far(&first)?, from_far(&parts.next()?)?);
            self.flushed = Flushed { first, last, come: parts.long()? as u64 };
        }
        Ok(())
    }
}
