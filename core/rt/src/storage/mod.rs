//! What must survive: the storage thread and its logs.
//!
//! One thread owns all logs of a state directory, and another one its whole files ([`files`]).
//! Where io_uring and enough lockable memory are given they run glommio with direct I/O; otherwise
//! plain files, behind the same interface and in the same format. Everybody else holds handles and
//! sends commands through bounded queues.

mod disk;
mod error;
pub mod files;
mod frame;
mod log;
mod serve;
pub mod spool;

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

pub use error::StorageError;
pub use frame::RECORD_MAX;
pub use log::LOG_MAX;
pub use serve::{GROUP_BYTES, GROUP_WAIT, LOGS_MAX};

use crate::error::panic_text;
use crate::probe::{IoMode, probe};
use crate::reactor::{REPORT_MAX, block_on};
use disk::Kind;
pub(crate) use disk::sync_dir;
use files::Files;
use serve::{Command, Reply, serve};

/// Commands that may wait for the storage thread; beyond it callers wait.
pub const QUEUE_MAX: usize = 1024;

/// A log is worth rewriting when its garbage is this many times its live data.
pub const GARBAGE_FACTOR: u64 = 2;

/// A log below this many bytes is never worth rewriting.
pub const REWRITE_MIN: u64 = 256 << 10;

/// Memory of the direct backend that is registered with the kernel, in bytes.
const DIRECT_MEMORY: usize = 1 << 20;

/// Ring entries of the direct backend; its thread has few operations at a time.
const DIRECT_RING: usize = 32;

/// Starts storage threads.
pub struct Storage;

/// A running storage thread. It ends when all handles and journals are gone. Clones share it.
#[derive(Clone)]
pub struct StorageHandle {
    commands: flume::Sender<Command>,
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    kind: Kind,
    warning: Option<String>,
    ended: flume::Receiver<()>,
    lock: Weak<Lock>,
    /// The thread of whole files, once somebody has asked for it.
    files: OnceLock<Result<Files, StorageError>>,
}

/// The lock of a state directory. Threads hold it: they may have work left when the last handle is
/// gone.
struct Lock {
    /// Unlocked before the channel closes.
    _file: fs::File,
    /// Closes when the directory is free again.
    _free: flume::Sender<()>,
}

impl Storage {
    /// Makes `dir` if it is missing, takes its lock and starts the thread. Returns once the thread
    /// really runs. A machine that cannot do direct I/O gets plain files and a warning.
    ///
    /// # Errors
    /// A directory that cannot be made, written or locked, named in the text; no thread.
    pub fn start(dir: impl AsRef<Path>, mode: IoMode) -> Result<StorageHandle, StorageError> {
        let dir = dir.as_ref().to_owned();
        let (free, ended) = flume::bounded(0);
        let lock = Arc::new(Lock { _file: take(&dir)?, _free: free });
        let handle = |commands, kind, warning| {
            let (lock, ended, files) = (Arc::downgrade(&lock), ended.clone(), OnceLock::new());
            let dir = dir.clone();
            let shared = Shared { dir, kind, warning, ended, lock, files };
            StorageHandle { commands, shared: Arc::new(shared) }
        };
        let answer = probe(mode).map_err(|error| StorageError::Start(error.to_string()))?;
        let mut warning = None;
        if answer.direct_storage {
            match start_journals(&dir, Kind::Direct, &lock) {
                Ok(commands) => return Ok(handle(commands, Kind::Direct, None)),
                Err(reason) => {
                    warning = Some(format!("storage runs on plain files: {reason}"));
                }
            }
        } else if mode != IoMode::Epoll {
            warning = Some(
                "storage runs on plain files: no io_uring, or RLIMIT_MEMLOCK is too small for it"
                    .to_owned(),
            );
        }
        let started = start_journals(&dir, Kind::Plain, &lock).map_err(StorageError::Start)?;
        Ok(handle(started, Kind::Plain, warning))
    }
}

/// Makes the directory and locks it against other processes.
fn take(dir: &Path) -> Result<fs::File, StorageError> {
    fs::create_dir_all(dir).map_err(|error| StorageError::io("make", dir, &error))?;
    let path = dir.join("lock");
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| StorageError::io("write", &path, &error))?;
    // SAFETY: the descriptor is open; no pointer is passed.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(file),
        _ => {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock => Err(StorageError::InUse(dir.to_owned())),
                _ => Err(StorageError::io("lock", &path, &error)),
            }
        }
    }
}

/// Starts the thread of journals; the error is the reason it does not run.
fn start_journals(
    dir: &Path,
    kind: Kind,
    lock: &Arc<Lock>,
) -> Result<flume::Sender<Command>, String> {
    let (commands, inbox) = flume::bounded(QUEUE_MAX);
    let dir = dir.to_owned();
    let lock = Some(Arc::clone(lock));
    start_thread("storage", kind, lock, move || serve(kind, dir, inbox))?;
    Ok(commands)
}

/// Starts a thread for files of a kind, which works on what `work` makes, and waits until its
/// executor reports in; the error is the reason it does not. It keeps the lock to its end.
fn start_thread<F, Fut>(
    name: &'static str,
    kind: Kind,
    keep: Option<Arc<Lock>>,
    work: F,
) -> Result<(), String>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let (report, reported) = flume::bounded::<Result<(), String>>(1);
    let body = move || {
        let _keep = keep;
        let failed = report.clone();
        let run = AssertUnwindSafe(move || match kind {
            Kind::Plain => {
                let _ = report.send(Ok(()));
                block_on(work());
                Ok(())
            }
            Kind::Direct => run_direct(name, report, work),
        });
        let reason = match catch_unwind(run) {
            Ok(Ok(())) => return,
            Ok(Err(reason)) => reason,
            Err(panic) => panic_text(&*panic),
        };
        if failed.try_send(Err(reason.clone())).is_err() {
            tracing::error!(reason, "the storage thread ended");
        }
    };
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(body).map_err(|error| error.to_string())?;
    match reported.recv_timeout(REPORT_MAX) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(reason),
        Err(_) => Err(format!("its executor did not run within {} s", REPORT_MAX.as_secs())),
    }
}

