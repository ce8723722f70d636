//! Windows of processing time.

use super::{held, metadata, nanos};
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::Result;
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::K;

/// Emits what came in each period of the clock, or as soon as `countTrigger` records are held.
#[derive(Default)]
pub(in crate::qsp) struct Timer {
    held: Option<K>,
    /// What an empty window looks like.
    like: Option<K>,
    /// Start of the period at hand and nanoseconds at which it ends, since 1970.
    start: i64,
    end: Option<i64>,
}

impl Timer {
    fn emit(&mut self, out: &mut Output) {
        let start = K::timestamp(self.start - EPOCH_DAYS * DAY);
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
        if self.end.is_none() {
            self.start = cx.host.now();
            let period = node.option("period").map_or(Ok(0), nanos)?.max(1);
            self.end = Some(self.start.saturating_add(period));
        }
        let all = held(cx, self.held.take(), data)?;
        let trigger = node.number("countTrigger", node.number("batchSize", i64::MAX)?)?;
        let full = all.len() as i64 >= trigger;
        self.held = Some(all);
        if full {
            self.emit(out);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Session, _: &Node, out: &mut Output) -> Result<()> {
        self.emit(out);
        Ok(())
    }

    fn due(&self) -> Option<i64> {
        self.end
    }

    fn tick(&mut self, _: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        let period = node.option("period").map_or(Ok(0), nanos)?.max(1);
        if self.held.is_some() {
            self.emit(out);
        } else if !node.flag("skipEmptyWindows")?
            && let Some(like) = &self.like
        {
            out.push((metadata(K::timestamp(self.start - EPOCH_DAYS * DAY)), like.clone()));
        }
        self.start = now;
        self.end = Some(now.saturating_add(period));
        Ok(())
    }
}
