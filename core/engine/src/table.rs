//! The pipeline table, on the control thread: every change of a pipeline goes through here.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use futures_util::lock::Mutex;
use plan::{End, Json, Role};
use rt::storage::StorageHandle;

use crate::api::{
    Ask, ConnectionView, Key, PIPELINES_MAX, PipelineSpec, PutError, PutMode, RemoveError, State,
};
use crate::crew::Members;
use crate::instance::Event;
use crate::journal::{Entry, Journal, Stored};
use crate::placing::{Connected, Fetch, Placed};
use crate::roll::{Roll, Standing};
use crate::shard::Control;

/// How often a stop without deadline looks whether anybody still waits for it.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a forced stop may take before the pipeline counts as gone; a shard that does not
/// answer by then is busy with one evaluation, after which it will drop the instance.
const ABORT_MAX: Duration = Duration::from_secs(1);

/// One pipeline of the table.
pub(crate) struct Row {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) standing: Standing,
    pub(crate) created_unix_ns: i128,
    pub(crate) started_unix_ns: i128,
    pub(crate) seen_unix_ns: i128,
    pub(crate) home: usize,
    pub(crate) token: u64,
    pub(crate) connections: BTreeMap<usize, Connected>,
    /// Its instances beside the first.
    pub(crate) members: Members,
}

/// The table and the way to the shards.
pub(crate) struct Table {
    pub(crate) shards: Vec<flume::Sender<Control>>,
    journal: RefCell<Option<Journal>>,
    pub(crate) rows: RefCell<BTreeMap<Key, Row>>,
    /// What all rows are doing, written with every change of one.
    roll: Arc<Roll>,
    documents: RefCell<BTreeMap<Key, Json>>,
    /// One change of a pipeline at a time.
    locks: RefCell<HashMap<Key, Rc<Mutex<()>>>>,
    /// Who waits for the end of an instance.
    waiting: RefCell<HashMap<u64, Vec<flume::Sender<()>>>>,
    pub(crate) by_token: RefCell<HashMap<u64, Key>>,
    pub(crate) next_token: Cell<u64>,
    pub(crate) next_home: Cell<usize>,
    closing: Cell<bool>,
    pub(crate) fetch: Option<Fetch>,
    /// Where the states of durable pipelines are kept.
    pub(crate) storage: Option<StorageHandle>,
    /// Whether it was told that there is no such place.
    pub(crate) told: Cell<bool>,
}

fn wall_ns() -> i128 {
    i128::from(rt::wall())
}

impl Table {
    pub(crate) fn new(
        shards: Vec<flume::Sender<Control>>,
        journal: Option<Journal>,
        roll: Arc<Roll>,
        fetch: Option<Fetch>,
        storage: Option<StorageHandle>,
    ) -> Rc<Self> {
        Rc::new(Table {
            shards,
            journal: RefCell::new(journal),
            rows: RefCell::default(),
            roll,
            documents: RefCell::default(),
            locks: RefCell::default(),
            waiting: RefCell::default(),
            by_token: RefCell::default(),
            next_token: Cell::new(1),
            next_home: Cell::new(0),
            closing: Cell::new(false),
            fetch,
            storage,
            told: Cell::new(false),
        })
    }

    /// Answers until told to shut down.
    pub(crate) async fn run(
        self: Rc<Self>,
        asked: flume::Receiver<Ask>,
        events: flume::Receiver<Event>,
    ) {
        self.recover().await;
        loop {
            let turn = select(events.recv_async(), asked.recv_async()).await;
            let ask = match turn {
                Either::Left((Ok(event), _)) => {
                    self.on_event(event);
                    continue;
                }
                Either::Right((Ok(ask), _)) => ask,
                _ => return,
            };
            if let Ask::End = ask {
                self.shards.iter().for_each(|s| drop(s.send(Control::Close)));
                return;
            }
            let table = Rc::clone(&self);
            rt::spawn(async move { table.on_ask(ask).await });
        }
    }

    async fn on_ask(self: Rc<Self>, ask: Ask) {
        match ask {
            Ask::Put { spec, mode, patience, reply } => {
                let given_up = || patience.is_over() || reply.is_disconnected();
                let result = self.put(*spec, mode, patience.limit(), &given_up).await;
                let _ = reply.send(result);
            }
            Ask::Keep { spec, reply } => {
                let _ = reply.send(self.keep(*spec).await);
            }
            Ask::Remove { key, patience, keep, reply } => {
                let given_up = || patience.is_over() || reply.is_disconnected();
                let result = self.remove(key, patience.limit(), keep, &given_up).await;
                let _ = reply.send(result);
            }
            Ask::PutDocument { key, document, reply } => {
                let _ = reply.send(self.put_document(key, document).await);
            }
            Ask::StopAll { timeout, reply } => {
                self.closing.set(true);
                let _ = reply.send(self.stop_all(timeout).await);
            }
            Ask::Documents { owner, reply } => {
                let documents = self.documents.borrow();
                let own = documents.iter().filter(|(key, _)| key.owner == owner);
                let _ = reply.send(own.map(|(k, d)| (k.clone(), d.clone())).collect());
            }
            view => self.on_view(view).await,
        }
    }

