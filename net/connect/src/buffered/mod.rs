//! What buffers share: batches that wait to be handed on, gathered by a policy where that is
//! wanted, and what becomes of them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::env::{Counter, Timing};
use plan::{Batch, BuildError, Data, Emitted, Env, Fault, Outcome, SourceContext, SourceError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::{self, Policy};
use crate::signal::Signal;

mod claims;
mod gather;

pub(crate) use claims::Claims;
use gather::Gather;

/// Batches that are on their way through the pipeline at once.
pub(crate) const IN_FLIGHT_MAX: usize = 1024;
/// Batches that an input may emit before others get their turn.
pub(crate) const BURST_MAX: u32 = 32;
/// Bytes that a message counts for besides its content.
pub(crate) const MESSAGE_BYTES: usize = 128;

/// A policy that may be switched off.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-part" = policy::PART))]
#[serde(default)]
pub struct BatchPolicy {
    /// Whether messages are gathered.
    pub(crate) enabled: bool,
    #[serde(flatten)]
    policy: policy::Config,
}

/// What is kept, and counts of it.
pub(crate) struct Kept {
    pub(crate) limit: usize,
    /// Whether what is not handed on at a stop is kept elsewhere.
    is_durable: bool,
    pub(crate) batches: RefCell<VecDeque<Waiting>>,
    /// Bytes of what waits and of what is on its way.
    pub(crate) bytes: Cell<usize>,
    /// Whether nothing more comes.
    pub(crate) ended: Cell<bool>,
    /// Whether nothing more is handed on, although there may be something.
    pub(crate) halted: Cell<bool>,
    /// Whether what is gathered is handed on early, because nothing more has room before.
    pub(crate) pressed: Cell<bool>,
    /// Numbers of batches that are delivered, where they have some.
    pub(crate) delivered: RefCell<Vec<u64>>,
    pub(crate) changed: Signal,
    /// What gathers messages on their way out, where that is wanted.
    gather: Option<Gather>,
    /// Batches that nothing gathers: each is complete as it came.
    created: Counter,
    pub(crate) received: Counter,
    pub(crate) batch_received: Counter,
    sent: Counter,
    batch_sent: Counter,
    latency: Timing,
}

/// A batch that waits.
pub(crate) struct Waiting {
    pub(crate) data: Data,
    pub(crate) bytes: usize,
    pub(crate) since: rt::Nanos,
    /// What its messages are known by, where they are.
    pub(crate) claims: Claims,
}

/// Something on its way, with the numbers of its messages and batches.
struct OnTheWay {
    emitted: Emitted,
    messages: usize,
    batches: usize,
}

/// Bytes that a batch takes while it is kept, about.
pub(crate) fn weight(batch: &Batch) -> usize {
    batch.payload_bytes() + batch.len() * MESSAGE_BYTES
}

/// An outcome that is known.
pub(crate) fn settled(failures: Vec<(Option<u32>, Arc<Fault>)>) -> Emitted {
    let outcome = Outcome { failures, replies: Vec::new() };
    Emitted(Box::pin(std::future::ready(outcome)))
}

impl Kept {
    /// Nothing yet.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub(crate) fn build(
        limit: usize,
        batch_policy: &BatchPolicy,
        is_durable: bool,
        env: &dyn Env,
    ) -> Result<Rc<Self>, BuildError> {
        let BatchPolicy { enabled, policy } = batch_policy;
        let active = policy.count > 0 || !policy.is_noop();
        if *enabled && !active {
            return Err(BuildError::new("batch policy must have at least one active trigger"));
        }
        let (meters, policy) = (env.meters(""), Policy::build(policy, env)?);
        let counter = |name: &str| meters.counter(name, &[]);
        Ok(Rc::new(Kept {
            limit,
            is_durable,
            batches: RefCell::default(),
            bytes: Cell::new(0),
            ended: Cell::new(false),
            halted: Cell::new(false),
            pressed: Cell::new(false),
            delivered: RefCell::default(),
            changed: Signal::default(),
            created: policy.by_count(),
            gather: enabled.then(|| Gather::new(policy)),
            received: counter("buffer_received"),
            batch_received: counter("buffer_batch_received"),
            sent: counter("buffer_sent"),
            batch_sent: counter("buffer_batch_sent"),
            latency: meters.timing("buffer_latency_ns", &[]),
        }))
    }

    /// Forgets everything: what is kept elsewhere is read anew.
    pub(crate) fn reset(&self) {
        self.batches.borrow_mut().clear();
        self.delivered.borrow_mut().clear();
        self.bytes.set(0);
        self.ended.set(false);
        self.halted.set(false);
        if let Some(gather) = &self.gather {
            drop(gather.take());
        }
    }

    /// Hands on what is kept until nothing is left and nothing more comes. What is refused takes
    /// the first place again.
    pub(crate) async fn drain(&self, outer: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mut on_the_way = FuturesUnordered::new();
        loop {
            let full = on_the_way.len() >= IN_FLIGHT_MAX;
            let next =
                async { if full { std::future::pending().await } else { self.next().await } };
            let next = std::pin::pin!(next);
            let waiting = if on_the_way.is_empty() {
                next.await
            } else {
                match select(next, on_the_way.next()).await {
                    Either::Left((waiting, _)) => waiting,
                    Either::Right(_) => continue,
                }
            };
            match waiting {
                Some(waiting) => match self.send(outer, &waiting).await {
                    Ok(parts) => on_the_way.push(self.sent(parts, waiting)),
                    Err(SourceError::Stopped) if self.is_durable => self.halted.set(true),
                    Err(error) => return Err(error),
                },
                None if on_the_way.is_empty() => return Ok(()),
                None => drop(on_the_way.next().await),
            }
        }
    }

    /// What is handed on next; nothing when nothing is left and nothing more comes. Given up in
    /// the middle, it loses nothing.
    async fn next(&self) -> Option<Waiting> {
        let Some(gather) = &self.gather else {
            return self.changed.until(|| self.take()).await;
        };
        loop {
            if self.halted.get() {
                return None;
            }
            while let Some(waiting) = self.pop() {
                let gathered = gather.add(waiting);
                if let Some(rest) = gathered.rest {
                    self.batches.borrow_mut().push_front(rest);
                }
                if gathered.complete.is_some() {
                    return gathered.complete;
                }
            }
            if self.ended.get() {
                return gather.take();
            }
            if self.pressed.get()
                && let Some(early) = gather.take()
            {
                return Some(early);
            }
            let look = || {
                let early = self.pressed.get() && gather.is_open();
                let over = self.ended.get() || self.halted.get() || early;
                (over || !self.batches.borrow().is_empty()).then_some(())
            };
            let changed = self.changed.until(look);
            match gather.left() {
                None => changed.await,
                Some(left) => {
                    if rt::timeout(left, changed).await.is_err() {
                        return gather.over();
                    }
                }
            }
        }
    }

    fn pop(&self) -> Option<Waiting> {
        self.batches.borrow_mut().pop_front()
    }

    /// What waits first; `Some(None)` when nothing is left and nothing more comes.
    fn take(&self) -> Option<Option<Waiting>> {
        if self.halted.get() {
            return Some(None);
        }
        match self.pop() {
            Some(waiting) => Some(Some(waiting)),
            None => self.ended.get().then_some(None),
        }
    }

    /// Hands something on.
    async fn send(
        &self,
        outer: &Rc<dyn SourceContext>,
        waiting: &Waiting,
    ) -> Result<Vec<OnTheWay>, SourceError> {
        let whole = Batch::new(waiting.data.clone());
        let batches = match &self.gather {
            Some(gather) => {
                let made = gather.policy.chain.run(whole).await;
                made.map_err(|error| SourceError::Fatal(error.0))?
            }
            None => {
                self.created.add(whole.batches() as u64);
                vec![whole]
            }
        };
        let mut parts = Vec::with_capacity(batches.len());
        for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
            let (messages, batches) = (batch.len(), batch.batches());
            let emitted = match self.is_durable {
                true => outer.emit(batch).await?,
                false => outer.emit_kept(batch).await?,
            };
            parts.push(OnTheWay { emitted, messages, batches });
        }
        Ok(parts)
    }

    /// Waits until something was delivered; what was refused takes the first place again.
    async fn sent(&self, parts: Vec<OnTheWay>, mut waiting: Waiting) {
        // A message is known again by its place, unless processors have changed the places.
        let exact = self.gather.as_ref().is_none_or(|gather| gather.policy.chain.is_empty());
        let mut whole = Outcome::default();
        let mut delivered = 0;
        for OnTheWay { emitted, messages, batches } in parts {
            let outcome = emitted.outcome().await;
            let refused = match outcome.failures.iter().any(|(tag, _)| tag.is_none()) {
                true => messages,
                false => outcome.failures.len().min(messages),
            };
            if refused < messages {
                delivered += messages - refused;
                self.batch_sent.add(batches.saturating_sub(refused).max(1) as u64);
            }
            let failures = outcome.failures.into_iter();
            whole.failures.extend(failures.map(|(tag, fault)| (tag.filter(|_| exact), fault)));
        }
        if delivered > 0 {
            self.sent.add(delivered as u64);
            let ns = rt::now().since(waiting.since).as_nanos() as u64;
            self.latency.record(ns, delivered as u64);
        }
        let before = self.bytes.get() - waiting.bytes;
        if whole.is_ok() {
            self.bytes.set(before);
            waiting.claims.delivered(&self.delivered);
        } else {
            if let Data::Records(_) = waiting.data {
                waiting.claims.keep_refused(&whole, &self.delivered);
            }
            let batch = Batch::new(crate::nested::refused(waiting.data, &whole));
            let bytes = weight(&batch);
            self.bytes.set(before + bytes);
            waiting = Waiting { data: batch.data, bytes, ..waiting };
            rt::sleep(crate::nested::REPLAY_PAUSE).await;
            self.batches.borrow_mut().push_front(waiting);
        }
        self.changed.wake();
    }
}
