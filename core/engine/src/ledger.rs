//! What is on the way: source batches that are read and not yet resolved, on the home shard.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use plan::{Batch, Data, Outcome};

use crate::acks::AckEvent;
use crate::budget::{PIPELINE_BYTES_MAX, ProcessBudget};
use crate::metrics::Timing;
use crate::rates::{RateSums, RateWindow};
use crate::wakers::Wakers;
use plan::env::Counter;

/// The outcome of one batch, for a source that waits for it.
#[derive(Default)]
pub(crate) struct OutcomeSlot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Cells of the series `input_received` and `input_latency_ns` of a source.
#[derive(Clone, Default)]
pub(crate) struct SourceMeter {
    pub(crate) received: Counter,
    pub(crate) latency: Timing,
}

/// What is entered of batches whose outcome is one.
pub(crate) struct Entry {
    pub(crate) events: u64,
    pub(crate) batches: u64,
    pub(crate) bytes: usize,
    pub(crate) born_ns: u64,
}

impl Entry {
    /// A batch that counts as so many bytes.
    pub(crate) fn of(batch: &Batch, bytes: usize) -> Self {
        Entry { events: batch.len() as u64, batches: 1, bytes, born_ns: batch.born_ns }
    }
}

struct Pending {
    source: usize,
    entry: Entry,
    /// What to send again; `None` where the source wants to hear of failures itself.
    keep: Option<Data>,
    outcome: Outcome,
    slot: Rc<RefCell<OutcomeSlot>>,
}

#[derive(Default)]
struct Inner {
    next_id: u64,
    pending: HashMap<u64, Pending>,
    bytes: usize,
    waiting: Wakers,
    idle: Wakers,
    /// Operators with results on the way that no source waits for.
    busy: usize,
    /// Whether acks wait for checkpoints.
    holds_acks: bool,
    totals: Totals,
    meters: Vec<SourceMeter>,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Totals) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.errors += other.errors;
    }
}

/// Counts since the pipeline started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
}

/// A batch that failed and is to be sent again.
pub(crate) struct Replay {
    pub(crate) id: u64,
    pub(crate) source: usize,
    pub(crate) data: Data,
    pub(crate) born_ns: u64,
}

/// The ledger of one pipeline; clones share it.
#[derive(Clone)]
pub(crate) struct Ledger {
    inner: Rc<RefCell<Inner>>,
    rates: Rc<RefCell<RateWindow>>,
    process: Arc<ProcessBudget>,
    bytes_max: usize,
}

impl Ledger {
    /// The ledger of one of `instances` that share the budget of a pipeline.
    pub(crate) fn new(process: Arc<ProcessBudget>, instances: usize, now_ns: u64) -> Self {
        Ledger {
            inner: Rc::default(),
            rates: Rc::new(RefCell::new(RateWindow::new(now_ns))),
            process,
            bytes_max: PIPELINE_BYTES_MAX / instances.max(1),
        }
    }

    /// Says where the counts of each source go, in the order of their numbers.
    pub(crate) fn set_meters(&self, meters: Vec<SourceMeter>) {
        self.inner.borrow_mut().meters = meters;
    }

    /// Waits until `bytes` more may be on the way, and takes them. Tells with `false` that the
    /// process as a whole has no room just now: the caller tries again after a pause.
    pub(crate) async fn reserve(&self, bytes: usize) -> bool {
        poll_fn(|cx| {
            let mut inner = self.inner.borrow_mut();
            let alone = inner.pending.is_empty() && inner.bytes == 0;
            if alone || inner.bytes.saturating_add(bytes) <= self.bytes_max {
                let taken = self.process.take(bytes, alone);
                if taken {
                    inner.bytes += bytes;
                }
                return Poll::Ready(taken);
            }
            inner.waiting.add(cx);
            Poll::Pending
        })
        .await
    }