    fn lock(&self, key: &Key) -> Rc<Mutex<()>> {
        let mut locks = self.locks.borrow_mut();
        // Locks nobody holds or waits for are of no use to anybody.
        if locks.len() > 2 * self.rows.borrow().len() + 64 {
            locks.retain(|_, lock| Rc::strong_count(lock) > 1);
        }
        Rc::clone(locks.entry(key.clone()).or_default())
    }

    async fn put(
        &self,
        spec: PipelineSpec,
        mode: PutMode,
        timeout: Option<Duration>,
        given_up: &dyn Fn() -> bool,
    ) -> Result<(), PutError> {
        let key = spec.key.clone();
        let lock = self.lock(&key);
        let _held = lock.lock().await;
        if self.closing.get() {
            return Err(PutError::Closing);
        }
        let before = self.spec(&key);
        let there = self.rows.borrow().get(&key).map(|row| (row.created_unix_ns, row.token));
        match (mode, there) {
            (PutMode::Create, Some(_)) => return Err(PutError::Exists),
            (PutMode::Replace | PutMode::ReplaceOf(_), None) => return Err(PutError::Missing),
            (PutMode::ReplaceOf(instance), Some((_, token))) if instance != token => {
                return Err(PutError::Changed);
            }
            (_, None) if self.rows.borrow().len() >= PIPELINES_MAX => return Err(PutError::Full),
            _ => {}
        }
        let created = there.map_or_else(wall_ns, |(created, _)| created);
        let spec = Arc::new(spec);
        let placed = self.build(&spec, false).await?;
        let entry = Entry::Put { spec: Arc::clone(&spec), created: created.to_string() };
        if let Err(text) = self.write(entry).await {
            self.discard(&placed);
            return Err(PutError::Journal(text));
        }
        if there.is_some() {
            self.stop(&key, timeout, given_up).await;
            self.forget(&key);
        }
        for spec in before.iter().chain([&spec]) {
            self.clear(spec).await;
        }
        self.open(spec, created, placed);
        Ok(())
    }

    /// Keeps another plan of what runs, for its next start.
    async fn keep(&self, spec: PipelineSpec) -> Result<(), PutError> {
        let (key, spec) = (spec.key.clone(), Arc::new(spec));
        let lock = self.lock(&key);
        let _held = lock.lock().await;
        let runs = |row: &&Row| row.standing.ended_ns.is_none();
        let created = self.rows.borrow().get(&key).filter(runs).map(|row| row.created_unix_ns);
        let created = created.ok_or(PutError::Missing)?.to_string();
        let entry = Entry::Put { spec: Arc::clone(&spec), created };
        self.write(entry).await.map_err(PutError::Journal)?;
        if let Some(row) = self.rows.borrow_mut().get_mut(&key) {
            row.spec = spec;
        }
        Ok(())
    }

    /// Opens what was built, as a row of the table.
    fn open(&self, spec: Arc<PipelineSpec>, created: i128, placed: Placed) {
        self.insert(Arc::clone(&spec), created, &placed);
        let open = Control::Open(placed.token, placed.lines);
        let _ = self.shards[placed.home].send(open);
        placed.others.into_iter().for_each(|other| self.join(&spec.key, other));
    }

    fn insert(&self, spec: Arc<PipelineSpec>, created: i128, placed: &Placed) {
        let connection = |source: bool, node: &plan::Node| {
            let view = ConnectionView {
                label: node.component.label.clone(),
                path: node.component.path.clone(),
                source,
                connected: false,
                error: String::new(),
            };
            let parts = if source || placed.whole { placed.lines.len() } else { 0 };
            Connected::new(view, placed.token, 1 + parts)
        };
        let nodes = spec.plan.nodes.iter().enumerate();
        let connections = nodes
            .filter(|(_, node)| node.role != Role::Operator)
            .map(|(id, node)| (id, connection(node.role == Role::Source, node)))
            .collect();
        let (key, now) = (spec.key.clone(), wall_ns());
        let (home, token) = (placed.home, placed.token);
        self.by_token.borrow_mut().insert(token, key.clone());
        let row = Row {
            spec,
            standing: Standing::begun(),
            created_unix_ns: created,
            started_unix_ns: now,
            seen_unix_ns: now,
            home,
            token,
            connections,
            members: Members::of(&placed.place),
        };
        self.roll.set(&key, &row.standing);
        self.rows.borrow_mut().insert(key, row);
    }

