//! Acks: how a source learns what became of its messages.
//!
//! A source batch gets one [`Ack`]; whoever splits the batch clones it; each holder resolves its
//! clone. When the last one is resolved the source is told, with the failures that were reported.
//! An `Ack` that is dropped without a word counts as a failure of the whole source batch, so a
//! batch lost by a fault is sent again and never silently gone.

use std::sync::Arc;

use crate::batch::{Fault, Origin, Record};

/// Where the outcome of a source batch goes. Implemented by the engine; may be called from any
/// shard. For one `id` all `fail` and `reply` calls come before `done`.
pub trait AckPort: Send + Sync {
    /// Message `tag` of batch `id` failed; `None` means all of its messages.
    fn fail(&self, id: u64, tag: Option<u32>, fault: Arc<Fault>);
    /// Records to hand back to whoever sent batch `id` (synchronous responses).
    fn reply(&self, id: u64, records: Vec<(Record, Vec<u8>)>);
    /// Every part of batch `id` is resolved.
    fn done(&self, id: u64);
}

struct Cell {
    port: Arc<dyn AckPort>,
    id: u64,
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.port.done(self.id);
    }
}

/// A share of the duty to resolve one source batch.
pub struct Ack {
    cell: Option<Arc<Cell>>,
}

impl Ack {
    /// The first share of batch `id`, resolved to `port`.
    #[must_use]
    pub fn new(port: Arc<dyn AckPort>, id: u64) -> Self {
        Ack { cell: Some(Arc::new(Cell { port, id })) }
    }

    /// This share is delivered (or filtered, which is the same to the source).
    pub fn ok(mut self) {
        self.cell = None;
    }

    /// Reports a failed message of the source batch, or all of them; still to be resolved after.
    pub fn report(&self, tag: Option<u32>, fault: &Arc<Fault>) {
        if let Some(cell) = &self.cell {
            cell.port.fail(cell.id, tag, Arc::clone(fault));
        }
    }

    /// Hands records back to the sender of the source batch.
    pub fn reply(&self, records: Vec<(Record, Vec<u8>)>) {
        if let Some(cell) = &self.cell {
            cell.port.reply(cell.id, records);
        }
    }
}

impl Clone for Ack {
    fn clone(&self) -> Self {
        Ack { cell: self.cell.clone() }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if let Some(cell) = &self.cell {
            cell.port.fail(cell.id, None, Arc::new(Fault::new("the batch was dropped")));
        }
    }
}

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ack({:?})", self.cell.as_ref().map(|c| c.id))
    }
}

/// The acks a batch carries: none for what nobody waits for, one in the usual case, several when
/// batches were merged.
#[derive(Clone, Debug, Default)]
pub struct Acks {
    first: Option<Ack>,
    more: Vec<Ack>,
}

impl Acks {
    /// No source waits for this batch.
    #[must_use]
    pub fn none() -> Self {
        Acks::default()
    }

    /// One source batch.
    #[must_use]
    pub fn one(ack: Ack) -> Self {
        Acks { first: Some(ack), more: Vec::new() }
    }

    /// Number of source batches that contribute.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Whether no source waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The ack at `index`, as [`crate::Origin::ack`] counts.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Ack> {
        match index {
            0 => self.first.as_ref(),
            i => self.more.get(i as usize - 1),
        }
    }

    /// Takes over the acks of another batch; returns the index its first ack has now.
    pub fn merge(&mut self, other: Acks) -> u32 {
        let base = u32::try_from(self.len()).unwrap_or(u32::MAX);
        for ack in other.first.into_iter().chain(other.more) {
            if self.first.is_none() {
                self.first = Some(ack);
            } else {
                self.more.push(ack);
            }
        }
        base
    }

    /// Reports that the message from `origin` failed; still to be resolved after.
    pub fn report(&self, origin: Origin, fault: &Arc<Fault>) {
        if origin == Origin::WHOLE {
            self.first.iter().chain(&self.more).for_each(|ack| ack.report(None, fault));
        } else if let Some(ack) = self.get(origin.ack) {
            ack.report(Some(origin.tag), fault);
        }
    }

    /// Everything this batch stood for is delivered.
    pub fn ok(self) {
        self.first.into_iter().chain(self.more).for_each(Ack::ok);
    }

    /// Everything this batch stood for failed.
    pub fn fail(self, fault: &Arc<Fault>) {
        for ack in self.first.into_iter().chain(self.more) {
            ack.report(None, fault);
            ack.ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl AckPort for Seen {
        fn fail(&self, id: u64, tag: Option<u32>, fault: Arc<Fault>) {
            self.0.lock().unwrap().push(format!("fail {id} {tag:?} {}", fault.text));
        }
        fn reply(&self, id: u64, records: Vec<(Record, Vec<u8>)>) {
            self.0.lock().unwrap().push(format!("reply {id} {}", records.len()));
        }
        fn done(&self, id: u64) {
            self.0.lock().unwrap().push(format!("done {id}"));
        }
    }

    #[test]
    fn the_last_share_tells_the_source() {
        let seen = Arc::new(Seen::default());
        let ack = Ack::new(seen.clone(), 7);
        let other = ack.clone();
        ack.ok();
        assert!(seen.0.lock().unwrap().is_empty());
        other.report(Some(3), &Arc::new(Fault::new("no")));
        other.ok();
        assert_eq!(*seen.0.lock().unwrap(), ["fail 7 Some(3) no", "done 7"]);
    }

    #[test]
    fn a_message_made_from_several_fails_them_all() {
        let seen = Arc::new(Seen::default());
        let mut acks = Acks::one(Ack::new(seen.clone(), 1));
        acks.merge(Acks::one(Ack::new(seen.clone(), 2)));
        acks.report(Origin { ack: 1, tag: 7 }, &Arc::new(Fault::new("a")));
        acks.report(Origin::WHOLE, &Arc::new(Fault::new("b")));
        assert_eq!(*seen.0.lock().unwrap(), ["fail 2 Some(7) a", "fail 1 None b", "fail 2 None b"]);
        acks.ok();
    }

    #[test]
    fn a_share_dropped_without_a_word_fails_the_batch() {
        let seen = Arc::new(Seen::default());
        drop(Acks::one(Ack::new(seen.clone(), 1)));
        assert_eq!(*seen.0.lock().unwrap(), ["fail 1 None the batch was dropped", "done 1"]);
    }
}
