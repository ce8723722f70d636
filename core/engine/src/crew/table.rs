//! The instances of a pipeline beside its first one, as the pipeline table sees to them.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use flume::Sender;
use plan::env::Request;
use serde::Serialize;

use super::{INSTANCES_MAX, News, Place};
use crate::api::{CONSOLE_LINES_MAX, Key, PipelineSpec, PutError, Rates, State};
use crate::ledger::Totals;
use crate::metrics::{Metric, merge};
use crate::shard::{Control, Snapshot};
use crate::table::{Row, Table};
use crate::views::answer;

/// One instance of a pipeline that may have several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerView {
    /// Its number among all instances of the process, which no other has.
    pub instance: u64,
    /// Nanoseconds since the Unix epoch at which it started.
    pub started_unix_ns: i128,
    /// Events that it has read.
    pub events: u64,
    /// Payload bytes that it has read.
    pub bytes: u64,
    /// Its errors.
    pub errors: u64,
    /// Its speed.
    pub rates: Rates,
}

impl WorkerView {
    /// An instance with the counts that its shard has told.
    pub(crate) fn new(instance: u64, started_unix_ns: i128, counts: Option<&Snapshot>) -> Self {
        let totals = counts.map(|counts| counts.totals).unwrap_or_default();
        WorkerView {
            instance,
            started_unix_ns,
            events: totals.events,
            bytes: totals.bytes,
            errors: totals.errors,
            rates: counts.map(|counts| counts.rates.rates()).unwrap_or_default(),
        }
    }
}

/// Another instance that is built.
pub(crate) struct Other {
    home: usize,
    token: u64,
    /// How it is handed its share of each port.
    ways: Vec<Sender<Request>>,
}

/// Another instance that was opened.
pub(crate) struct Member {
    pub(crate) home: usize,
    pub(crate) token: u64,
    pub(crate) started_unix_ns: i128,
    pub(crate) ended: bool,
}

/// All instances of a pipeline but the first.
#[derive(Default)]
pub(crate) struct Members {
    /// How many instances the pieces of requests go to; one for all of them.
    pub(crate) count: Arc<AtomicUsize>,
    pub(crate) all: Vec<Member>,
    /// What those that have gone did.
    pub(crate) past: Past,
    /// Why one of them could not go on, which ends all.
    failed: Option<String>,
}

/// What is kept of instances that have gone.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) totals: Totals,
    pub(crate) series: Vec<Metric>,
    pub(crate) console: VecDeque<String>,
}

/// The place of the first instance of a pipeline.
pub(crate) fn first(spec: &PipelineSpec) -> Place {
    match &spec.plan.crew {
        Some(crew) if crew.max > 1 && !spec.plan.durable => {
            Place::First(Arc::new(AtomicUsize::new(1)))
        }
        _ => Place::Alone,
    }
}

impl Members {
    /// None yet beside the first, which has this place.
    pub(crate) fn of(place: &Place) -> Self {
        match place {
            Place::First(count) => Members { count: Arc::clone(count), ..Members::default() },
            _ => Members::default(),
        }
    }
}

impl Row {
    /// Home and number of all instances of which something is known, the first one in front.
    pub(crate) fn instances(&self) -> Vec<(usize, u64)> {
        let others = self.members.all.iter().map(|member| (member.home, member.token));
        std::iter::once((self.home, self.token)).chain(others).collect()
    }

    /// Those of them that have not ended.
    pub(crate) fn running(&self) -> Vec<(usize, u64)> {
        let ended = |token: u64| self.members.all.iter().any(|m| m.token == token && m.ended);
        self.instances().into_iter().filter(|(_, token)| !ended(*token)).collect()
    }
}

impl Table {
    /// Builds the instances that a pipeline has from the beginning beside its first.
    ///
    /// # Errors
    /// One could not be built; none is left then.
    pub(crate) async fn others(
        &self,
        spec: &PipelineSpec,
        place: &Place,
    ) -> Result<Vec<Other>, PutError> {
        let (Place::First(count), Some(crew)) = (place, spec.plan.crew) else {
            return Ok(Vec::new());
        };
        let mut others = Vec::new();
        for number in 1..crew.min.min(INSTANCES_MAX) {
            match self.other(spec, number, count).await {
                Ok(other) => others.push(other),
                Err(error) => {
                    self.discard_others(&others);
                    return Err(error);
                }
            }
        }
        Ok(others)
    }

    async fn other(
        &self,
        spec: &PipelineSpec,
        number: usize,
        count: &Arc<AtomicUsize>,
    ) -> Result<Other, PutError> {
        let (tell, told) = flume::unbounded();
        let place = Place::Other { number, count: Arc::clone(count), ways: tell };
        let placed = self.placed(&spec.key, Arc::clone(&spec.plan), None, &place).await?;
        Ok(Other { home: placed.home, token: placed.token, ways: told.drain().collect() })
    }

    pub(crate) fn discard_others(&self, others: &[Other]) {
        for other in others {
            let _ = self.shards[other.home].send(Control::Discard(other.token));
        }
    }

