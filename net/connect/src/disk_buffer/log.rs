//! The log of a disk buffer, as its shard sees it: what is written, read and delivered.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use futures_util::future::{Either, select};
use plan::env::Gauge;
use plan::stored::{self, StoredError};
use plan::{Batch, Data, Emitted, Fault, Outcome, SourceContext, SourceError};
use rt::storage::StorageError;
use rt::storage::spool::{
    Appended, PAYLOAD_MAX, Place, RECORD_BYTES, SEGMENT_BYTES, Spool, Standing, Stored, WINDOW_MAX,
};

use crate::buffered::{Claims, Kept, Waiting, settled, weight};
use crate::compose::records::records_of;

/// Batches that are on their way to the disk at once.
pub(super) const LANDINGS_MAX: usize = 256;
/// Bytes of them, unless it is a single one.
const LANDING_BYTES_MAX: u64 = 8 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Pause before something is tried again that could not be kept.
const RETRY_PAUSE: Time = Time::from_millis(500);

type Answer = flume::Receiver<Result<Appended, StorageError>>;

/// A batch on its way to the disk.
struct Landing {
    data: Data,
    /// Bytes that it takes in memory and on disk.
    weight: usize,
    size: u64,
    messages: usize,
    batches: usize,
    answer: Answer,
    /// Whoever sent it.
    sender: flume::Sender<Outcome>,
}

pub(super) struct Log {
    spool: Spool,
    limit: u64,
    retries: bool,
    kept: Rc<Kept>,
    size: Gauge,
    standing: Cell<Standing>,
    landings: RefCell<VecDeque<Landing>>,
    /// Batches on their way to the disk, and bytes of them.
    landing: Cell<(usize, u64)>,
    /// The number behind the last record that has landed. There may be more in the log, of which
    /// the answers were not looked at.
    landed_to: Cell<u64>,
    /// The place and number of the record that is handed on next.
    fed: Cell<(Place, u64)>,
    /// Records behind that which are delivered already.
    acked: RefCell<HashSet<u64>>,
    input_ended: Cell<bool>,
    landed: Cell<bool>,
    drained: Cell<bool>,
    /// Whether what was tried last could not be written.
    failing: Cell<bool>,
}

enum Turn {
    Read(Place, u64),
    /// Everything was read and nothing more comes.
    Over,
    Halted,
}

impl Log {
    pub(super) fn new(
        spool: Spool,
        stored: Stored,
        limit: u64,
        retries: bool,
        kept: Rc<Kept>,
        size: Gauge,
    ) -> Self {
        size.set(stored.standing.used as f64);
        Log {
            spool,
            limit,
            retries,
            kept,
            size,
            standing: Cell::new(stored.standing),
            landings: RefCell::default(),
            landing: Cell::default(),
            landed_to: Cell::new(stored.next),
            fed: Cell::new((stored.place, stored.first)),
            acked: RefCell::new(stored.acked.into_iter().collect()),
            input_ended: Cell::new(false),
            landed: Cell::new(false),
            drained: Cell::new(false),
            failing: Cell::new(false),
        }
    }

    /// No more is kept.
    pub(super) fn input_ended(&self) {
        self.input_ended.set(true);
        self.kept.changed.wake();
    }

    /// No more is delivered.
    pub(super) fn drained(&self) {
        self.drained.set(true);
        self.kept.changed.wake();
    }

    pub(super) async fn close(&self) -> Result<(), StorageError> {
        self.input_ended.set(true);
        self.landings.borrow_mut().clear();
        self.spool.clone().close().await
    }

    /// Keeps a batch. The outcome is there when it is on disk.
    pub(super) async fn keep(
        &self,
        batch: Batch,
        outer: &Rc<dyn SourceContext>,
    ) -> Result<Emitted, SourceError> {
        if batch.is_empty() {
            return Ok(settled(Vec::new()));
        }
        let (messages, batches) = (batch.len(), batch.batches());
        let weight = weight(&batch);
        let data = match batch.data {
            Data::Raw(raw) if raw.only.is_some() => {
                records_of(Data::Raw(raw)).map_or_else(|data| data, Data::Records)
            }
            data => data,
        };
        let payload = match encoded(&data) {
            Ok(payload) => payload,
            Err(error) => return self.refuse(error.to_string(), outer).await,
        };
        let size = (payload.len() + RECORD_BYTES + SEGMENT_BYTES) as u64;
        if size > self.limit || payload.len() > PAYLOAD_MAX {
            let bytes = payload.len();
            let text = format!("a batch of {bytes} bytes exceeds the limit of the buffer");
            return self.refuse(text, outer).await;
        }
        self.wait_for_room(size, outer).await?;
        let answer = self.spool.append(payload).map_err(|_| SourceError::Stopped)?;
        let (sender, outcome) = flume::bounded(1);
        let (count, bytes) = self.landing.get();
        self.landing.set((count + 1, bytes + size));
        let landing = Landing { data, weight, size, messages, batches, answer, sender };
        self.landings.borrow_mut().push_back(landing);
        self.kept.changed.wake();
        let gone = |_| failed("the pipeline stopped");
        Ok(Emitted(Box::pin(async move { outcome.recv_async().await.unwrap_or_else(gone) })))
    }

