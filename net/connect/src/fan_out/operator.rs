//! Operator `fan_out`: hands what passes it to other pipelines of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flume::{Receiver, TrySendError};
use futures_util::future::{Either, select};
use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, End, Env, Example, Json, Operator, OperatorError, OperatorSpec, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CLOSING, HOLD_MS, Item, MEET_MAX, RECEIVERS_MAX, Seat, Share, hand_on};

/// How often it is looked whether a receiver delivers anything, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Hands what passes it to every `fan_out` source of the same name, and lets it pass.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name under which others receive.
    pub name: String,
    /// Who must have come before anything is handed on, by the names that receivers give
    /// themselves. Those who have not come after ten seconds are not waited for.
    #[serde(default)]
    pub expects: Vec<String>,
    /// The pipeline, when it has several of these: who receives from one of them waits for who
    /// receives from another. Its own name by default.
    #[serde(default)]
    pub group: String,
    /// Milliseconds for which a receiver may deliver nothing of what it has while there are others
    /// in the group. Then it is passed over from now on, and told so.
    #[serde(default = "hold_ms")]
    pub hold_ms: u64,
    /// The same for receivers that hand everything on to others: longer, so that those see first
    /// who of them holds all up.
    #[serde(default = "relay_hold_ms")]
    pub relay_hold_ms: u64,
}

fn hold_ms() -> u64 {
    HOLD_MS
}

fn relay_hold_ms() -> u64 {
    2 * HOLD_MS
}

/// A receiver and how it gets on.
struct Place {
    seat: Seat,
    sent: u64,
    /// What it had resolved when somebody looked, and since when it is no more than that.
    resolved: u64,
    since: rt::Nanos,
}

impl Place {
    fn new(seat: Seat) -> Self {
        Place { seat, sent: 0, resolved: 0, since: rt::now() }
    }

    fn owes(&self) -> bool {
        self.sent > self.seat.resolved.load(Ordering::Relaxed)
    }

    /// Whether it has delivered nothing for too long.
    fn is_stuck(&mut self, limits: &Limits) -> bool {
        let resolved = self.seat.resolved.load(Ordering::Relaxed);
        if resolved != self.resolved || self.sent <= resolved || limits.is_alone() {
            (self.resolved, self.since) = (resolved, rt::now());
        }
        rt::now().since(self.since) >= limits.of(&self.seat)
    }

    /// Waits until it takes an item; why it does not.
    async fn give(&self, item: Item, limits: &Limits) -> Result<(), Refused> {
        let mut sent = std::pin::pin!(self.seat.items.send_async(item));
        let mut gone = std::pin::pin!(self.seat.there.recv_async());
        loop {
            // Who comes while it is waited for, waits, too.
            let alone = limits.is_alone();
            match rt::timeout(limits.of(&self.seat), select(&mut sent, &mut gone)).await {
                Ok(Either::Left((Ok(()), _))) => return Ok(()),
                Ok(_) => return Err(Refused::Gone),
                Err(_) if alone => {}
                Err(_) => return Err(Refused::Stuck),
            }
        }
    }
}

/// How long receivers may hold up others.
struct Limits {
    hold: Duration,
    relay_hold: Duration,
    /// How many receivers the group has.
    receivers: Arc<AtomicUsize>,
}

impl Limits {
    /// Whether there is nobody else who would have to wait.
    fn is_alone(&self) -> bool {
        self.receivers.load(Ordering::Relaxed) <= 1
    }

    fn of(&self, seat: &Seat) -> Duration {
        if seat.relays { self.relay_hold } else { self.hold }
    }
}

/// Why a receiver gets no more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    Gone,
    Stuck,
}

struct FanOut {
    name: String,
    expects: Vec<String>,
    limits: Limits,
    joins: Receiver<Seat>,
    places: Vec<Place>,
    /// When to look again how receivers get on.
    look_ns: Option<u64>,
    /// Set when the process ends.
    closing: &'static AtomicBool,
}

impl FanOut {
    fn new(config: Config, closing: &'static AtomicBool) -> Result<FanOut, BuildError> {
        let Config { name, expects, group, hold_ms, relay_hold_ms } = config;
        let group = if group.is_empty() { &name } else { &group };
        let (joins, receivers) = hand_on(&name, group).map_err(BuildError::new)?;
        let limits = Limits {
            hold: Duration::from_millis(hold_ms.max(1)),
            relay_hold: Duration::from_millis(relay_hold_ms.max(1)),
            receivers,
        };
        let places = Vec::new();
        Ok(FanOut { name, expects, limits, joins, places, look_ns: None, closing })
    }

    /// Takes those who have come.
    fn seat(&mut self) {
        while let Ok(seat) = self.joins.try_recv() {
            self.admit(seat);
        }
    }

    fn admit(&mut self, seat: Seat) {
        self.expects.retain(|who| *who != seat.who);
        if self.places.len() < RECEIVERS_MAX {
            return self.places.push(Place::new(seat));
        }
        let text = format!("{} has {RECEIVERS_MAX} receivers, and there may be no more", self.name);
        let _ = seat.refusal.try_send(text);
    }

