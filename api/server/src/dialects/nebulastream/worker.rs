//! A worker: shows the coordinator that it is there, runs what it is told to, and says what becomes
//! of it. All of it goes over the board, so that it does not matter who was away in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use engine::{EngineHandle, Key, PipelineSpec, PutMode, State};
use nes::catalog::Worker;
use plan::Json;
use plan::board::{Board, Change, Event};
use serde::Serialize;

use super::OWNER;
use super::deployment::{Order, Report, Sign, Welcome, key, named, wired};
use super::lives::Told;
use super::monitoring::metrics;

/// How often states are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a part may take to stop before it is forced.
const STOP_MAX: Duration = Duration::from_secs(2);

/// A value for the board.
pub(super) fn value(of: &impl Serialize) -> Option<Bytes> {
    serde_json::to_vec(of).ok().map(Bytes::from)
}

struct Member {
    engine: EngineHandle,
    session: String,
    url: String,
    changes: flume::Sender<Change>,
    id: Arc<AtomicU64>,
    /// What is to run, by query.
    orders: HashMap<u64, Order>,
    /// The stamps of what runs, by query.
    running: HashMap<u64, u64>,
    reports: HashMap<u64, Told>,
}

/// The threads of a worker.
pub struct Working {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    session: String,
    changes: flume::Sender<Change>,
}

impl Working {
    /// Takes leave of the coordinator.
    pub fn leave(self) {
        self.end.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| drop(thread.join()));
        let _ = self.changes.send(Change::Set(format!("node.{}", self.session), None));
        // It has a moment to get there; else the lease ends.
        thread::sleep(LOOK_EVERY);
    }
}

/// Starts a worker on an engine and a board.
///
/// # Errors
/// The system gives no thread.
pub fn work(engine: EngineHandle, config: &Worker, board: Board) -> Result<Working, String> {
    let session = format!("{:016x}{:016x}", rt::rng::machine_seed(), rt::rng::machine_seed());
    let end = Arc::new(AtomicBool::new(false));
    let id = Arc::new(AtomicU64::new(config.hello.id.unwrap_or(0)));
    let beats = {
        let (changes, session, config) = (board.changes.clone(), session.clone(), config.clone());
        let (end, id) = (Arc::clone(&end), Arc::clone(&id));
        move || beat(&config, &session, &changes, &id, &end)
    };
    let mut member = Member {
        engine,
        session: session.clone(),
        url: config.url(),
        changes: board.changes.clone(),
        id,
        orders: HashMap::new(),
        running: HashMap::new(),
        reports: HashMap::new(),
    };
    let serve = {
        let end = Arc::clone(&end);
        move || {
            while !end.load(Ordering::Relaxed) {
                match board.events.recv_timeout(LOOK_EVERY) {
                    Ok(event) => member.hear(event),
                    Err(flume::RecvTimeoutError::Timeout) => {}
                    Err(flume::RecvTimeoutError::Disconnected) => return,
                }
                board.events.drain().for_each(|event| member.hear(event));
                rt::block_on(member.follow());
                member.report();
            }
        }
    };
    let start = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        thread.map_err(|error| format!("the thread {name} did not start: {error}"))
    };
    let threads = vec![start("beats", Box::new(beats))?, start("orders", Box::new(serve))?];
    Ok(Working { end, threads, session, changes: board.changes })
}

/// Shows signs of life.
fn beat(
    config: &Worker,
    session: &str,
    changes: &flume::Sender<Change>,
    id: &AtomicU64,
    end: &AtomicBool,
) {
    let mut hello = config.hello.clone();
    let pause = Duration::from_millis(config.beat_ms);
    loop {
        hello.beat += 1;
        hello.id = Some(id.load(Ordering::Relaxed)).filter(|id| *id > 0);
        let sign = Sign { hello: hello.clone(), metrics: metrics() };
        if changes.send(Change::Set(format!("node.{session}"), value(&sign))).is_err() {
            return;
        }
        let until = rt::now() + pause;
        while rt::now() < until {
            if end.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(LOOK_EVERY.min(until.since(rt::now())));
        }
    }
}

