//! `fan_out`: a pipeline hands what it has at some point to other pipelines of the process, each of
//! which goes its own way with it.
//!
//! ```text
//! source -> operators -> fan_out -> more operators     the pipeline that hands on
//!                          |  |
//!            fan_out source |  | fan_out source
//!                  v               v
//!              its sink        its sink                pipelines that receive
//! ```
//!
//! Receivers come and go while the pipeline runs. A batch is acknowledged to its source when all
//! who got it have delivered it. A receiver that goes away resolves what it still has: the others
//! neither wait for it nor get anything twice.

pub mod input;
pub mod operator;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use flume::{Receiver, Sender};
use plan::{Acks, Data};

/// Most names of a process.
pub const NAMES_MAX: usize = 65_536;
/// Batches that wait for one receiver before the pipeline that hands them on waits.
pub const WAITING_MAX: usize = 16;
/// Receivers of one name.
pub const RECEIVERS_MAX: usize = 10_000;
/// Receivers that have come and were not looked at yet; the next ones wait.
const JOINS_MAX: usize = 64;
/// How long a receiver may deliver nothing while it has something and others wait for it, in
/// milliseconds, unless the configuration says otherwise.
pub const HOLD_MS: u64 = 60_000;
/// How long those who belong together wait for each other when they start.
pub const MEET_MAX: Duration = Duration::from_secs(10);

/// What is handed on.
pub(crate) enum Item {
    /// A batch, and the duty to say that it is delivered.
    Batch(Data, Share),
    /// No more comes: the sources have ended.
    End,
}

/// The share of one receiver in the acks of a batch.
pub(crate) struct Share {
    acks: Acks,
    resolved: Arc<AtomicU64>,
    delivered: bool,
    /// Set when the process ends.
    closing: &'static AtomicBool,
}

impl Share {
    pub(crate) fn new(acks: Acks, resolved: Arc<AtomicU64>, closing: &'static AtomicBool) -> Self {
        Share { acks, resolved, delivered: false, closing }
    }

    /// It is delivered.
    pub(crate) fn ok(mut self) {
        self.delivered = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resolved.fetch_add(1, Ordering::Relaxed);
        let acks = std::mem::take(&mut self.acks);
        resolve(acks, self.delivered, self.closing.load(Ordering::Relaxed));
    }
}

/// Resolves the share of a receiver. Who goes away is not waited for; only when the process ends
/// nothing is said, because the receiver will be there again and wants the batch then.
pub(crate) fn resolve(acks: Acks, delivered: bool, closing: bool) {
    match delivered || !closing {
        true => acks.ok(),
        false => std::mem::forget(acks),
    }
}

/// A receiver, as the operator knows it.
pub(crate) struct Seat {
    /// Its name.
    pub(crate) who: String,
    pub(crate) items: Sender<Item>,
    /// Closes when it takes no more.
    pub(crate) there: Receiver<()>,
    /// Takes why it is passed over from now on.
    pub(crate) refusal: Sender<String>,
    /// Whether it hands everything on, and sees first to it itself that nobody holds it up.
    pub(crate) relays: bool,
    /// How many batches it has resolved.
    pub(crate) resolved: Arc<AtomicU64>,
    /// Set when it has come.
    pub(crate) counted: Option<Counted>,
}

/// One of the receivers of a group, for as long as this is there.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(receivers: Arc<AtomicUsize>) -> Self {
        receivers.fetch_add(1, Ordering::Relaxed);
        Counted(receivers)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Set when the process ends: from then on, what a receiver drops counts as not delivered.
static CLOSING: AtomicBool = AtomicBool::new(false);

/// The process ends. What receivers have and do not deliver any more is not acknowledged, so that
/// whoever keeps it sends it again when they are back.
pub fn close() {
    CLOSING.store(true, Ordering::Relaxed);
}

/// Those who hand on. Looked up once for each receiver.
static NAMES: RwLock<Option<Names>> = RwLock::new(None);

/// Where somebody hands on.
#[derive(Clone)]
pub(crate) struct Port {
    /// Takes those who want to receive.
    pub(crate) joins: Sender<Seat>,
    /// How many receive from the same group.
    pub(crate) receivers: Arc<AtomicUsize>,
}

/// Those who hand on, by name, and how many receive from each group.
#[derive(Default)]
pub(crate) struct Names {
    ports: HashMap<String, Port>,
    groups: HashMap<String, Weak<AtomicUsize>>,
}

/// Who hands on under a name at the moment.
pub(crate) fn handing_on(name: &str) -> Option<Port> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.as_ref()?.ports.get(name).filter(|port| !port.joins.is_disconnected()).cloned()
}

/// What somebody has who hands on: those who come, and how many there are in the group.
pub(crate) type Handing = (Receiver<Seat>, Arc<AtomicUsize>);

/// Hands on under a name from now on, in a group; whoever did before gets no more receivers.
///
/// # Errors
/// There are too many names.
pub(crate) fn hand_on(name: &str, group: &str) -> Result<Handing, String> {
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    names.get_or_insert_default().hand_on(name, group)
}

impl Names {
    pub(crate) fn hand_on(&mut self, name: &str, group: &str) -> Result<Handing, String> {
        if self.ports.len() >= NAMES_MAX {
            self.ports.retain(|_, port| !port.joins.is_disconnected());
        }
        if self.ports.len() >= NAMES_MAX && !self.ports.contains_key(name) {
            return Err(format!("there may be {NAMES_MAX} names of fan_out at most"));
        }
        if self.groups.len() >= NAMES_MAX {
            self.groups.retain(|_, receivers| receivers.strong_count() > 0);
        }
        let known = self.groups.get(group).and_then(Weak::upgrade);
        let receivers = known.unwrap_or_else(|| {
            let none = Arc::default();
            self.groups.insert(group.to_owned(), Arc::downgrade(&none));
            none
        });
        let (joins, receiver) = flume::bounded(JOINS_MAX);
        let port = Port { joins, receivers: Arc::clone(&receivers) };
        self.ports.insert(name.to_owned(), port);
        Ok((receiver, receivers))
    }
}
