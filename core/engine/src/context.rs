//! What a running source gets: room in the budget, an ack for each batch, and the word to stop.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use formats::k::K;
use futures_util::future::{Either, LocalBoxFuture, select};
use plan::{
    Ack, Acks, Batch, Data, Emitted, Origin, SourceContext, SourceError, one_by_one, value_bytes,
};

use crate::acks::Homing;
use crate::body::Ways;
use crate::connections::Connections;
use crate::ledger::{Entry, Ledger, outcome};
use crate::parallel::Intake;
use crate::several::Several;
use crate::stop::Flag;

/// Pause before asking again when the process as a whole has too much on the way.
const PROCESS_FULL_PAUSE: Duration = Duration::from_millis(1);
/// Batches a source may emit before other tasks of its shard get a turn.
const BURST_MAX: u32 = 32;

/// The context of one source of one instance.
pub(crate) struct Context {
    source: usize,
    replays: bool,
    instance: (usize, usize),
    ledger: Ledger,
    homing: Homing,
    intake: Rc<Intake>,
    pub(crate) stop: Flag,
    connections: Rc<Connections>,
    /// Where rounds of the source are counted: whether one has begun already.
    round: Option<bool>,
    so_far: SoFar,
}

/// What a source has done since it was started the last time.
#[derive(Default)]
struct SoFar {
    burst: Cell<u32>,
    last_error: RefCell<String>,
    was_up: Cell<bool>,
}

impl Context {
    pub(crate) fn new(source: usize, replays: bool, ways: &Ways) -> Self {
        Context {
            source,
            replays,
            instance: ways.instance,
            ledger: ways.ledger.clone(),
            homing: ways.homing.clone(),
            intake: Rc::clone(&ways.intake),
            // Not the lines to the parts: a source must not keep those alive.
            stop: ways.stop.flag.clone(),
            connections: Rc::clone(&ways.connections),
            round: ways.holders.again(source),
            so_far: SoFar::default(),
        }
    }

    /// The source is started.
    pub(crate) fn started(&self) {
        self.so_far.was_up.set(false);
    }

    /// Takes note of why a source will be started again: it could not connect, or could not go on.
    pub(crate) fn interrupted(&self, text: &str) {
        if self.so_far.was_up.get() {
            return self.error(text);
        }
        self.ledger.add_error();
        self.connections.failed(self.source, text);
    }

    /// Waits for room for so many bytes; what was read before a stop gets some during it, too.
    async fn room(&self, bytes: usize, kept: bool) -> Result<(), SourceError> {
        loop {
            let room = std::pin::pin!(self.ledger.reserve(bytes));
            let stop = std::pin::pin!(async {
                match kept {
                    true => std::future::pending().await,
                    false => self.stop.wait().await,
                }
            });
            match select(stop, room).await {
                Either::Left(_) => return Err(SourceError::Stopped),
                Either::Right((true, _)) => return Ok(()),
                Either::Right((false, _)) => rt::sleep(PROCESS_FULL_PAUSE).await,
            }
        }
    }

    /// Takes a batch.
    async fn take(&self, mut batch: Batch, kept: bool) -> Result<Emitted, SourceError> {
        let bytes = batch.payload_bytes().max(1);
        self.room(bytes, kept).await?;
        batch.born_ns = rt::now().0;
        if let Data::Records(records) = &mut batch.data {
            for (record, tag) in records.recs.iter_mut().zip(0..) {
                record.origin = Origin { ack: 0, tag };
            }
        }
        let keep = self.replays.then(|| batch.data.clone());
        let (id, slot) = self.ledger.enter(self.source, Entry::of(&batch, bytes), keep);
        batch.acks = Acks::one(Ack::new(Arc::new(self.homing.clone()), id));
        self.intake.accept(self.source, id, batch);
        self.turn().await;
        Ok(Emitted(Box::pin(outcome(slot))))
    }

    /// Takes values that are batches of their own and have one outcome.
    async fn take_each(&self, values: Vec<K>) -> Result<Emitted, SourceError> {
        let bytes = values.iter().map(|value| value_bytes(value).max(1)).sum();
        self.room(bytes, false).await?;
        let born_ns = rt::now().0;
        let events = values.iter().map(|value| value.len() as u64).sum();
        let entry = Entry { events, batches: values.len() as u64, bytes, born_ns };
        let (id, slot) = self.ledger.enter(self.source, entry, None);
        let acks = Acks::one(Ack::new(Arc::new(self.homing.clone()), id));
        self.intake.accept_each(self.source, id, Several::new(values, acks, born_ns));
        self.turn().await;
        Ok(Emitted(Box::pin(outcome(slot))))
    }

    /// Leaves the shard to others now and then.
    async fn turn(&self) {
        let burst = self.so_far.burst.get() + 1;
        self.so_far.burst.set(burst % BURST_MAX);
        if burst == BURST_MAX {
            rt::yield_now().await;
        }
    }
}

impl SourceContext for Context {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.take(batch, false))
    }

    fn emit_kept(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.take(batch, true))
    }

    fn emit_each(&self, values: Vec<K>) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        // What is sent again is sent again alone, and what is spread goes to whoever is free.
        match values.len() > 1 && !self.replays && !self.intake.spreads(self.source) {
            true => Box::pin(self.take_each(values)),
            false => Box::pin(one_by_one(self, values)),
        }
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        let stop = self.stop.clone();
        Box::pin(async move { stop.wait().await })
    }

    fn is_stopping(&self) -> bool {
        self.stop.is_set()
    }

    fn connected(&self, up: bool) {
        let SoFar { was_up, last_error, .. } = &self.so_far;
        was_up.set(was_up.get() || up);
        let error = if up { String::new() } else { last_error.borrow().clone() };
        self.connections.set(self.source, up, &error);
    }

    fn goes_on(&self) -> bool {
        self.round == Some(true)
    }

    fn round_ended(&self) -> LocalBoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async {
            match self.round {
                // Also during a stop: the round is over.
                Some(_) => self.take(Batch::end_of_round(), true).await.map(drop),
                None => Ok(()),
            }
        })
    }

    fn error(&self, text: &str) {
        self.ledger.add_error();
        text.clone_into(&mut self.so_far.last_error.borrow_mut());
        self.connections.log_error(self.source, &format!("Failed to read message: {text}"));
    }

    fn instance(&self) -> (usize, usize) {
        self.instance
    }
}