    /// Opens an instance that was built and makes it one of a pipeline that runs.
    pub(crate) fn join(&self, key: &Key, other: Other) {
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(key) else { return self.discard_others(&[other]) };
        let Other { home, token, ways } = other;
        self.by_token.borrow_mut().insert(token, key.clone());
        let _ = self.shards[home].send(Control::Open(token, Vec::new()));
        let started_unix_ns = i128::from(rt::wall());
        row.members.all.push(Member { home, token, started_unix_ns, ended: false });
        row.connections.values_mut().for_each(|connected| connected.join(token));
        let _ = self.shards[row.home].send(Control::Crew(row.token, News::Joined(ways)));
    }

    /// Builds another instance of a pipeline whose router wants one.
    pub(crate) async fn grow(&self, token: u64) {
        let Some(key) = self.by_token.borrow().get(&token).cloned() else { return };
        let wanted = self.rows.borrow().get(&key).map(|row| {
            let number = 1 + row.members.all.len();
            (Arc::clone(&row.spec), number, Arc::clone(&row.members.count))
        });
        let Some((spec, number, count)) = wanted else { return };
        let built = self.other(&spec, number, &count).await;
        let row = self.rows.borrow().get(&key).and_then(|row| {
            let runs = row.token == token && row.standing.state == State::Running;
            runs.then_some(row.home)
        });
        match (built, row) {
            (Ok(other), Some(_)) => self.join(&key, other),
            (Ok(other), None) => self.discard_others(&[other]),
            (Err(error), Some(home)) => {
                tracing::error!(stream = &*key.id, "No further worker could be started: {error}");
                let _ = self.shards[home].send(Control::Crew(token, News::NotBuilt));
            }
            (Err(_), None) => {}
        }
    }

    /// An instance of a pipeline beside the first has ended. One that failed ends all.
    pub(crate) fn member_ended(self: &Rc<Self>, key: &Key, token: u64, state: State) {
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(key) else { return };
        let found = row.members.all.iter_mut().find(|member| member.token == token);
        let Some(member) = found else { return };
        member.ended = true;
        if row.standing.ended_ns.is_none() {
            row.connections.values_mut().for_each(|connected| connected.leave(token));
        }
        match state {
            State::Failed(text) => {
                row.members.failed.get_or_insert(text);
                let _ = self.shards[row.home].send(Control::Abort(row.token));
            }
            _ if row.standing.state == State::Running => {
                let (table, key) = (Rc::clone(self), key.clone());
                rt::spawn(async move { table.retire(&key, token).await });
            }
            _ => {}
        }
    }

    /// Takes what an instance that has ended did into the past of its pipeline.
    async fn retire(&self, key: &Key, token: u64) {
        let member = |row: &Row| {
            let found = row.members.all.iter().find(|member| member.token == token);
            found.map(|member| member.home)
        };
        let Some(home) = self.rows.borrow().get(key).and_then(member) else { return };
        let (snapshots, series, console) =
            (flume::bounded(1), flume::bounded(1), flume::bounded(1));
        for ask in [
            Control::Snapshot(snapshots.0),
            Control::Metrics(token, series.0),
            Control::Console(token, console.0),
        ] {
            let _ = self.shards[home].send(ask);
        }
        let counts = answer(snapshots.1).await.into_iter().flatten();
        let counts = counts.into_iter().find(|counts| counts.token == token);
        let (series, console) = (answer(series.1).await, answer(console.1).await.flatten());
        let mut rows = self.rows.borrow_mut();
        let Some(row) = rows.get_mut(key) else { return };
        row.members.past.take(counts, series.unwrap_or_default(), console.unwrap_or_default());
        row.members.all.retain(|member| member.token != token);
        self.by_token.borrow_mut().remove(&token);
        for shard in &self.shards {
            let _ = shard.send(Control::Forget(token));
        }
        let _ = self.shards[row.home].send(Control::Crew(row.token, News::Left));
    }

    /// The first instance of a pipeline has ended like this, and so the pipeline has. Those beside
    /// it end by themselves where it was gently.
    pub(crate) fn crew_ended(&self, row: &mut Row, state: State) -> State {
        let state = row.members.failed.take().map_or(state, State::Failed);
        if matches!(state, State::Failed(_)) {
            for (home, token) in row.running().into_iter().skip(1) {
                let _ = self.shards[home].send(Control::Abort(token));
            }
        }
        state
    }
}

impl Past {
    fn take(&mut self, counts: Option<Snapshot>, series: Vec<Metric>, console: VecDeque<String>) {
        self.totals += counts.map(|counts| counts.totals).unwrap_or_default();
        merge(&mut self.series, series);
        self.console.extend(console);
        let over = self.console.len().saturating_sub(CONSOLE_LINES_MAX);
        self.console.drain(..over);
    }
}

/// The instances of a pipeline that may have several, with what their shards have told.
pub(crate) fn workers(row: &Row, snapshots: &HashMap<u64, Snapshot>) -> Vec<WorkerView> {
    if row.spec.plan.crew.is_none() || row.standing.ended_ns.is_some() {
        return Vec::new();
    }
    let first = WorkerView::new(row.token, row.started_unix_ns, snapshots.get(&row.token));
    let other = |member: &Member| {
        let counts = snapshots.get(&member.token);
        WorkerView::new(member.token, member.started_unix_ns, counts)
    };
    std::iter::once(first).chain(row.members.all.iter().map(other)).collect()
}