    /// Stops the instance of a pipeline if it runs: gently for three quarters of the deadline,
    /// then by force (spec/benthos-streams-api.md §3). Tells whether it had to be forced.
    async fn stop(
        &self,
        key: &Key,
        timeout: Option<Duration>,
        given_up: &dyn Fn() -> bool,
    ) -> bool {
        let (instances, end) = {
            let mut rows = self.rows.borrow_mut();
            let Some(row) = rows.get_mut(key).filter(|row| row.standing.ended_ns.is_none()) else {
                return false;
            };
            row.standing.state = State::Stopping;
            self.roll.set(key, &row.standing);
            // What is kept goes on in the next process.
            let goes_on = self.closing.get() && row.spec.plan.durable && self.storage.is_some();
            (row.running(), if goes_on { End::Suspended } else { End::Stopped })
        };
        let ended = instances.iter().map(|(home, token)| {
            let (tell, ended) = flume::bounded(1);
            self.waiting.borrow_mut().entry(*token).or_default().push(tell);
            let _ = self.shards[*home].send(Control::Stop(*token, end));
            ended.into_recv_async()
        });
        let ended = join_all(ended);
        let gently = async {
            match timeout {
                Some(limit) => rt::sleep(limit * 3 / 4).await,
                None => {
                    while !given_up() {
                        rt::sleep(PATIENCE).await;
                    }
                }
            }
        };
        let ended = std::pin::pin!(ended);
        let Either::Right((_, ended)) = select(ended, std::pin::pin!(gently)).await else {
            return false;
        };
        tracing::info!(stream = &*key.id, "the graceful stop took too long and is forced");
        for (home, token) in instances {
            let _ = self.shards[home].send(Control::Abort(token));
        }
        let _ = rt::timeout(timeout.map_or(ABORT_MAX, |t| (t / 4).min(ABORT_MAX)), ended).await;
        true
    }

    async fn remove(
        &self,
        key: Key,
        timeout: Option<Duration>,
        keep: bool,
        given_up: &dyn Fn() -> bool,
    ) -> Result<(), RemoveError> {
        let lock = self.lock(&key);
        let _held = lock.lock().await;
        if self.closing.get() {
            return Err(RemoveError::Closing);
        }
        let spec = self.spec(&key).ok_or(RemoveError::Missing)?;
        self.stop(&key, timeout, given_up).await;
        let entry = if keep {
            self.mark_ended(&key, State::Stopped);
            Entry::Ended { key: key.clone(), state: State::Stopped }
        } else {
            self.forget(&key);
            self.rows.borrow_mut().remove(&key);
            self.roll.remove(&key);
            Entry::Removed(key)
        };
        self.write(entry).await.map_err(RemoveError::Journal)?;
        self.clear(&spec).await;
        Ok(())
    }

    fn spec(&self, key: &Key) -> Option<Arc<PipelineSpec>> {
        self.rows.borrow().get(key).map(|row| Arc::clone(&row.spec))
    }

    /// Lets go of the last instance of a pipeline.
    fn forget(&self, key: &Key) {
        if let Some(row) = self.rows.borrow().get(key) {
            let others = row.members.all.iter().map(|member| member.token);
            for token in others.chain([row.token]) {
                self.by_token.borrow_mut().remove(&token);
                // Its counts are kept wherever somebody worked for it.
                self.shards.iter().for_each(|s| drop(s.send(Control::Forget(token))));
            }
            rt::memory::give_back_soon(|task| drop(rt::spawn(task)));
        }
    }

    fn mark_ended(&self, key: &Key, state: State) {
        if let Some(row) = self.rows.borrow_mut().get_mut(key) {
            row.standing.end(state);
            self.roll.set(key, &row.standing);
        }
    }

    async fn put_document(&self, key: Key, document: Option<Json>) -> Result<(), PutError> {
        let entry = match &document {
            Some(document) => Entry::Document(key.clone(), document.clone()),
            None => Entry::DocumentRemoved(key.clone()),
        };
        self.write(entry).await.map_err(PutError::Journal)?;
        let mut documents = self.documents.borrow_mut();
        match document {
            Some(document) => drop(documents.insert(key, document)),
            None => drop(documents.remove(&key)),
        }
        Ok(())
    }