fn run_direct<F, Fut>(
    name: &'static str,
    report: flume::Sender<Result<(), String>>,
    work: F,
) -> Result<(), String>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let builder = glommio::LocalExecutorBuilder::new(glommio::Placement::Unbound)
        .name(name)
        .io_memory(DIRECT_MEMORY)
        .ring_depth(DIRECT_RING);
    let executor = builder.make().map_err(|error| error.to_string())?;
    executor.run(async move {
        // The first report of an executor that turns; without it the caller falls back.
        let _ = report.send(Ok(()));
        drop(report);
        work().await;
    });
    Ok(())
}

impl StorageHandle {
    /// A channel that closes when the thread has ended and the directory is free again.
    #[must_use]
    pub fn ended(&self) -> flume::Receiver<()> {
        self.shared.ended.clone()
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// True with direct I/O, false with plain files.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.shared.kind == Kind::Direct
    }

    /// The one line to log when direct I/O was wanted and could not be had.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.shared.warning.as_deref()
    }

    /// Whether whole files are kept here, by this process or one before.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.dir().join(files::FOLDER).exists()
    }

    /// The way to the thread that keeps whole files below [`files::FOLDER`]. It starts with the
    /// first call, which blocks until it runs.
    ///
    /// # Errors
    /// The directory cannot be made; no thread.
    pub fn files(&self) -> Result<Files, StorageError> {
        let start = || {
            let lock = self.shared.lock.upgrade().ok_or(StorageError::Stopped)?;
            Files::start(self.dir(), self.shared.kind, lock)
        };
        self.shared.files.get_or_init(start).clone()
    }

    /// Opens the journal `name`, making it when it is missing, and replays its records.
    ///
    /// # Errors
    /// A bad name, a file that is not a log, or what the system says about it.
    pub async fn open_journal(&self, name: &str) -> Result<(Journal, Replay), StorageError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let reserved = name.is_empty() || name.starts_with('.') || name == "lock";
        if reserved || name.ends_with(".new") || !name.bytes().all(plain) {
            return Err(StorageError::Name(name.to_owned()));
        }
        let name = name.to_owned();
        let (log, found) = ask(&self.commands, |reply| Command::Open { name, reply }).await?;
        let journal = Journal { storage: self.clone(), log, len: found.len };
        Ok((journal, Replay { records: found.records, torn: found.torn }))
    }
}

async fn ask<C, T>(
    commands: &flume::Sender<C>,
    command: impl FnOnce(Reply<T>) -> C,
) -> Result<T, StorageError> {
    let (reply, answer) = flume::bounded(1);
    commands.send_async(command(reply)).await.map_err(|_| StorageError::Stopped)?;
    answer.recv_async().await.unwrap_or(Err(StorageError::Stopped))
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// All records that were ever acknowledged, in order, since the last rewrite.
    pub records: Vec<Vec<u8>>,
    /// Bytes of a torn tail that were cut off.
    pub torn: usize,
}

/// An append-only log of opaque records. Clones share it.
#[derive(Clone)]
pub struct Journal {
    storage: StorageHandle,
    log: usize,
    len: Arc<AtomicU64>,
}

impl Journal {
    /// Appends a record. The future is done when the record is durable; records of one caller that
    /// awaits each stay in order, and so do those whose futures are polled in order.
    ///
    /// # Errors
    /// A record above [`RECORD_MAX`], or what the system says: a full disk names the file, and the
    /// journal stays usable. Then the record is not in the log.
    pub async fn append(&self, record: Vec<u8>) -> Result<(), StorageError> {
        if record.len() > RECORD_MAX {
            return Err(StorageError::RecordTooLarge(record.len()));
        }
        let log = self.log;
        ask(&self.storage.commands, |reply| Command::Append { log, record, reply }).await
    }

    /// Replaces all records by `records`, atomically. Appends that were asked for earlier are
    /// replaced, later ones follow.
    ///
    /// # Errors
    /// As [`Journal::append`]; the old records stay then.
    pub async fn rewrite(&self, records: Vec<Vec<u8>>) -> Result<(), StorageError> {
        if let Some(long) = records.iter().find(|record| record.len() > RECORD_MAX) {
            return Err(StorageError::RecordTooLarge(long.len()));
        }
        let log = self.log;
        ask(&self.storage.commands, |reply| Command::Rewrite { log, records, reply }).await
    }

    /// Bytes of the log, padding not counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// True when the log holds no bytes beyond its head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= frame::HEAD_LEN as u64
    }

    /// True when the log is large and mostly garbage: time for [`Journal::rewrite`]. `live` is the
    /// bytes of records that are still needed.
    #[must_use]
    pub fn wants_rewrite(&self, live: u64) -> bool {
        let len = self.len();
        len >= REWRITE_MIN && len.saturating_sub(live) > live.saturating_mul(GARBAGE_FACTOR)
    }

    /// The thread that keeps the journal.
    #[must_use]
    pub fn storage(&self) -> &StorageHandle {
        &self.storage
    }
}
