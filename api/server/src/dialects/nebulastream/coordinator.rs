//! The coordinator's side of a topology of several processes: it hears workers over the board,
//! writes there what they are to run, and sees to the queries of those that are gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use nes::catalog::{Fleet, Hello, Status};
use plan::Json;
use plan::board::{Board, Change, Event};

use super::deployment::{Deployment, Order, Part, Report, Sign, Welcome, key, named};
use super::lives::Told;
use super::routes::NebulaStream;
use super::state::{State, now_ms};
use super::worker::value;

/// How often the coordinator looks at its workers and queries.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long edges stay that nobody uses: a worker may be about to begin.
const EDGE_IDLE_MS: u64 = 2000;
/// Signs of life that are waited for until a session counts as gone.
const LEASE_BEATS: u64 = 3;

/// The way to workers.
pub struct Link {
    /// The board that they read and write.
    pub board: Board,
    /// Address of the server over which parts of queries exchange batches.
    pub url: String,
}

/// What is known of workers and of what they run.
pub(super) struct Remote {
    pub(super) fleet: Fleet,
    /// What is done at other places, by session and query.
    pub(super) reports: HashMap<(String, u64), Report>,
    /// Why sources or sinks of parts elsewhere are not connected, by session and query.
    pub(super) troubles: HashMap<(String, u64), String>,
    /// What workers say of their machines, by id.
    pub(super) metrics: BTreeMap<u64, Json>,
    /// Edges that are not needed any more: the query, the edge, and since when.
    pub(super) idle_edges: Vec<(u64, String, u64)>,
    /// When sessions showed life the last time, also those that have not joined.
    seen: HashMap<String, u64>,
    /// What is to be written besides what follows from the state.
    todo: Vec<Change>,
    /// The stamps of orders as they were written, by key.
    written: HashMap<String, u64>,
    /// What is on the board, as far as this process has heard and written.
    board: HashMap<String, Bytes>,
    /// Whether there is a board at the moment, and why not.
    pub(super) away: Option<String>,
    /// Until then, sessions that nobody has heard yet may still show life; milliseconds.
    grace_ms: u64,
    lease_ms: u64,
    /// Counts orders, so that each is another.
    pub(super) stamps: u64,
    /// Whether sources or nodes have changed since lost parts looked for a place.
    pub(super) changed: bool,
}

impl Remote {
    pub(super) fn new(beat_ms: u64) -> Self {
        Remote {
            fleet: Fleet::new(beat_ms),
            reports: HashMap::new(),
            troubles: HashMap::new(),
            metrics: BTreeMap::new(),
            idle_edges: Vec::new(),
            seen: HashMap::new(),
            todo: Vec::new(),
            written: HashMap::new(),
            board: HashMap::new(),
            away: Some("no server was found so far".to_owned()),
            grace_ms: u64::MAX,
            lease_ms: LEASE_BEATS * beat_ms,
            // Stamps of an earlier process are in the past.
            stamps: now_ms(),
            changed: false,
        }
    }

    /// The board is there; until then, nobody counts as gone.
    pub(super) fn arrived(&mut self, grace_ms: u64) {
        self.away = None;
        self.grace_ms = grace_ms;
        self.fleet.renew(now_ms());
    }

    /// What became of a part.
    pub(super) fn report(&self, query: u64, session: &str, stamp: u64) -> Option<&engine::State> {
        let report = self.reports.get(&(session.to_owned(), query))?;
        (report.stamp == stamp).then_some(&report.state)
    }
}

/// Starts to attend to workers, for as long as the board lasts.
///
/// # Errors
/// The system gives no thread.
pub(super) fn attend(dialect: Arc<NebulaStream>, board: Board) -> Result<(), String> {
    let body = move || {
        loop {
            match board.events.recv_timeout(LOOK_EVERY) {
                Ok(event) => dialect.hear(event),
                Err(flume::RecvTimeoutError::Timeout) => {}
                Err(flume::RecvTimeoutError::Disconnected) => return,
            }
            board.events.drain().for_each(|event| dialect.hear(event));
            if dialect.closing.load(Ordering::Relaxed) {
                return;
            }
            if rt::block_on(dialect.load()).is_ok() {
                dialect.miss();
                rt::block_on(dialect.look_after());
                for change in dialect.store.lock().changes() {
                    let _ = board.changes.send(change);
                }
            }
        }
    };
    let thread = thread::Builder::new().name("workers".to_owned()).spawn(body);
    thread.map(|_| ()).map_err(|error| format!("the thread workers did not start: {error}"))
}

impl NebulaStream {
    fn hear(&self, event: Event) {
        let mut state = self.store.lock();
        match event {
            Event::Up => {
                tracing::info!("Workers can join");
                let grace_ms = now_ms() + state.remote.lease_ms;
                state.remote.arrived(grace_ms);
            }
            Event::Down(text) => {
                tracing::warn!("Workers cannot be reached: {text}");
                state.remote.away = Some(text);
            }
            Event::Value(name, bytes) => state.value(&name, bytes),
        }
    }

