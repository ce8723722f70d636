//! Starting an engine: shards, control thread, journal.

use std::sync::Arc;
use std::time::Duration;

use plan::Registry;

use crate::api::{ASKS_MAX, Ask, EngineHandle, PortEvent};
use crate::budget::{PROCESS_BYTES_MAX, ProcessBudget};
use crate::instance::Event;
use crate::journal::Journal;
use crate::journals;
use crate::placing::Fetch;
use crate::roll::Roll;
use crate::scratch::StateRoom;
use crate::shard::{self, Control, ShardConfig, ShardHandle};
use crate::shared::QUESTIONS_MAX;
use crate::table::Table;

/// How to start an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Number of shards, at least 1.
    pub shards: usize,
    /// Which driver the reactors use.
    pub io: rt::IoMode,
    /// Whether each shard is pinned to a core of its own, of those the process may use.
    pub pin: bool,
    /// Where the journal of the pipeline table is kept; without it nothing survives the process.
    pub state_dir: Option<std::path::PathBuf>,
    /// Bytes that all pipelines together may have on the way.
    pub bytes_max: usize,
    /// Bytes of state that operators keep in memory before they put it to disk; by default half
    /// of the memory of the machine, or of what the process may use of it.
    pub state_memory: usize,
    /// Folder for state that is put to disk; by default the one for temporary files. Nothing in
    /// it outlives the process.
    pub spill_dir: std::path::PathBuf,
    /// What fetches documents of other servers that pipelines are made of.
    pub fetch: Option<Fetch>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        EngineConfig {
            shards: cores,
            io: rt::IoMode::Auto,
            pin: true,
            state_dir: None,
            bytes_max: PROCESS_BYTES_MAX,
            state_memory: rt::probe::memory() / 2,
            spill_dir: std::env::temp_dir(),
            fetch: None,
        }
    }
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A reactor did not start.
    #[error(transparent)]
    Reactor(#[from] rt::Error),
    /// The state directory cannot be used.
    #[error("{0}")]
    Journal(String),
}

/// A running engine.
pub struct Engine {
    handle: EngineHandle,
    threads: Vec<rt::ThreadHandle<()>>,
    shards: Vec<ShardHandle>,
    /// Closes when the storage thread has ended.
    storage: Option<flume::Receiver<()>>,
}

