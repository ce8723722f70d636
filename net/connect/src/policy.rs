//! Batching: messages gathered until there are enough, or the time is over.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::env::Counter;
use plan::fields::{Duration, Processor, Query};
use plan::{Batch, BuildError, Env, Expr, Fault, Form, Meters, Record, SinkError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::chain::Chain;
use crate::compose::part::Part;
use crate::signal::Signal;

/// The part of a component that its policy is, in paths.
pub(crate) const PART: &str = "batching";

/// Writes under way at once when messages are gathered into batches.
pub const GATHERED_MAX: usize = 4096;

/// When a batch is complete; the first condition that holds counts.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-part" = PART))]
#[serde(default)]
pub struct Config {
    /// Messages after which a batch is complete; 0: no limit.
    pub count: usize,
    /// Bytes after which a batch is complete; 0: no limit.
    pub byte_size: u64,
    /// Time after the first message after which a batch is complete; empty: no limit.
    pub period: String,
    /// A message for which this holds completes its batch.
    pub check: Query,
    /// Processors of complete batches.
    #[schemars(extend("advanced" = true))]
    pub processors: Vec<Processor>,
}

impl Config {
    /// Whether nothing is gathered.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.count <= 1 && self.byte_size == 0 && self.period.is_empty() && self.check.is_empty()
    }
}

/// Decides when a batch is complete.
pub struct Policy {
    count: usize,
    byte_size: u64,
    period: Option<Time>,
    check: RefCell<Option<Box<dyn Expr>>>,
    /// What complete batches go through.
    pub chain: Chain,
    messages: Cell<usize>,
    bytes: Cell<u64>,
    /// Whether what is gathered is complete.
    full: Cell<bool>,
    created: Created,
}

/// Batches by what completed them.
struct Created {
    count: Counter,
    size: Counter,
    check: Counter,
    period: Counter,
}

impl Created {
    fn new(meters: &dyn Meters) -> Self {
        let counter = |mechanism| meters.counter("batch_created", &[("mechanism", mechanism)]);
        Created {
            count: counter("count"),
            size: counter("size"),
            check: counter("check"),
            period: counter("period"),
        }
    }
}

impl Policy {
    /// Builds a policy.
    ///
    /// # Errors
    /// What is wrong with its options.
    pub fn build(config: &Config, env: &dyn Env) -> Result<Self, BuildError> {
        let period = match config.period.as_str() {
            "" => None,
            text => {
                let parsed = Duration::parse(text);
                let parsed = parsed.map_err(|e| {
                    BuildError::new(format!("failed to parse duration string: {e}"))
                })?;
                Some(Time::from_nanos(parsed.wait_ns())).filter(|period| !period.is_zero())
            }
        };
        let check = match config.check.is_empty() {
            true => None,
            false => Some(env.expr(&config.check.0, Form::Query)?),
        };
        Ok(Policy {
            count: config.count,
            byte_size: config.byte_size,
            period,
            check: RefCell::new(check),
            chain: Chain::build(&config.processors, env)?,
            messages: Cell::new(0),
            bytes: Cell::new(0),
            full: Cell::new(false),
            created: Created::new(&*env.meters(PART)),
        })
    }

    /// Where batches are counted that a number of messages completes.
    pub(crate) fn by_count(&self) -> Counter {
        self.created.count.clone()
    }

    /// How long the first message of a batch waits at most.
    #[must_use]
    pub fn period(&self) -> Option<Time> {
        self.period
    }

    /// Counts message `index` of a batch; true when what is gathered is complete with it. What
    /// users see as one batch is not taken apart.
    pub fn add(&self, batch: &Batch, index: usize) -> bool {
        let Some(records) = batch.as_records() else { return false };
        let mut scratch = Vec::new();
        self.messages.set(self.messages.get() + 1);
        self.bytes.set(self.bytes.get() + records.bytes(index, &mut scratch).len() as u64);
        if !self.full.get()
            && let Some(created) = self.completes(batch, index)
        {
            created.add(1);
            self.full.set(true);
        }
        let complete = self.full.get() && records.ends_batch(index);
        if complete {
            self.reset();
        }
        complete
    }