    /// Waits for those who are expected.
    async fn meet(&mut self) {
        self.seat();
        let end = rt::now() + MEET_MAX;
        while !self.expects.is_empty() {
            match rt::timeout(end.since(rt::now()), self.joins.recv_async()).await {
                Ok(Ok(seat)) => self.admit(seat),
                _ => {
                    tracing::warn!(name = self.name, missing = ?self.expects, "Nobody came");
                    self.expects.clear();
                }
            }
        }
    }

    /// Passes a receiver over from now on.
    fn refuse(&self, place: &Place, why: Refused) {
        if why == Refused::Stuck {
            let text = format!(
                "nothing was delivered for {} ms while others that share the same chain waited",
                self.limits.of(&place.seat).as_millis()
            );
            tracing::warn!(name = self.name, who = place.seat.who, "A receiver is stuck: {text}");
            let _ = place.seat.refusal.try_send(text);
        }
    }

    /// Whether a receiver that has left wants what it misses when it is back, because it left when
    /// the process ends: then it keeps its place, and what it would get is not acknowledged.
    fn wants_it_later(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Hands a batch to all who take it at once; returns who does not yet.
    fn offer(&mut self, batch: &Batch) -> Vec<(usize, Item)> {
        let (mut waiting, mut kept) = (Vec::new(), Vec::new());
        for mut place in std::mem::take(&mut self.places) {
            let resolved = place.seat.resolved.clone();
            let share = Share::new(batch.acks.clone(), resolved, self.closing);
            if place.seat.there.is_disconnected() {
                kept.extend(self.wants_it_later().then_some(place));
                continue;
            }
            if !place.owes() {
                place.since = rt::now();
            }
            place.sent += 1;
            match place.seat.items.try_send(Item::Batch(batch.data.clone(), share)) {
                Ok(()) => {}
                Err(TrySendError::Full(item)) => waiting.push((kept.len(), item)),
                Err(TrySendError::Disconnected(_)) if self.wants_it_later() => {}
                Err(TrySendError::Disconnected(_)) => continue,
            }
            kept.push(place);
        }
        self.places = kept;
        waiting
    }

    /// Waits for those who did not take something at once.
    async fn wait_for(&mut self, waiting: Vec<(usize, Item)>) {
        let mut refused = Vec::new();
        for (at, item) in waiting {
            let Some(place) = self.places.get(at) else { continue };
            if let Err(why) = place.give(item, &self.limits).await {
                self.refuse(place, why);
                if why == Refused::Stuck || !self.wants_it_later() {
                    refused.push(at);
                }
            }
        }
        for at in refused.into_iter().rev() {
            self.places.remove(at);
        }
    }

    /// Looks how receivers get on, from now on.
    fn look_later(&mut self) {
        let owes = self.places.iter().any(Place::owes);
        let pause = u64::try_from(self.limits.hold.min(LOOK_EVERY).as_nanos()).unwrap_or(u64::MAX);
        self.look_ns = owes.then(|| rt::now().0.saturating_add(pause.max(1)));
    }

    async fn hand(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        self.meet().await;
        let waiting = self.offer(&batch);
        self.look_later();
        self.wait_for(waiting).await;
        out.push(batch);
        Ok(())
    }

    async fn end(&mut self) -> Result<(), OperatorError> {
        self.meet().await;
        let all = (0..self.places.len()).map(|at| (at, Item::End)).collect();
        self.wait_for(all).await;
        Ok(())
    }
}

impl Operator for FanOut {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn counted(&self) -> bool {
        false
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.seat();
        if !self.expects.is_empty() {
            return Step::Wait(Box::pin(self.hand(batch, out)));
        }
        let waiting = self.offer(&batch);
        if self.look_ns.is_none() {
            self.look_later();
        }
        out.push(batch);
        match waiting.is_empty() {
            true => Step::Done(Ok(())),
            false => Step::Wait(Box::pin(async move {
                self.wait_for(waiting).await;
                Ok(())
            })),
        }
    }

    fn on_end<'a>(&'a mut self, end: End, _: &'a mut Vec<Batch>) -> Step<'a> {
        match end {
            End::Drained => Step::Wait(Box::pin(self.end())),
            // Who receives is stopped by whoever stops this.
            End::Stopped | End::Suspended => Step::Done(Ok(())),
        }
    }

    fn due_ns(&self) -> Option<u64> {
        self.look_ns
    }

    fn on_time<'a>(&'a mut self, _: u64, _: &'a mut Vec<Batch>) -> Step<'a> {
        for mut place in std::mem::take(&mut self.places) {
            match place.is_stuck(&self.limits) {
                true => self.refuse(&place, Refused::Stuck),
                false => self.places.push(place),
            }
        }
        self.look_later();
        Step::Done(Ok(()))
    }
}

/// An operator for which the process ends when it is told so.
pub(super) fn build_with(
    config: &Json,
    closing: &'static AtomicBool,
) -> Result<Box<dyn Operator>, BuildError> {
    Ok(Box::new(FanOut::new(read_config(config)?, closing)?))
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    build_with(config, &CLOSING)
}

/// Registration.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "fan_out",
    since: "0.1.0",
    category: "utility",
    summary: "Hands what passes it to other pipelines of the process, too.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "under a name",
        config: r#"{"name":"shared-1-2"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
