//! What one operator's checkpoints wait for: acks that are held, and results that are not
//! delivered. It neither waits nor asks for the time, so that tests can drive it.

use std::collections::{BTreeMap, BTreeSet};

use plan::{Acks, Data};

use crate::budget::PIPELINE_BYTES_MAX;

const MS: u64 = 1_000_000;

/// What became of a checkpoint that somebody asked for.
pub(crate) type Kept = Result<(), String>;

/// Who may wait for a checkpoint that was asked for.
pub(crate) const WANTED_MAX: usize = 1024;

/// When a checkpoint is taken, and what may wait for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long acks are held before a checkpoint is due; nanoseconds.
    pub(crate) age_ns: u64,
    /// The same when nothing came in all the time: a source may wait for its acks.
    pub(crate) idle_ns: u64,
    /// Of the time, checkpoints take at most one part in so many.
    pub(crate) share: u64,
    /// Bytes whose acks are held before a checkpoint is due at once: the source has room for so
    /// many only.
    pub(crate) bytes_max: usize,
    /// Results that are not delivered before what goes in waits, and bytes of them.
    pub(crate) results_max: usize,
    pub(crate) results_bytes_max: usize,
    /// Bytes of a state.
    pub(crate) state_bytes_max: usize,
    /// First pause before a result is emitted again that was refused, or a state is written again;
    /// it doubles up to the other.
    pub(crate) pause_min_ns: u64,
    pub(crate) pause_max_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            age_ns: 50 * MS,
            idle_ns: 10 * MS,
            share: 10,
            bytes_max: PIPELINE_BYTES_MAX / 4,
            results_max: 1024,
            results_bytes_max: PIPELINE_BYTES_MAX,
            state_bytes_max: plan::STATE_BYTES_MAX,
            pause_min_ns: MS,
            pause_max_ns: 1000 * MS,
        }
    }
}

impl Limits {
    /// A checkpoint each so many milliseconds while there is news; still earlier where a source
    /// has no more room for what is not acknowledged.
    pub(crate) fn every(ms: u64) -> Self {
        let age_ns = ms.max(1).saturating_mul(MS);
        Limits { age_ns, idle_ns: age_ns, ..Limits::default() }
    }
}

/// What happened to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Some of it was refused.
    Refused(u64),
    /// It is resolved.
    Done(u64),
    /// None of it: a checkpoint has begun.
    Begun,
}

/// A result that is not delivered.
struct Undelivered {
    data: Data,
    born_ns: u64,
    bytes: usize,
    refused: bool,
}

/// A checkpoint that is not finished.
struct UnderWay {
    acks: Vec<Acks>,
    bytes: usize,
    /// Taken when it is being written.
    state: Option<Vec<u8>>,
    /// Results before this one must be delivered first.
    results: u64,
    /// What the snapshot took, and when writing began.
    took_ns: u64,
    writes_ns: u64,
    /// Who has asked for it.
    wanted: Vec<flume::Sender<Kept>>,
}

/// See the head of the file.
pub(crate) struct Held {
    pub(crate) limits: Limits,
    acks: Vec<Acks>,
    bytes: usize,
    /// Whether results went out, or rows came in that nobody waits for, of which the last snapshot
    /// does not know.
    news: bool,
    /// Whether the pipeline was told that it has to wait.
    told_busy: bool,
    /// When the first of the acks or news came, and the last input.
    since_ns: u64,
    input_ns: u64,
    /// No more input comes.
    ending: bool,
    results: BTreeMap<u64, Undelivered>,
    results_bytes: usize,
    next_result: u64,
    /// Results to emit again, by when.
    again: BTreeSet<(u64, u64)>,
    pause_ns: u64,
    under_way: Option<UnderWay>,
    /// Who waits for the next one.
    wanted: Vec<flume::Sender<Kept>>,
    /// When the last checkpoint ended, and what it took.
    ended_ns: u64,
    cost_ns: u64,
    /// After a checkpoint that failed: not before, and the next pause.
    not_before_ns: u64,
    trouble_ns: u64,
}

impl Held {
    pub(crate) fn new(limits: Limits) -> Self {
        Held {
            limits,
            acks: Vec::new(),
            bytes: 0,
            news: false,
            told_busy: false,
            since_ns: 0,
            input_ns: 0,
            ending: false,
            results: BTreeMap::new(),
            results_bytes: 0,
            next_result: 0,
            again: BTreeSet::new(),
            pause_ns: limits.pause_min_ns,
            under_way: None,
            wanted: Vec::new(),
            ended_ns: 0,
            cost_ns: 0,
            not_before_ns: 0,
            trouble_ns: limits.pause_min_ns,
        }
    }

    /// Rows with these acks and so many bytes go into the state.
    pub(crate) fn took(&mut self, acks: Acks, bytes: usize, now_ns: u64) {
        self.input_ns = now_ns;
        if acks.is_empty() {
            return; // nobody waits
        }
        self.waits_since(now_ns);
        self.acks.push(acks);
        self.bytes += bytes;
    }

    /// Rows go into the state that nobody waits for.
    pub(crate) fn went_on(&mut self, now_ns: u64) {
        self.input_ns = now_ns;
        self.waits_since(now_ns);
        self.news = true;
    }

    /// Something waits for a snapshot from now on, if nothing did.
    fn waits_since(&mut self, now_ns: u64) {
        if self.acks.is_empty() && !self.news {
            self.since_ns = now_ns;
        }
    }

    /// No more input comes: there is nothing to wait for.
    pub(crate) fn end(&mut self) {
        self.ending = true;
    }

