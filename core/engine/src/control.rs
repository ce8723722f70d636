//! Starting an engine: shards, control thread, journal.

use std::sync::Arc;

use plan::Registry;

use crate::api::{ASKS_MAX, EngineHandle, PortEvent};
use crate::budget::{PROCESS_BYTES_MAX, ProcessBudget};
use crate::journal::Journal;
use crate::shard::{self, ShardConfig};
use crate::table::Table;

/// How to start an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Number of shards, at least 1.
    pub shards: usize,
    /// Which driver the reactors use.
    pub io: rt::IoMode,
    /// Whether each shard is pinned to a core of its own.
    pub pin: bool,
    /// Where the journal of the pipeline table is kept; without it nothing survives the process.
    pub state_dir: Option<std::path::PathBuf>,
    /// Bytes that all pipelines together may have on the way.
    pub bytes_max: usize,
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
    /// Keeps the storage reactor alive as long as the engine.
    _storage: Option<crate::disk::StorageHandle>,
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
        let (storage, journal) = open_journal(config)?;
        let (asks, asked) = flume::bounded(ASKS_MAX);
        let (events_in, events) = flume::unbounded();
        let process = Arc::new(ProcessBudget::new(config.bytes_max));
        let mailboxes: Vec<_> = (0..config.shards.max(1)).map(|_| flume::unbounded()).collect();
        let peers: Vec<_> = mailboxes.iter().map(|(sender, _)| sender.clone()).collect();
        let mut threads = Vec::new();
        for (index, (_, mailbox)) in mailboxes.into_iter().enumerate() {
            let shard = ShardConfig {
                mailbox,
                peers: peers.clone(),
                registry: registry.clone(),
                ports: ports.to_vec(),
                events: events_in.clone(),
                process: Arc::clone(&process),
            };
            let mut reactor = rt::ReactorConfig::new(config.io, &format!("shard-{index}"));
            reactor.core = config.pin.then_some(index).filter(|core| *core < cores());
            threads.push(rt::start_thread(reactor, move || shard::run(shard))?);
        }
        let reactor = rt::ReactorConfig::new(config.io, "control");
        let main = move || Table::new(peers, journal).run(asked, events);
        threads.push(rt::start_thread(reactor, main)?);
        Ok(Engine { handle: EngineHandle { asks }, threads, _storage: storage })
    }

    /// The way to ask it.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// Waits until its threads have ended, which [`EngineHandle::shutdown`] brings about.
    ///
    /// # Errors
    /// A thread panicked.
    pub fn join(self) -> Result<(), rt::Error> {
        self.threads.into_iter().try_for_each(rt::ThreadHandle::join)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

type OpenJournal = (Option<crate::disk::StorageHandle>, Option<Journal>);

fn open_journal(config: &EngineConfig) -> Result<OpenJournal, StartError> {
    let Some(dir) = &config.state_dir else { return Ok((None, None)) };
    let fail = |e: &dyn std::fmt::Display| StartError::Journal(e.to_string());
    let storage = crate::disk::Storage::start(dir, config.io).map_err(|e| fail(&e))?;
    let (disk, records) = storage.journal("pipelines").map_err(|e| fail(&e))?;
    let journal = Journal::new(disk, records).map_err(|e| fail(&e))?;
    Ok((Some(storage), Some(journal)))
}
