//! Windows of a number of records.

use super::{hold, metadata, records};
use crate::error::{Result, domain_error};
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::K;

/// Emits `size` records every `frequency` records.
#[derive(Default)]
pub(in crate::qsp) struct Count {
    held: Option<K>,
    /// Records still to be left out, when the frequency is greater than the size.
    gap: usize,
    emitted: i64,
}

impl Stage for Count {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        _: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let size = node.number("size", 0)?;
        let size = usize::try_from(size).ok().filter(|s| *s > 0).ok_or_else(domain_error)?;
        let frequency = node.number("frequency", size as i64)?;
        let frequency =
            usize::try_from(frequency).ok().filter(|f| *f > 0).ok_or_else(domain_error)?;
        let dictionaries = node.number("acceptDictionaries", 1)? != 0;
        hold(cx, &mut self.held, records(data, dictionaries)?, false)?;
        let Some(mut all) = self.held.take() else { return Ok(()) };
        let mut start = self.gap.min(all.len());
        self.gap -= start;
        while all.len() - start >= size {
            out.push((metadata(K::long(self.emitted)), all.slice(start, start + size)));
            self.emitted += 1;
            let next = start + frequency;
            self.gap = next.saturating_sub(all.len());
            start = next.min(all.len());
        }
        if start > 0 {
            all = all.slice(start, all.len());
        }
        self.held = (!all.is_empty()).then_some(all);
        Ok(())
    }

    fn finish(&mut self, _: &mut Session, _: &Node, out: &mut Output) -> Result<()> {
        if let Some(rest) = self.held.take() {
            out.push((metadata(K::long(self.emitted)), rest));
            self.emitted += 1;
        }
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let numbers = [self.gap as i64, self.emitted].map(K::long);
        Some(K::list([kept::held(self.held.as_ref())].into_iter().chain(numbers).collect()))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        self.held = parts.held()?;
        self.gap = usize::try_from(parts.long()?).map_err(|_| kept::foreign())?;
        self.emitted = parts.long()?;
        Ok(())
    }
}