    /// Enters batches whose bytes were reserved; returns their id and where their outcome will be.
    pub(crate) fn enter(
        &self,
        source: usize,
        entry: Entry,
        keep: Option<Data>,
    ) -> (u64, Rc<RefCell<OutcomeSlot>>) {
        let slot = Rc::<RefCell<OutcomeSlot>>::default();
        let mut inner = self.inner.borrow_mut();
        let id = inner.next_id;
        inner.next_id += 1;
        let Entry { events, bytes, born_ns, .. } = entry;
        inner.totals.events += events;
        inner.totals.bytes += bytes as u64;
        let outcome = Outcome::default();
        let pending = Pending { source, entry, keep, outcome, slot: Rc::clone(&slot) };
        inner.pending.insert(id, pending);
        if let Some(meter) = inner.meters.get(source) {
            meter.received.add(events);
        }
        self.rates.borrow_mut().read(born_ns, events, bytes as u64);
        (id, slot)
    }

    /// Takes note of an ack event; a batch that has to be sent again is returned.
    pub(crate) fn on_event(&self, event: AckEvent, now_ns: u64) -> Option<Replay> {
        let mut inner = self.inner.borrow_mut();
        match event {
            AckEvent::Fail(id, tag, fault) => {
                inner.totals.errors += 1;
                let pending = inner.pending.get_mut(&id)?;
                pending.outcome.failures.push((tag, fault));
                None
            }
            AckEvent::Reply(id, records) => {
                inner.pending.get_mut(&id)?.outcome.replies.extend(records);
                None
            }
            AckEvent::Count(id, events) => {
                let events = u64::from(events);
                let pending = inner.pending.get_mut(&id)?;
                if pending.entry.events > 0 {
                    return None; // counted before, and now on the way again
                }
                pending.entry.events = events;
                let (source, born_ns) = (pending.source, pending.entry.born_ns);
                inner.totals.events += events;
                if let Some(meter) = inner.meters.get(source) {
                    meter.received.add(events);
                }
                self.rates.borrow_mut().read(born_ns, events, 0);
                None
            }
            AckEvent::Done(id) => {
                drop(inner);
                self.on_done(id, now_ns)
            }
            AckEvent::Broken(_) => None,
        }
    }

    fn on_done(&self, id: u64, now_ns: u64) -> Option<Replay> {
        let mut guard = self.inner.borrow_mut();
        let inner = &mut *guard;
        let pending = inner.pending.get_mut(&id)?;
        if let Some(keep) = &pending.keep
            && !pending.outcome.failures.is_empty()
        {
            let failures = std::mem::take(&mut pending.outcome.failures);
            let tags = failures.iter().map(|(tag, _)| *tag).collect();
            let data = only(keep, tags);
            let (source, born_ns) = (pending.source, pending.entry.born_ns);
            return Some(Replay { id, source, data, born_ns });
        }
        let pending = inner.pending.remove(&id)?;
        let Entry { events, batches, bytes, born_ns } = pending.entry;
        inner.bytes -= bytes;
        self.process.give_back(bytes);
        let latency_ns = now_ns.saturating_sub(born_ns);
        if !inner.holds_acks {
            self.rates.borrow_mut().acked(now_ns, events, latency_ns);
        }
        if let Some(meter) = inner.meters.get(pending.source) {
            // A batch without events took its time as well.
            meter.latency.record(latency_ns, events.max(batches));
        }
        let mut slot = pending.slot.borrow_mut();
        slot.outcome = Some(pending.outcome);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
        inner.waiting.wake();
        if inner.pending.is_empty() {
            inner.idle.wake();
        }
        None
    }

    /// Acks wait for checkpoints from now on and say nothing of latency; results do.
    pub(crate) fn holds_acks(&self) {
        self.inner.borrow_mut().holds_acks = true;
    }

    /// A result is delivered, so long after what it was made of was read.
    pub(crate) fn delivered(&self, now_ns: u64, latency_ns: u64) {
        self.rates.borrow_mut().acked(now_ns, 1, latency_ns);
    }

    /// An operator has results on the way that no source waits for, or none any more.
    pub(crate) fn busy(&self, busy: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.busy = if busy { inner.busy + 1 } else { inner.busy.saturating_sub(1) };
        inner.idle.wake();
    }

