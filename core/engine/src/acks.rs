//! The engine's side of acks: they come home as messages, from whichever shard they were resolved
//! on, in order.

use std::sync::Arc;

use plan::{AckPort, Fault, Record};

/// Something that happened to a source batch.
#[derive(Debug)]
pub(crate) enum AckEvent {
    /// A message of it failed, or all of them.
    Fail(u64, Option<u32>, Arc<Fault>),
    /// Records for whoever sent it.
    Reply(u64, Vec<(Record, Vec<u8>)>),
    /// It turned out to hold this many events.
    Count(u64, u32),
    /// All of it is resolved.
    Done(u64),
    /// Nothing of it: a part of the pipeline on another shard cannot go on. It comes this way
    /// because acks are heard even while a sink is stuck.
    Broken(String),
}

/// Sends ack events to the home shard of a pipeline. The queue needs no bound of its own: what may
/// be in it is bounded by the byte budget of what is on the way.
#[derive(Clone)]
pub(crate) struct Homing(pub(crate) flume::Sender<AckEvent>);

impl Homing {
    // A closed channel means that the pipeline is gone, and nobody waits any more.
    fn send(&self, event: AckEvent) {
        let _ = self.0.send(event);
    }

    /// Ends the pipeline, with this text.
    pub(crate) fn broken(&self, text: String) {
        self.send(AckEvent::Broken(text));
    }

    pub(crate) fn count(&self, id: u64, events: usize) {
        self.send(AckEvent::Count(id, u32::try_from(events).unwrap_or(u32::MAX)));
    }
}

impl AckPort for Homing {
    fn fail(&self, id: u64, tag: Option<u32>, fault: Arc<Fault>) {
        self.send(AckEvent::Fail(id, tag, fault));
    }

    fn reply(&self, id: u64, records: Vec<(Record, Vec<u8>)>) {
        self.send(AckEvent::Reply(id, records));
    }

    fn done(&self, id: u64) {
        self.send(AckEvent::Done(id));
    }
}