    /// A result goes out; returns its number. A state from before would give it again.
    pub(crate) fn emitted(&mut self, data: Data, born_ns: u64, bytes: usize, now_ns: u64) -> u64 {
        self.waits_since(now_ns);
        self.news = true;
        let id = self.next_result;
        self.next_result += 1;
        self.results_bytes += bytes;
        self.results.insert(id, Undelivered { data, born_ns, bytes, refused: false });
        id
    }

    /// Whether results are not delivered, or no state behind the last of them is kept.
    fn is_busy(&self) -> bool {
        !self.results.is_empty() || self.ending && (self.news || self.under_way.is_some())
    }

    /// Whether the end of the pipeline has to wait, when that has changed.
    pub(crate) fn busy_change(&mut self) -> Option<bool> {
        let busy = self.is_busy();
        (busy != std::mem::replace(&mut self.told_busy, busy)).then_some(busy)
    }

    /// Whether what goes in has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.results.len() >= self.limits.results_max
            || self.results_bytes >= self.limits.results_bytes_max
    }

    /// Takes note of what happened to a result; returns the time of birth of one that is delivered.
    pub(crate) fn on_event(&mut self, event: Event, now_ns: u64) -> Option<u64> {
        let (Event::Refused(id) | Event::Done(id)) = event else { return None };
        let result = self.results.get_mut(&id)?;
        if let Event::Refused(_) = event {
            result.refused = true;
        } else if std::mem::take(&mut result.refused) {
            self.again.insert((now_ns + self.pause_ns, id));
            self.pause_ns = (self.pause_ns * 2).min(self.limits.pause_max_ns);
        } else {
            self.results_bytes -= result.bytes;
            self.pause_ns = self.limits.pause_min_ns;
            return self.results.remove(&id).map(|result| result.born_ns);
        }
        None
    }

    /// When a result is to be emitted again.
    pub(crate) fn again_ns(&self) -> Option<u64> {
        self.again.first().map(|(due_ns, _)| *due_ns)
    }

    /// The results that are to be emitted again now: number, data and time of birth.
    pub(crate) fn take_again(&mut self, now_ns: u64) -> Vec<(u64, Data, u64)> {
        let later = self.again.split_off(&(now_ns + 1, 0));
        let due = std::mem::replace(&mut self.again, later);
        let result = |(_, id): (u64, u64)| {
            let result = self.results.get(&id)?;
            Some((id, result.data.clone(), result.born_ns))
        };
        due.into_iter().filter_map(result).collect()
    }

    /// Somebody wants a checkpoint of everything that is there now.
    pub(crate) fn want(&mut self, tell: flume::Sender<Kept>) {
        if self.wanted.len() < WANTED_MAX {
            return self.wanted.push(tell);
        }
        let _ = tell.send(Err(format!("{WANTED_MAX} ask for a checkpoint already")));
    }

    /// Who has asked for the checkpoint that is written.
    pub(crate) fn take_wanted(&mut self) -> Vec<flume::Sender<Kept>> {
        self.under_way.as_mut().map(|done| std::mem::take(&mut done.wanted)).unwrap_or_default()
    }

    /// When a snapshot is to be taken.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        if self.under_way.is_none() && !self.wanted.is_empty() {
            return Some(self.not_before_ns);
        }
        if self.under_way.is_some() || self.acks.is_empty() && !self.news {
            return None;
        }
        if self.ending || self.bytes >= self.limits.bytes_max {
            return Some(self.not_before_ns);
        }
        let Limits { age_ns, idle_ns, share, .. } = self.limits;
        // While nothing comes in, nothing is held up by a checkpoint.
        let idle_ns = (self.input_ns + idle_ns).max(self.ended_ns + self.cost_ns);
        let rest_ns = self.cost_ns.saturating_mul(share);
        let busy_ns = (self.since_ns + age_ns).max(self.ended_ns.saturating_add(rest_ns));
        Some(idle_ns.min(busy_ns).max(self.not_before_ns))
    }

    /// A snapshot of everything that went in and out so far was taken, which took so long.
    pub(crate) fn begin(&mut self, state: Vec<u8>, took_ns: u64) {
        debug_assert!(self.under_way.is_none(), "one checkpoint at a time");
        self.news = false;
        self.under_way = Some(UnderWay {
            acks: std::mem::take(&mut self.acks),
            bytes: std::mem::take(&mut self.bytes),
            state: Some(state),
            results: self.next_result,
            took_ns,
            writes_ns: 0,
            wanted: std::mem::take(&mut self.wanted),
        });
    }

    /// The state to write, as soon as all results before it are delivered.
    pub(crate) fn ready(&mut self, now_ns: u64) -> Option<Vec<u8>> {
        let first = self.results.first_key_value().map_or(u64::MAX, |(id, _)| *id);
        let under_way = self.under_way.as_mut().filter(|under_way| first >= under_way.results)?;
        under_way.writes_ns = now_ns;
        under_way.state.take()
    }

    /// The state was written, or not. Returns what may be acknowledged.
    pub(crate) fn written(&mut self, durable: bool, now_ns: u64) -> Vec<Acks> {
        let Some(done) = self.under_way.take() else { return Vec::new() };
        self.ended_ns = now_ns;
        self.cost_ns = done.took_ns + now_ns.saturating_sub(done.writes_ns);
        if durable {
            self.trouble_ns = self.limits.pause_min_ns;
            return done.acks;
        }
        self.not_before_ns = now_ns + self.trouble_ns;
        self.trouble_ns = (self.trouble_ns * 2).min(self.limits.pause_max_ns);
        self.waits_since(now_ns);
        self.news = true;
        self.acks.splice(0..0, done.acks);
        self.bytes += done.bytes;
        Vec::new()
    }
}