    /// Waits until nothing is on the way.
    pub(crate) async fn idle(&self) {
        poll_fn(|cx| {
            let mut inner = self.inner.borrow_mut();
            if inner.pending.is_empty() && inner.busy == 0 {
                return Poll::Ready(());
            }
            inner.idle.add(cx);
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn totals(&self) -> Totals {
        self.inner.borrow().totals
    }

    pub(crate) fn add_error(&self) {
        self.inner.borrow_mut().totals.errors += 1;
    }

    pub(crate) fn rates(&self, now_ns: u64) -> RateSums {
        self.rates.borrow().sums(now_ns)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever waits for an outcome is woken by the drop of the pipeline's tasks.
        self.pending.clear();
    }
}

/// Gives the process its bytes back when a pipeline goes with batches on the way.
impl Drop for Ledger {
    fn drop(&mut self) {
        if Rc::strong_count(&self.inner) == 1 {
            self.process.give_back(self.inner.borrow().bytes);
        }
    }
}

/// The part of `keep` that failed: the messages with these tags, or everything.
fn only(keep: &Data, tags: Vec<Option<u32>>) -> Data {
    let Some(mut tags) = tags.into_iter().collect::<Option<Vec<u32>>>() else {
        return keep.clone();
    };
    tags.sort_unstable();
    tags.dedup();
    match keep {
        Data::Raw(raw) => {
            let mut raw = raw.clone();
            raw.only = Some(Arc::new(tags));
            Data::Raw(raw)
        }
        Data::Records(records) => {
            let mut records = records.clone();
            records.recs.retain(|r| tags.binary_search(&r.origin.tag).is_ok());
            Data::Records(records)
        }
        other => other.clone(),
    }
}

/// Waits for the outcome of one batch.
pub(crate) async fn outcome(slot: Rc<RefCell<OutcomeSlot>>) -> Outcome {
    poll_fn(|cx| {
        let mut slot = slot.borrow_mut();
        match slot.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use plan::{Fault, Records};

    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(Arc::new(ProcessBudget::new(1 << 20)), 1, 0)
    }

    fn batch(n: usize) -> Batch {
        Batch::records(Records::from_bodies((0..n).map(|i| vec![b'x'; i + 1])))
    }

    #[test]
    fn it_is_idle_when_no_operator_is_busy_either() {
        let ledger = ledger();
        ledger.busy(true);
        ledger.busy(true);
        ledger.busy(false);
        assert_eq!(ledger.idle().now_or_never(), None);
        ledger.busy(false);
        assert_eq!(ledger.idle().now_or_never(), Some(()));
    }

    #[test]
    fn failed_messages_are_sent_again_and_only_they() {
        let ledger = ledger();
        let batch = batch(3);
        assert_eq!(ledger.reserve(6).now_or_never(), Some(true));
        let (id, slot) = ledger.enter(0, Entry::of(&batch, 6), Some(batch.data.clone()));
        let fault = Arc::new(Fault::new("no"));
        assert!(ledger.on_event(AckEvent::Fail(id, Some(1), fault), 1).is_none());
        let replay = ledger.on_event(AckEvent::Done(id), 1).expect("one failed");
        let Data::Records(records) = replay.data else { panic!("records") };
        assert_eq!(records.recs.len(), 1);
        assert_eq!(records.recs[0].origin.tag, 1);
        assert!(ledger.on_event(AckEvent::Done(id), 2).is_none());
        assert!(outcome(slot).now_or_never().expect("resolved").is_ok());
        assert!(ledger.idle().now_or_never().is_some());
        assert_eq!(ledger.process.used(), 0);
    }

    #[test]
    fn the_budget_stops_reading() {
        let ledger = ledger();
        let batch = batch(1);
        assert_eq!(ledger.reserve(PIPELINE_BYTES_MAX + 5).now_or_never(), Some(true), "alone");
        let (id, _) = ledger.enter(0, Entry::of(&batch, PIPELINE_BYTES_MAX + 5), None);
        assert_eq!(ledger.reserve(1).now_or_never(), None, "must wait");
        assert!(ledger.on_event(AckEvent::Done(id), 1).is_none());
        assert_eq!(ledger.reserve(1).now_or_never(), Some(true));
    }
}
