//! A spool: records that wait on disk until they are delivered. It is an append-only log in
//! segments that are removed when all their records are acknowledged, in a directory of its own.
//!
//! It is:
//! - durable: a record is on the device before its append is done, many by one flush;
//! - ordered, and read back in order, by whoever opened it;
//! - checked: every record has a checksum, and what is damaged is an error that names the place.
//!
//! All spools of the process have one thread, with direct I/O where the machine has it.

mod check;
mod format;
mod serve;
mod store;
mod survey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

pub use check::{Removed, Repair, Report, check, repair};
pub use format::{PAYLOAD_MAX, RECORD_BYTES, WINDOW_MAX, read_any};
pub use survey::Fault;

use super::disk::BLOCK;
use super::error::StorageError;
use crate::probe::IoMode;
use serve::{Command, Guest, serve, thread};
use store::Store;
use survey::Survey;

/// Commands that may wait for a spool's task.
pub const COMMANDS_MAX: usize = 512;

/// Bytes that a segment takes besides its records.
pub const SEGMENT_BYTES: usize = format::HEAD_LEN;

/// How long a spool that was closed a moment ago may take to be free.
const FREE_WAIT: Duration = Duration::from_secs(2);

/// How a spool is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of all records and heads. Whoever appends sees to it; a spool that is full makes room
    /// by itself when everything in it is acknowledged.
    pub limit: u64,
    /// A segment with so many bytes is followed by another.
    pub segment_bytes: u64,
    /// How long records may wait to be flushed; zero: they are flushed before their append is done.
    pub sync_period: Duration,
}

/// A place in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of the first record of its segment.
    segment: u64,
    offset: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Bytes of all segments.
    pub used: u64,
    /// All records below are acknowledged.
    pub low: u64,
    /// The number of the next record.
    pub next: u64,
}

/// A record that is durable.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// Its number.
    pub sequence: u64,
    /// Where the next record begins.
    pub end: Place,
    /// How much there is now.
    pub standing: Standing,
}

/// Records that were read.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Numbers and payloads, in order.
    pub records: Vec<(u64, Bytes)>,
    /// The number behind the last.
    pub next: u64,
    /// Where that begins.
    pub place: Place,
}

impl Chunk {
    fn empty(place: Place, next: u64) -> Self {
        Chunk { records: Vec::new(), next, place }
    }
}

/// What a spool held when it was opened.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Where reading begins.
    pub place: Place,
    /// The number of the record there; it may be acknowledged.
    pub first: u64,
    /// Acknowledged records that are not below [`Standing::low`].
    pub acked: Vec<u64>,
    /// The number of the next record.
    pub next: u64,
    /// Bytes of a torn tail that were cut off.
    pub torn: u64,
    /// How much there is.
    pub standing: Standing,
}

/// An open spool. Dropped, it is closed when its thread comes to it; clones share it.
#[derive(Clone)]
pub struct Spool {
    commands: flume::Sender<Command>,
}

impl Spool {
    /// Opens a directory, which is made when it is missing, and locks it. All its files are looked
    /// through, on a helper thread.
    ///
    /// # Errors
    /// Somebody else has it open, something is damaged, or what the system says.
    pub async fn open(
        dir: &Path,
        options: Options,
        mode: IoMode,
    ) -> Result<(Self, Stored), StorageError> {
        let path = dir.to_owned();
        let prepare = move || prepare(&path, mode);
        let prepared = crate::blocking(prepare).await;
        let (guests, found) =
            prepared.map_err(|error| StorageError::Start(error.to_string()))??;
        let torn = found.1.torn;
        let dir: PathBuf = dir.to_owned();
        if torn > 0 {
            tracing::warn!(
                path = %dir.display(),
                bytes = torn,
                "cut the torn tail of a spool, which nobody was told to be stored"
            );
        }
        let (reply, opened) = flume::bounded(1);
        let (commands, inbox) = flume::bounded(COMMANDS_MAX);
        let guest: Guest = Box::new(move |kind| {
            Box::pin(async move {
                match Store::open(kind, &dir, found, options).await {
                    Ok(store) => {
                        let stored = store.stored(torn);
                        if reply.send(Ok(stored)).is_ok() {
                            serve(store, inbox).await;
                        }
                    }
                    Err(error) => drop(reply.send(Err(error))), // the asker may have gone
                }
            })
        });
        guests.send_async(guest).await.map_err(|_| StorageError::Stopped)?;
        let stored = opened.recv_async().await.unwrap_or(Err(StorageError::Stopped))?;
        Ok((Spool { commands }, stored))
    }

    /// Asks for a record to be appended. Records are appended in the order in which they were
    /// asked for; each is durable when its answer is there, and not there when that is an error.
    ///
    /// # Errors
    /// The record is longer than [`PAYLOAD_MAX`], or [`COMMANDS_MAX`] commands wait already.
    pub fn append(
        &self,
        payload: Vec<u8>,
    ) -> Result<flume::Receiver<Result<Appended, StorageError>>, StorageError> {
        if payload.len() > PAYLOAD_MAX {
            return Err(StorageError::RecordTooLarge(payload.len()));
        }
        let (reply, answer) = flume::bounded(1);
        let sent = self.commands.try_send(Command::Append { payload, reply });
        sent.map(|()| answer).map_err(|_| StorageError::Stopped)
    }

    /// Takes note of records that are delivered.
    ///
    /// # Errors
    /// What the system says. Then some of them may be read again after a restart.
    pub async fn acked(&self, sequences: Vec<u64>) -> Result<Standing, StorageError> {
        self.ask(|reply| Command::Acked { sequences, reply }).await
    }

    /// Reads about so many bytes of records, one record at least when there is one. `from` is the
    /// place of record `sequence`.
    ///
    /// # Errors
    /// A record is damaged, or what the system says.
    pub async fn read(
        &self,
        from: Place,
        sequence: u64,
        bytes_max: usize,
    ) -> Result<Chunk, StorageError> {
        self.ask(|reply| Command::Read { from, sequence, bytes_max, reply }).await
    }

    /// Flushes everything and lets go of the directory.
    ///
    /// # Errors
    /// What the system says.
    pub async fn close(self) -> Result<(), StorageError> {
        self.ask(|reply| Command::Close { reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(super::Reply<T>) -> Command,
    ) -> Result<T, StorageError> {
        super::ask(&self.commands, command).await
    }
}

type Prepared = (flume::Sender<Guest>, (std::fs::File, Survey));

/// Takes the lock and looks through the files.
fn prepare(dir: &Path, mode: IoMode) -> Result<Prepared, StorageError> {
    let lock = lock(dir, FREE_WAIT)?;
    let mut survey = Survey::of(dir)?;
    match survey.faults.is_empty() {
        true => Ok((thread(mode)?, (lock, survey))),
        false => Err(survey.faults.swap_remove(0).into()),
    }
}

/// Takes the lock; whoever has it may be about to let go.
fn lock(dir: &Path, patience: Duration) -> Result<std::fs::File, StorageError> {
    let start = std::time::Instant::now();
    loop {
        match super::take(dir) {
            Err(StorageError::InUse(_)) if start.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(StorageError::InUse(dir)) => return Err(StorageError::Busy(dir)),
            taken => return taken,
        }
    }
}