impl Engine {
    /// Starts shards and control thread, and the pipelines that the journal tells of. Ports that
    /// pipelines open are told to every sender in `ports`.
    ///
    /// # Errors
    /// A reactor does not run here, or the state directory cannot be used.
    pub fn start(
        config: &EngineConfig,
        registry: &Registry,
        ports: &[flume::Sender<PortEvent>],
    ) -> Result<Self, StartError> {
        let storage =
            config.state_dir.as_ref().map(|dir| rt::storage::Storage::start(dir, config.io));
        let storage = storage.transpose().map_err(|e| StartError::Journal(e.to_string()))?;
        let (asks, asked) = flume::bounded(ASKS_MAX);
        let (events_in, events) = flume::unbounded();
        let process = Arc::new(ProcessBudget::new(config.bytes_max));
        let state = StateRoom {
            budget: plan::StateBudget::new(config.state_memory),
            dir: Arc::new(config.spill_dir.clone()),
            journals: config.state_dir.as_ref().map(|dir| Arc::new(journals::below(dir))),
        };
        let mailboxes: Vec<_> = (0..config.shards.max(1)).map(|_| flume::unbounded()).collect();
        let peers: Vec<_> = mailboxes.iter().map(|(sender, _)| sender.clone()).collect();
        let questions: Vec<_> = mailboxes.iter().map(|_| flume::bounded(QUESTIONS_MAX)).collect();
        let owners: Vec<_> = questions.iter().map(|(sender, _)| sender.clone()).collect();
        let cores = if config.pin { rt::probe::cores() } else { Vec::new() };
        let mut threads = Vec::new();
        let mailboxes = mailboxes.into_iter().zip(questions);
        for (index, ((_, mailbox), (_, questions))) in mailboxes.enumerate() {
            let shard = ShardConfig {
                mailbox,
                peers: peers.clone(),
                registry: registry.clone(),
                ports: ports.to_vec(),
                events: events_in.clone(),
                process: Arc::clone(&process),
                state: state.clone(),
                index,
                questions,
                owners: owners.clone(),
            };
            let mut reactor = rt::ReactorConfig::new(config.io, &format!("shard-{index}"));
            // Shards beyond the cores float.
            reactor.core = cores.get(index).copied();
            threads.push(rt::start_thread(reactor, move || shard::run(shard))?);
        }
        let reactor = rt::ReactorConfig::new(config.io, "control");
        let (report, opened) = flume::bounded(1);
        let ended = storage.as_ref().map(rt::storage::StorageHandle::ended);
        let roll = Arc::new(Roll::default());
        let written = Arc::clone(&roll);
        let fetch = config.fetch;
        let shards = peers.iter().cloned().map(ShardHandle).collect();
        let main = move || control(storage, peers, (written, fetch), asked, events, report);
        threads.push(rt::start_thread(reactor, main)?);
        match opened.recv() {
            Ok(Ok(())) => {
                let handle = EngineHandle { asks, roll };
                Ok(Engine { handle, threads, shards, storage: ended })
            }
            Ok(Err(text)) => Err(StartError::Journal(text)),
            Err(_) => Err(StartError::Journal("the control thread ended".to_owned())),
        }
    }

    /// The way to ask it.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// The ways to its shards, by number.
    #[must_use]
    pub fn shards(&self) -> &[ShardHandle] {
        &self.shards
    }

    /// Waits until its threads have ended, but at most for `limit`. Returns the names of those
    /// that still run: they are busy with one evaluation that does not end.
    ///
    /// # Errors
    /// A thread panicked.
    pub fn join_within(self, limit: Duration) -> Result<Vec<String>, rt::Error> {
        let end = rt::now() + limit;
        let mut busy = Vec::new();
        for thread in self.threads {
            match thread.join_timeout(end.since(rt::now())) {
                Ok(ended) => ended?,
                Err(thread) => busy.push(thread.name().to_owned()),
            }
        }
        // It ends when nobody needs it any more, which a busy thread does.
        if busy.is_empty()
            && let Some(storage) = self.storage
        {
            let _ = storage.recv_timeout(end.since(rt::now()));
        }
        Ok(busy)
    }

    /// Waits until its threads have ended, which [`EngineHandle::shutdown`] brings about.
    ///
    /// # Errors
    /// A thread panicked.
    pub fn join(self) -> Result<(), rt::Error> {
        self.threads.into_iter().try_for_each(rt::ThreadHandle::join)?;
        // Nothing is ever sent: the channel closes, and the state directory is free again.
        let _ = self.storage.map(|storage| storage.recv());
        Ok(())
    }
}

/// The control thread: opens the journal, reports whether that went well, and answers from then
/// on.
async fn control(
    storage: Option<rt::storage::StorageHandle>,
    shards: Vec<flume::Sender<Control>>,
    (roll, fetch): (Arc<Roll>, Option<Fetch>),
    asked: flume::Receiver<Ask>,
    events: flume::Receiver<Event>,
    report: flume::Sender<Result<(), String>>,
) {
    let journal = match &storage {
        None => None,
        Some(storage) => match Journal::open(storage).await {
            Ok(journal) => Some(journal),
            Err(text) => {
                shards.iter().for_each(|s| drop(s.send(Control::Close)));
                let _ = report.send(Err(text));
                return;
            }
        },
    };
    let _ = report.send(Ok(()));
    Table::new(shards, journal, roll, fetch, storage).run(asked, events).await;
}