    /// Lets those go whose leases have ended.
    fn miss(&self) {
        let mut state = self.store.lock();
        if state.remote.away.is_some() {
            return;
        }
        let now = now_ms();
        for session in state.remote.fleet.lapsed(now) {
            state.leave(&session, "its lease has ended");
        }
        if now <= state.remote.grace_ms {
            return;
        }
        let State { maintained, remote, .. } = &mut *state;
        maintained.retain(|session| remote.fleet.id(session).is_some());
        for (query, node) in state.lost_parts() {
            state.lose(query, node);
        }
    }

    /// Brings queries up to date: states, places for what is lost.
    async fn look_after(&self) {
        let _ = self.refresh().await;
        let lost: Vec<u64> = {
            let mut state = self.store.lock();
            let lost = state.deployments.iter().filter(|(id, d)| d.lost && state.has_left(**id, d));
            let lost = lost.map(|(id, _)| *id);
            let lost: Vec<u64> = lost.collect();
            if std::mem::take(&mut state.remote.changed) { lost } else { Vec::new() }
        };
        for query in lost {
            self.place_again(query).await;
        }
    }
}

impl State {
    /// A value of the board has changed.
    pub(super) fn value(&mut self, name: &str, bytes: Option<Bytes>) {
        match &bytes {
            Some(bytes) => drop(self.remote.board.insert(name.to_owned(), bytes.clone())),
            None => drop(self.remote.board.remove(name)),
        }
        let Some((kind, rest)) = name.split_once('.') else { return };
        match (kind, bytes) {
            ("node", Some(bytes)) => {
                if let Ok(sign) = serde_json::from_slice::<Sign>(&bytes) {
                    self.sign(rest, sign);
                }
            }
            ("node", None) => self.leave(rest, "it has left"),
            ("state", bytes) => {
                let Some((session, query)) = named(rest) else { return };
                let at = (session.to_owned(), query);
                match bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                    Some(Told { report, trouble }) => {
                        match trouble.is_empty() {
                            true => drop(self.remote.troubles.remove(&at)),
                            false => drop(self.remote.troubles.insert(at.clone(), trouble)),
                        }
                        self.remote.reports.insert(at, report);
                    }
                    None => {
                        self.remote.troubles.remove(&at);
                        self.remote.reports.remove(&at);
                        self.remote.changed = true;
                    }
                }
            }
            _ => {}
        }
    }

    /// A worker shows that it is alive.
    fn sign(&mut self, session: &str, Sign { hello, metrics }: Sign) {
        self.remote.seen.insert(session.to_owned(), now_ms());
        let State { remote, topology, sources, .. } = self;
        match remote.fleet.beat(session, &hello, now_ms(), topology, sources) {
            Ok(true) => self.joined(session, &hello),
            Ok(false) => {}
            Err(why) => self.remote.welcome(session, &Welcome::Refused(why)),
        }
        if let Some(id) = self.remote.fleet.id(session) {
            self.remote.metrics.insert(id, metrics);
        }
    }

    fn joined(&mut self, session: &str, hello: &Hello) {
        let id = self.remote.fleet.id(session).unwrap_or_default();
        tracing::info!(id, address = hello.address, "A worker has joined");
        hello.sources.iter().for_each(|source| self.tell_unknown(source));
        // What its queries took of its slots before the coordinator started.
        let uses = |deployment: &Deployment| {
            let here = deployment.remote().any(|(_, at)| at == session);
            let slots = deployment.slots.get(&id).filter(|_| here && !deployment.lost);
            slots.copied().unwrap_or(0)
        };
        let taken = self.deployments.values().map(uses).sum();
        self.topology.maintain(id, self.maintained.contains(session));
        self.topology.use_slots(&BTreeMap::from([(id, taken)]), true);
        self.remote.changed = true;
        self.remote.welcome(session, &Welcome::Id(id));
    }

    fn leave(&mut self, session: &str, why: &str) {
        let State { remote, topology, sources, .. } = self;
        let Some(id) = remote.fleet.leave(session, topology, sources) else { return };
        tracing::warn!(id, "A worker is gone: {why}");
        self.remote.metrics.remove(&id);
        self.maintained.remove(session);
        self.remote.troubles.retain(|(at, _), _| at != session);
        self.remote.reports.retain(|(at, _), report| {
            // What it has finished stays finished.
            at != session || report.state == engine::State::Finished
        });
        self.remote.changed = true;
    }

    /// Parts whose workers are gone before they have finished.
    pub(super) fn lost_parts(&self) -> Vec<(u64, u64)> {
        let mut lost = Vec::new();
        for (query, deployment) in self.deployments.iter().filter(|(_, d)| !d.lost) {
            for (part, session) in deployment.remote().filter(|_| deployment.failure.is_none()) {
                let finished = self.remote.report(*query, session, part.stamp)
                    == Some(&engine::State::Finished);
                if self.remote.fleet.id(session).is_none() && !finished {
                    lost.push((*query, part.node));
                    break;
                }
            }
        }
        lost
    }

    /// A part of a query is lost.
    pub(super) fn lose(&mut self, query: u64, node: u64) {
        let Some(deployment) = self.deployments.get_mut(&query) else { return };
        if deployment.tolerance.restarts() {
            deployment.lost = true;
            let slots = std::mem::take(&mut deployment.slots);
            self.topology.use_slots(&slots, false);
            self.remote.changed = true;
            tracing::warn!(query, node, "A part of a query is lost and looks for a place");
            self.queries.set(query, Status::Restarting, "", now_ms());
        } else {
            self.fail(query, format!("node {node} is gone, which ran a part of the query"));
        }
    }

    /// A query fails as soon as states are looked at.
    pub(super) fn fail(&mut self, query: u64, why: String) {
        if let Some(deployment) = self.deployments.get_mut(&query) {
            deployment.failure.get_or_insert(why);
        }
    }

    /// Forgets how queries were spread that have ended.
    pub(super) fn retire(&mut self) {
        let State { deployments, queries, topology, remote, .. } = self;
        deployments.retain(|query, deployment| {
            let lives = queries.get(*query).is_some_and(|query| !query.status.is_final());
            if !lives {
                topology.use_slots(&deployment.slots, false);
                let edges = deployment.parts.iter().flat_map(|part| &part.outputs);
                remote.idle_edges.extend(edges.map(|edge| (*query, edge.clone(), now_ms())));
            }
            lives
        });
        remote.troubles.retain(|(_, query), _| deployments.contains_key(query));
        remote.reports.retain(|(session, query), _| {
            deployments.contains_key(query) || remote.fleet.id(session).is_some()
        });
    }

    /// What must change on the board.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let now = now_ms();
        let mut wanted: HashMap<String, &Part> = HashMap::new();
        let waits = self.remote.waits(now);
        for (query, deployment) in &self.deployments {
            for (part, session) in deployment.ordered() {
                if waits || self.remote.fleet.id(session).is_some() {
                    wanted.insert(key("plan", session, *query), part);
                }
            }
        }
        let runs = |session: &str, query: u64| {
            let deployment = self.deployments.get(&query);
            deployment.is_some_and(|d| d.remote().any(|(_, at)| at == session))
        };
        let Remote { fleet, seen, lease_ms, board, written, todo, .. } = &mut self.remote;
        seen.retain(|session, at| fleet.id(session).is_some() || now <= *at + *lease_ms);
        let stale = |name: &&String| {
            let known = |session: &str| fleet.id(session).is_some() || seen.contains_key(session);
            match name.split_once('.') {
                Some(("plan", _)) => !wanted.contains_key(*name),
                // What has finished must not be forgotten while the rest of the query runs.
                Some(("state", rest)) => named(rest)
                    .is_none_or(|(session, query)| !known(session) && !runs(session, query)),
                Some(("id" | "node", session)) => !known(session),
                _ => false,
            }
        };
        let stale: Vec<String> = match waits {
            true => Vec::new(),
            false => board.keys().filter(stale).cloned().collect(),
        };
        let mut changes = std::mem::take(todo);
        for name in stale {
            board.remove(&name);
            written.remove(&name);
            changes.push(Change::Set(name, None));
        }
        for (name, part) in wanted {
            if board.contains_key(&name) && written.get(&name) == Some(&part.stamp) {
                continue;
            }
            let Some(bytes) = value(&Order::of(part)) else { continue };
            written.insert(name.clone(), part.stamp);
            if board.get(&name) != Some(&bytes) {
                board.insert(name.clone(), bytes.clone());
                changes.push(Change::Set(name, Some(bytes)));
            }
        }
        self.remote.drop_edges(now, &mut changes);
        changes
    }
}

impl Remote {
    /// Whether nobody can say yet who is there.
    fn waits(&self, now: u64) -> bool {
        self.away.is_some() || now <= self.grace_ms
    }

    /// Tells a session whether it may join.
    fn welcome(&mut self, session: &str, welcome: &Welcome) {
        let (name, bytes) = (format!("id.{session}"), value(welcome));
        if let Some(bytes) = bytes.filter(|bytes| self.board.get(&name) != Some(bytes)) {
            self.board.insert(name.clone(), bytes.clone());
            self.todo.push(Change::Set(name, Some(bytes)));
        }
    }

    /// Edges go when nobody is at their ends any more.
    fn drop_edges(&mut self, now: u64, changes: &mut Vec<Change>) {
        let Remote { idle_edges, reports, fleet, .. } = self;
        idle_edges.retain(|(query, edge, since)| {
            let used =
                reports.keys().any(|(session, of)| of == query && fleet.id(session).is_some());
            let keep = used || now < since + EDGE_IDLE_MS;
            if !keep {
                changes.push(Change::Drop(edge.clone()));
            }
            keep
        });
    }
}