    /// What makes the gathered messages complete, if they are.
    fn completes(&self, batch: &Batch, index: usize) -> Option<&Counter> {
        if self.count > 0 && self.messages.get() >= self.count {
            return Some(&self.created.count);
        }
        if self.byte_size > 0 && self.bytes.get() >= self.byte_size {
            return Some(&self.created.size);
        }
        self.checks(batch, index).then_some(&self.created.check)
    }

    /// The time of what is gathered is over, which makes it complete.
    pub fn over(&self) {
        self.created.period.add(1);
        self.reset();
    }

    /// Forgets what was counted: what is gathered is handed on.
    pub fn reset(&self) {
        self.messages.set(0);
        self.bytes.set(0);
        self.full.set(false);
    }

    fn checks(&self, batch: &Batch, index: usize) -> bool {
        let mut check = self.check.borrow_mut();
        let Some(check) = &mut *check else { return false };
        let one = Part::of(batch, &[index]);
        let mut mask = Vec::new();
        check.test(&one, &mut mask).is_ok() && matches!(mask.first(), Some(Ok(true)))
    }
}

/// The outcome of one message of a gathered batch, known once the batch was delivered.
type Outcome = Result<(), Arc<Fault>>;

/// A batch that is being gathered, or was and is on its way.
#[derive(Default)]
struct Gathered {
    /// The messages, with bodies of their own.
    recs: RefCell<Vec<Record>>,
    /// What became of each message.
    outcomes: RefCell<Option<Vec<Outcome>>>,
    complete: Cell<bool>,
    begun: Cell<Option<rt::Nanos>>,
}

/// Gathers the messages of several writes into batches and delivers those.
pub struct Batcher {
    policy: Policy,
    open: RefCell<Rc<Gathered>>,
    queue: RefCell<VecDeque<Rc<Gathered>>>,
    delivering: Cell<bool>,
    changed: Signal,
}

impl Batcher {
    /// A batcher, unless the policy gathers nothing.
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn build(config: &Config, env: &dyn Env) -> Result<Option<Self>, BuildError> {
        if config.is_noop() && config.processors.is_empty() {
            return Ok(None);
        }
        let mut config = config.clone();
        if config.is_noop() {
            config.count = 1; // each message is a batch that goes through the processors
        }
        Ok(Some(Batcher {
            policy: Policy::build(&config, env)?,
            open: RefCell::default(),
            queue: RefCell::default(),
            delivering: Cell::new(false),
            changed: Signal::default(),
        }))
    }

    fn complete(&self) {
        let done = self.open.take();
        done.complete.set(true);
        self.queue.borrow_mut().push_back(done);
        self.changed.wake();
    }

    /// Adds the messages of a batch; returns where each one is.
    fn gather(&self, batch: &Batch) -> Vec<(Rc<Gathered>, usize)> {
        let Some(records) = batch.as_records() else { return Vec::new() };
        let mut places = Vec::new();
        let mut scratch = Vec::new();
        for index in 0..records.recs.len() {
            let Some(record) = records.recs.get(index) else { break };
            let mut record = record.clone();
            if let plan::Body::Range { .. } = record.body {
                // Blocks of several writes come together: each message takes its bytes along.
                let bytes = records.bytes(index, &mut scratch).to_vec();
                record.body = plan::Body::Own(Arc::new(bytes));
            }
            let open = Rc::clone(&self.open.borrow());
            if open.begun.get().is_none() {
                open.begun.set(Some(rt::now()));
            }
            let at = open.recs.borrow().len();
            record.origin = plan::Origin { ack: 0, tag: at as u32 };
            open.recs.borrow_mut().push(record);
            places.push((open, at));
            if self.policy.add(batch, index) {
                self.complete();
            }
        }
        places
    }