impl Member {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Up => {
                tracing::info!("The coordinator's server is there");
                // It may be another one, which knows nothing.
                self.reports.clear();
            }
            Event::Down(text) => tracing::warn!("The coordinator's server is away: {text}"),
            Event::Value(name, value) => {
                if let Some(rest) = name.strip_prefix("plan.") {
                    self.order(rest, value);
                } else if name.strip_prefix("id.").is_some_and(|rest| rest == self.session) {
                    self.welcome(value);
                }
            }
        }
    }

    fn welcome(&mut self, value: Option<Bytes>) {
        match value.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            Some(Welcome::Id(id)) if self.id.swap(id, Ordering::Relaxed) != id => {
                tracing::info!(id, "The worker has joined");
            }
            Some(Welcome::Id(id)) => tracing::info!(id, "The worker has joined under its id"),
            Some(Welcome::Refused(why)) => tracing::warn!("The worker waits to join: {why}"),
            None => {}
        }
    }

    fn order(&mut self, rest: &str, value: Option<Bytes>) {
        let Some((session, query)) = named(rest) else { return };
        if session != self.session {
            return;
        }
        match value.map(|bytes| serde_json::from_slice::<Order>(&bytes)) {
            Some(Ok(order)) => drop(self.orders.insert(query, order)),
            Some(Err(error)) => tracing::warn!(query, "A plan cannot be read: {error}"),
            None => drop(self.orders.remove(&query)),
        }
    }

    /// Starts what is to run, and stops what is not to run any more.
    async fn follow(&mut self) {
        let stale: Vec<u64> =
            self.running.keys().filter(|query| !self.orders.contains_key(query)).copied().collect();
        for query in stale {
            if self.engine.remove(pipeline(query), Some(STOP_MAX), false).await.is_err() {
                continue;
            }
            self.running.remove(&query);
            self.reports.remove(&query);
            let _ = self.changes.send(Change::Set(key("state", &self.session, query), None));
        }
        let new = |(query, order): &(&u64, &Order)| self.running.get(query) != Some(&order.stamp);
        let new: Vec<(u64, Order)> =
            self.orders.iter().filter(new).map(|(query, order)| (*query, order.clone())).collect();
        for (query, order) in new {
            let spec = PipelineSpec {
                key: pipeline(query),
                name: format!("query-{query}"),
                document: Json::Null,
                plan: wired(&order.plan, &self.url),
            };
            let put = self.engine.put(spec, PutMode::Upsert, Some(STOP_MAX)).await;
            // A busy engine is asked again.
            let Ok(put) = put else { continue };
            self.running.insert(query, order.stamp);
            self.reports.remove(&query);
            if let Err(error) = put {
                let report = Report { stamp: order.stamp, state: State::Failed(error.to_string()) };
                self.say(query, Told { report, trouble: String::new() });
            }
        }
    }

    /// Says what has changed.
    fn report(&mut self) {
        let running = self.running.clone();
        let now: Vec<(u64, Told)> = self.engine.states(OWNER, |all| {
            let report = |state: engine::PipelineState<'_>| {
                let query = state.id.parse().ok()?;
                let stamp = *running.get(&query)?;
                let report = Report { stamp, state: state.state.clone() };
                Some((query, Told { report, trouble: state.trouble.to_owned() }))
            };
            all.filter_map(report).collect()
        });
        for (query, told) in now {
            if self.reports.get(&query) != Some(&told) {
                self.say(query, told);
            }
        }
    }

    fn say(&mut self, query: u64, told: Told) {
        if told.report.state == State::Finished {
            // All that it sent is stored: nothing comes after the mark.
            let outputs = self.orders.get(&query).map(|order| order.outputs.clone());
            for edge in outputs.into_iter().flatten() {
                let _ = self.changes.send(Change::End(edge));
            }
        }
        let name = key("state", &self.session, query);
        let _ = self.changes.send(Change::Set(name, value(&told)));
        self.reports.insert(query, told);
    }
}

fn pipeline(query: u64) -> Key {
    Key::new(OWNER, query.to_string())
}
