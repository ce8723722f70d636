//! Windows of processing time.

use super::{hold, length, metadata, records};
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::{Result, type_error};
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::K;

/// Emits what came in each period of the clock, or as soon as `countTrigger` records are held; with
/// `batchSize` exactly so many at once, as soon as they are there, and the rest with the period.
#[derive(Default)]
pub(in crate::qsp) struct Timer {
    held: Option<K>,
    /// What an empty window looks like.
    like: Option<K>,
    /// Start of the period at hand and nanoseconds at which it ends, since 1970.
    start: i64,
    end: Option<i64>,
}

/// The period in nanoseconds.
fn period(node: &Node) -> Result<i64> {
    length(node, "period", 1)?.ok_or_else(type_error)
}

impl Timer {
    /// Emits windows of so many records while there are as many.
    fn cut(&mut self, size: usize, out: &mut Output) {
        let Some(all) = self.held.take_if(|all| all.len() >= size) else { return };
        let rest = all.len() % size;
        for end in (size..=all.len()).step_by(size) {
            self.held = Some(all.slice(end - size, end));
            self.emit(self.start, out);
        }
        self.held = (rest > 0).then(|| all.slice(all.len() - rest, all.len()));
    }

    fn emit(&mut self, start: i64, out: &mut Output) {
        let start = K::timestamp(start - EPOCH_DAYS * DAY);
        if let Some(held) = self.held.take() {
            self.like = Some(held.slice(0, 0));
            out.push((metadata(start), held));
        }
    }
}

impl Stage for Timer {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        _: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let period = period(node)?;
        let trigger = node.number("countTrigger", i64::MAX)?;
        let size = usize::try_from(node.number("batchSize", i64::MAX)?).unwrap_or(usize::MAX);
        let dictionaries = node.number("acceptDictionaries", 1)? != 0;
        let mixed = node.flag("mixedSchemas")?;
        hold(cx, &mut self.held, records(data, dictionaries)?, mixed)?;
        if self.end.is_none() {
            self.start = cx.host.now();
            self.end = Some(self.start.saturating_add(period));
        }
        self.cut(size.max(1), out);
        if self.held.as_ref().is_some_and(|all| all.len() as i64 >= trigger) {
            self.emit(self.start, out);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Session, _: &Node, out: &mut Output) -> Result<()> {
        self.emit(self.start, out);
        Ok(())
    }

    fn due(&self) -> Option<i64> {
        self.end
    }

    fn tick(&mut self, _: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        let period = period(node)?;
        // The next period begins whatever becomes of this one: it must not be due again at once.
        let start = std::mem::replace(&mut self.start, now);
        self.end = Some(now.saturating_add(period));
        if self.held.as_ref().is_some_and(|held| !held.is_empty()) {
            self.emit(start, out);
            return Ok(());
        }
        // Batches without records make no window.
        self.like = self.held.take().or(self.like.take());
        if !node.flag("skipEmptyWindows")?
            && let Some(like) = &self.like
        {
            out.push((metadata(K::timestamp(start - EPOCH_DAYS * DAY)), like.clone()));
        }
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let held = [&self.held, &self.like].map(|k| kept::held(k.as_ref()));
        let times = [K::long(self.start), kept::number(self.end)];
        Some(K::list(held.into_iter().chain(times).collect()))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        (self.held, self.like) = (parts.held()?, parts.held()?);
        (self.start, self.end) = (parts.long()?, parts.number()?);
        Ok(())
    }
}