    /// Delivers what is complete, in order, by `write`; one writer works for all.
    async fn drain<W: AsyncFn(&Batch) -> Result<(), SinkError>>(&self, write: &W) {
        if self.delivering.replace(true) {
            return;
        }
        struct Done<'a>(&'a Batcher);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.delivering.set(false);
                self.0.changed.wake();
            }
        }
        let _done = Done(self);
        loop {
            let next = self.queue.borrow().front().cloned();
            let Some(next) = next else { return };
            let outcomes = self.send(&next, write).await;
            *next.outcomes.borrow_mut() = Some(outcomes);
            self.queue.borrow_mut().pop_front();
            self.changed.wake();
        }
    }

    async fn send<W: AsyncFn(&Batch) -> Result<(), SinkError>>(
        &self,
        gathered: &Gathered,
        write: &W,
    ) -> Vec<Outcome> {
        let recs = gathered.recs.borrow().clone();
        let mut outcomes: Vec<Outcome> = recs.iter().map(|_| Ok(())).collect();
        let whole = Batch::records(plan::Records { recs, ..plan::Records::default() });
        let batches = match self.policy.chain.run(whole).await {
            Ok(batches) => batches,
            Err(error) => {
                let fault = Arc::new(Fault::new(error.0));
                return outcomes.iter().map(|_| Err(Arc::clone(&fault))).collect();
            }
        };
        for batch in batches {
            let failed = match write(&batch).await {
                Ok(()) => continue,
                Err(SinkError::Some(failed)) => failed,
                Err(
                    SinkError::All(fault)
                    | SinkError::Refused(fault)
                    | SinkError::NotConnected(fault),
                ) => (0..batch.len().max(1)).map(|i| (i, Arc::clone(&fault))).collect(),
            };
            for (index, fault) in failed {
                let origin = batch.as_records().and_then(|r| r.recs.get(index)).map(|r| r.origin);
                let one = origin.and_then(|o| usize::try_from(o.tag).ok());
                match one.and_then(|at| outcomes.get_mut(at)) {
                    Some(outcome) => *outcome = Err(fault),
                    None => outcomes.iter_mut().for_each(|o| *o = Err(Arc::clone(&fault))),
                }
            }
        }
        outcomes
    }

    /// Gathers a batch with others and waits until all of its messages were delivered by `write`.
    ///
    /// # Errors
    /// The messages that were not.
    pub async fn deliver<W: AsyncFn(&Batch) -> Result<(), SinkError>>(
        &self,
        batch: &Batch,
        write: W,
    ) -> Result<(), SinkError> {
        if batch.as_records().is_none() {
            return write(batch).await;
        }
        let places = self.gather(batch);
        for (gathered, _) in &places {
            self.wait(gathered, &write).await;
        }
        let failed: Vec<_> = places
            .iter()
            .enumerate()
            .filter_map(|(index, (gathered, at))| {
                let outcomes = gathered.outcomes.borrow();
                let outcome = outcomes.as_ref()?.get(*at)?.clone();
                outcome.err().map(|fault| (index, fault))
            })
            .collect();
        if failed.is_empty() { Ok(()) } else { Err(SinkError::Some(failed)) }
    }

    /// Waits until a gathered batch was delivered, and lends a hand.
    async fn wait<W: AsyncFn(&Batch) -> Result<(), SinkError>>(
        &self,
        gathered: &Rc<Gathered>,
        write: &W,
    ) {
        loop {
            if gathered.outcomes.borrow().is_some() {
                return;
            }
            if !self.delivering.get() && !self.queue.borrow().is_empty() {
                self.drain(write).await;
                continue;
            }
            let changed = self.changed.until(|| {
                let done = gathered.outcomes.borrow().is_some();
                let idle = !self.delivering.get() && !self.queue.borrow().is_empty();
                (done || idle).then_some(())
            });
            let due = match (gathered.complete.get(), self.policy.period()) {
                (false, Some(period)) => gathered.begun.get().map(|begun| begun + period),
                _ => None,
            };
            let Some(due) = due else {
                changed.await;
                continue;
            };
            let left = due.since(rt::now());
            if rt::timeout(left, changed).await.is_err() && !gathered.complete.get() {
                self.policy.over();
                self.complete();
            }
        }
    }
}