    /// What can never be kept goes back to an input that can say so to others; any other input
    /// cannot go on, which is said again and again.
    async fn refuse(
        &self,
        text: String,
        outer: &Rc<dyn SourceContext>,
    ) -> Result<Emitted, SourceError> {
        if !self.retries {
            return Ok(settled(vec![(None, Arc::new(Fault::new(text)))]));
        }
        loop {
            outer.error(&text);
            let pause = std::pin::pin!(rt::sleep(RETRY_PAUSE));
            if let Either::Left(_) = select(outer.stopping(), pause).await {
                return Err(SourceError::Stopped);
            }
        }
    }

    async fn wait_for_room(
        &self,
        size: u64,
        outer: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let look = || match self.input_ended.get() {
            true => Some(Err(SourceError::Stopped)),
            false => self.has_room(size).then_some(Ok(())),
        };
        if let Some(room) = look() {
            return room;
        }
        let room = std::pin::pin!(self.kept.changed.until(look));
        let room = match select(outer.stopping(), room).await {
            Either::Left(_) => Err(SourceError::Stopped),
            Either::Right((room, _)) => room,
        };
        self.kept.pressed.set(false);
        room
    }

    fn has_room(&self, size: u64) -> bool {
        let Standing { used, low, next } = self.standing.get();
        let (count, bytes) = self.landing.get();
        if count > 0 && (bytes + size > LANDING_BYTES_MAX || self.failing.get()) {
            return false;
        }
        // What is there is removed at once when all of it is delivered.
        let fits = (low == next && count == 0) || used + bytes + size <= self.limit;
        if !fits && count == 0 && !self.kept.pressed.replace(true) {
            self.kept.changed.wake();
        }
        fits && count < LANDINGS_MAX
    }

    /// Waits for batches to be on disk, in order, until no more come.
    pub(super) async fn land(&self, outer: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        loop {
            let look = || match self.landings.borrow_mut().pop_front() {
                Some(landing) => Some(Some(landing)),
                None => self.input_ended.get().then_some(None),
            };
            let Some(mut landing) = self.kept.changed.until(look).await else { break };
            let gone = Err(StorageError::Stopped);
            let mut answer = landing.answer.recv_async().await.unwrap_or(gone);
            // What failed with others may fit alone, or there is room by now.
            let mut is_first = self.retries;
            while let Err(error) = &answer {
                if !matches!(error, StorageError::Io { .. }) {
                    return Err(SourceError::Fatal(error.to_string()));
                }
                self.failing.set(true);
                if !is_first {
                    outer.error(&error.to_string());
                    let pause = std::pin::pin!(rt::sleep(RETRY_PAUSE));
                    let is_over = !self.retries || outer.is_stopping();
                    if is_over || matches!(select(outer.stopping(), pause).await, Either::Left(_)) {
                        break;
                    }
                }
                is_first = false;
                answer = self.again(&mut landing).await;
            }
            self.failing.set(false);
            let (count, bytes) = self.landing.get();
            self.landing.set((count - 1, bytes - landing.size));
            match answer {
                Ok(appended) => self.took(landing, appended),
                Err(error) => drop(landing.sender.send(failed(&error.to_string()))),
            }
            self.kept.changed.wake();
        }
        self.landed.set(true);
        self.kept.changed.wake();
        Ok(())
    }

    async fn again(&self, landing: &mut Landing) -> Result<Appended, StorageError> {
        let payload = encoded(&landing.data).unwrap_or_default();
        landing.answer = self.spool.append(payload)?;
        landing.answer.recv_async().await.unwrap_or(Err(StorageError::Stopped))
    }

    /// A batch is on disk. It stays in memory when it is the next and there is room.
    fn took(&self, landing: Landing, appended: Appended) {
        let kept = &self.kept;
        self.stands(appended.standing);
        self.landed_to.set(appended.sequence + 1);
        kept.received.add(landing.messages as u64);
        kept.batch_received.add(landing.batches as u64);
        let (_, next) = self.fed.get();
        let has_room = kept.bytes.get() + landing.weight <= kept.limit && self.is_within(next);
        if next == appended.sequence && has_room {
            self.fed.set((appended.end, next + 1));
            self.hand_on(next, landing.data, landing.weight, landing.messages);
        }
        let _ = landing.sender.send(Outcome::default()); // whoever sent it need not listen
    }