    async fn write(&self, entry: Entry) -> Result<(), String> {
        let appended = self.journal.borrow_mut().as_mut().map(|j| j.append(entry));
        let Some((undo, durable)) = appended else { return Ok(()) };
        let written = durable.await;
        if written.is_err()
            && let Some(journal) = self.journal.borrow_mut().as_mut()
        {
            journal.undo(undo);
        }
        written
    }

    fn on_event(self: &Rc<Self>, event: Event) {
        match event {
            Event::Connection { token, instance, index, up, error } => {
                let Some(key) = self.by_token.borrow().get(&token).cloned() else { return };
                let mut rows = self.rows.borrow_mut();
                // A part may tell more while it goes.
                let row = rows.get_mut(&key).filter(|r| r.standing.ended_ns.is_none());
                let Some(row) = row else { return };
                row.seen_unix_ns = wall_ns();
                if let Some(connected) = row.connections.get_mut(&index) {
                    connected.set(token, instance, up, error);
                }
                if row.notice_trouble() {
                    self.roll.set(&key, &row.standing);
                }
            }
            Event::Grow { token } => {
                let table = Rc::clone(self);
                rt::spawn(async move { table.grow(token).await });
            }
            Event::Ended { token, state } => self.on_ended(token, state),
        }
    }

    fn on_ended(self: &Rc<Self>, token: u64, state: State) {
        // The shard keeps its counts until told; nobody needs them to run.
        let waiting = self.waiting.borrow_mut().remove(&token).unwrap_or_default();
        for waits in waiting {
            let _ = waits.send(());
        }
        let Some(key) = self.by_token.borrow().get(&token).cloned() else { return };
        if self.rows.borrow().get(&key).is_some_and(|row| row.token != token) {
            return self.member_ended(&key, token, state);
        }
        let (stopping, state) = {
            let mut rows = self.rows.borrow_mut();
            let Some(row) = rows.get_mut(&key) else { return };
            let (stopping, state) =
                (row.standing.state == State::Stopping, self.crew_ended(row, state));
            row.standing.end(state.clone());
            self.roll.set(&key, &row.standing);
            row.seen_unix_ns = wall_ns();
            row.connections.values_mut().for_each(|c| c.view.connected = false);
            (stopping, state)
        };
        if let State::Failed(text) = &state {
            tracing::error!(stream = &*key.id, "the pipeline failed: {text}");
        }
        if !stopping && !self.closing.get() {
            let table = Rc::clone(self);
            rt::spawn(async move { table.write_end(key, token, state).await });
        }
    }

    /// Makes the end of an instance durable, unless another has taken its place: the journal would
    /// tell of that one's end.
    async fn write_end(&self, key: Key, token: u64, state: State) {
        let lock = self.lock(&key);
        let _held = lock.lock().await;
        if self.rows.borrow().get(&key).is_none_or(|row| row.token != token) {
            return;
        }
        let spec = self.spec(&key);
        match self.write(Entry::Ended { key, state }).await {
            Ok(()) => {
                if let Some(spec) = spec {
                    self.clear(&spec).await;
                }
            }
            Err(text) => {
                tracing::error!("the end of a pipeline could not be made durable: {text}");
            }
        }
    }

    /// Stops everything; returns how many had to be forced.
    async fn stop_all(&self, timeout: Duration) -> usize {
        let keys: Vec<Key> = self.rows.borrow().keys().cloned().collect();
        let never = || false;
        let stops = keys.iter().map(|key| self.stop(key, Some(timeout), &never));
        join_all(stops).await.into_iter().filter(|forced| *forced).count()
    }

    /// Starts what the journal tells of. What had ended by itself stays ended.
    async fn recover(&self) {
        let table = self.journal.borrow().as_ref().map(|j| j.table().clone());
        let Some(table) = table else { return };
        *self.documents.borrow_mut() = table.documents;
        self.sweep(table.pipelines.values()).await;
        for Stored { spec, created, ended } in table.pipelines.into_values() {
            let created = created.parse().unwrap_or_default();
            let key = spec.key.clone();
            let built = match ended {
                Some(state) => Err(state),
                None => self.build(&spec, true).await.map_err(|e| State::Failed(e.to_string())),
            };
            match built {
                Ok(placed) => self.open(spec, created, placed),
                Err(state) => {
                    if let State::Failed(text) = &state {
                        tracing::error!(stream = &*key.id, "not started again: {text}");
                    }
                    self.insert(spec, created, &Placed::default());
                    self.mark_ended(&key, state);
                }
            }
        }
    }
}