    fn hand_on(&self, number: u64, data: Data, bytes: usize, messages: usize) {
        let kept = &self.kept;
        kept.bytes.set(kept.bytes.get() + bytes);
        let claims = Claims::one(number, messages);
        let waiting = Waiting { data, bytes, since: rt::now(), claims };
        kept.batches.borrow_mut().push_back(waiting);
    }

    fn stands(&self, standing: Standing) {
        self.standing.set(standing);
        self.size.set(standing.used as f64);
    }

    /// Whether the log remembers that a record is delivered before those in front of it are.
    fn is_within(&self, number: u64) -> bool {
        number - self.standing.get().low.min(number) < WINDOW_MAX
    }

    /// Reads what is on disk and not in memory, when there is room, to its end.
    pub(super) async fn feed(&self) -> Result<(), SourceError> {
        loop {
            match self.kept.changed.until(|| self.turn()).await {
                Turn::Halted => return Ok(()),
                Turn::Over => {
                    self.kept.ended.set(true);
                    self.kept.changed.wake();
                    return Ok(());
                }
                Turn::Read(place, number) => self.read(place, number).await?,
            }
        }
    }

    fn turn(&self) -> Option<Turn> {
        let ((place, number), kept) = (self.fed.get(), &self.kept);
        if kept.halted.get() {
            Some(Turn::Halted)
        } else if number < self.landed_to.get() {
            let has_room = kept.bytes.get() <= kept.limit / 2 && self.is_within(number);
            has_room.then_some(Turn::Read(place, number))
        } else {
            self.landed.get().then_some(Turn::Over)
        }
    }

    async fn read(&self, place: Place, number: u64) -> Result<(), SourceError> {
        let fatal = |error: StorageError| SourceError::Fatal(error.to_string());
        let chunk = self.spool.read(place, number, READ_BYTES).await.map_err(fatal)?;
        for (number, payload) in &chunk.records {
            let is_old = *number < self.standing.get().low;
            if self.acked.borrow_mut().remove(number) || is_old {
                continue;
            }
            let data = stored::decode(payload);
            let data = data.map_err(|e| SourceError::Fatal(format!("record {number}: {e}")))?;
            let batch = Batch::new(data);
            let (bytes, messages) = (weight(&batch), batch.len());
            self.hand_on(*number, batch.data, bytes, messages);
        }
        self.fed.set((chunk.place, chunk.next));
        self.kept.changed.wake();
        Ok(())
    }

    /// Has the log take note of what is delivered.
    pub(super) async fn settle(&self, outer: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        loop {
            let look = || match self.kept.delivered.take() {
                list if !list.is_empty() => Some(list),
                // The last ones were noted before.
                none => self.drained.get().then_some(none),
            };
            let delivered = self.kept.changed.until(look).await;
            if delivered.is_empty() {
                return Ok(());
            }
            match self.spool.acked(delivered).await {
                Ok(standing) => self.stands(standing),
                Err(error @ StorageError::Stopped) => {
                    return Err(SourceError::Fatal(error.to_string()));
                }
                // It is noted with the next ones, or delivered again after a restart.
                Err(error) => outer.error(&error.to_string()),
            }
            self.kept.changed.wake();
        }
    }
}

fn encoded(data: &Data) -> Result<Vec<u8>, StoredError> {
    let mut payload = Vec::new();
    stored::encode(data, &mut payload)?;
    Ok(payload)
}

/// The outcome of what could not be kept.
fn failed(text: &str) -> Outcome {
    Outcome { failures: vec![(None, Arc::new(Fault::new(text)))], replies: Vec::new() }
}

#[cfg(test)]
mod tests {
    use rt::testing::TempDir;

    use super::super::{made, tests::config};
    use super::*;
    use crate::testing::{TestEnv, both_modes};

    #[test]
    fn what_is_on_its_way_to_the_disk_is_bounded_in_bytes_and_in_number() {
        both_modes(|| async {
            let dir = TempDir::new().expect("a directory");
            let buffer = made(&config(&dir, 1, 1 << 30), &TestEnv::new()).expect("a buffer");
            let log = buffer.open().await.expect("a log");
            log.landing.set((1, LANDING_BYTES_MAX - 10));
            assert!(log.has_room(10) && !log.has_room(11));
            log.landing.set((LANDINGS_MAX - 1, 0));
            assert!(log.has_room(10));
            log.landing.set((LANDINGS_MAX, 0));
            assert!(!log.has_room(10));
            log.landing.set((0, 0));
            assert!(log.has_room(LANDING_BYTES_MAX + 1), "a single one may be larger");
            // A record so far behind the first that is not delivered waits on disk.
            let Standing { low, .. } = log.standing.get();
            assert!(log.is_within(low + WINDOW_MAX - 1) && !log.is_within(low + WINDOW_MAX));
            log.close().await.expect("closed");
        });
    }
}
