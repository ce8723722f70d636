//! One append-only log: replay, durable append, atomic rewrite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{BLOCK, Disk, Kind, sync_dir};
use super::error::StorageError;
use super::frame::{HEAD_LEN, encode, head, replay};

/// The largest log that a replay loads, in bytes.
pub const LOG_MAX: u64 = 1 << 30;

pub(super) struct Log {
    kind: Kind,
    dir: PathBuf,
    path: PathBuf,
    disk: Option<Disk>,
    /// Start of the last block that is not full, and what it holds.
    block_start: u64,
    tail: Vec<u8>,
    next: u64,
    /// Bytes of head and records, shared with the handles.
    len: Arc<AtomicU64>,
    poisoned: bool,
}

/// What [`Log::open`] found.
pub(super) struct Found {
    pub(super) records: Vec<Vec<u8>>,
    pub(super) torn: usize,
    pub(super) len: Arc<AtomicU64>,
}

impl Log {
    /// Opens or makes the log `name` in `dir` and reads all its records.
    pub(super) async fn open(
        kind: Kind,
        dir: &Path,
        name: &str,
    ) -> Result<(Self, Found), StorageError> {
        let path = dir.join(name);
        let failed = |action| {
            let path = path.clone();
            move |error: io::Error| StorageError::io(action, &path, &error)
        };
        let len = match fs::metadata(&path) {
            Ok(info) => Some(info.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("open")(error)),
        };
        if let Some(len) = len.filter(|len| *len > LOG_MAX) {
            return Err(StorageError::TooLarge { path, len, max: LOG_MAX });
        }
        let mut log = Self {
            kind,
            dir: dir.to_owned(),
            path: path.clone(),
            disk: None,
            block_start: 0,
            tail: Vec::new(),
            next: 1,
            len: Arc::new(AtomicU64::new(0)),
            poisoned: false,
        };
        if len.is_none() {
            log.replace(&[]).await?;
            let found = Found { records: Vec::new(), torn: 0, len: Arc::clone(&log.len) };
            return Ok((log, found));
        }
        let bytes = fs::read(&path).map_err(failed("read"))?;
        let Some(state) = replay(&bytes) else { return Err(StorageError::NotALog(path)) };
        let disk = Disk::open(kind, &path, false).await.map_err(failed("open"))?;
        let block_start = state.end / BLOCK * BLOCK;
        log.block_start = block_start as u64;
        log.tail = bytes.get(block_start..state.end).unwrap_or_default().to_vec();
        log.next = state.next;
        log.len.store(state.end as u64, Ordering::Relaxed);
        log.disk = Some(disk);
        if state.torn > 0 {
            log.cut().await.map_err(failed("cut the torn tail of"))?;
        }
        let len = Arc::clone(&log.len);
        Ok((log, Found { records: state.records, torn: state.torn, len }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the end of the file where the end of the records is.
    async fn cut(&self) -> io::Result<()> {
        match &self.disk {
            Some(disk) => disk.end_with(&self.tail, self.block_start).await,
            None => Ok(()),
        }
    }

    /// Makes records durable, all by one write and one flush.
    pub(super) async fn append(&mut self, records: &[Vec<u8>]) -> Result<(), StorageError> {
        if self.poisoned {
            return Err(StorageError::Poisoned(self.path.clone()));
        }
        let Some(disk) = &self.disk else { return Err(StorageError::Stopped) };
        let mut bytes = self.tail.clone();
        for (sequence, record) in (self.next..).zip(records) {
            encode(sequence, record, &mut bytes);
        }
        let used = bytes.len();
        let bytes = padded(bytes);
        if let Err(error) = disk.write(&bytes, self.block_start).await {
            // None of them is acknowledged; what went out must not come back after a restart.
            if let Err(error) = self.cut().await {
                self.poisoned = true;
                tracing::error!(path = %self.path.display(), %error, "cannot undo a failed write");
            }
            return Err(StorageError::io("write", &self.path, &error));
        }
        if let Err(error) = disk.sync().await {
            // The kernel may have dropped the pages: a second flush would succeed and mean nothing.
            self.poisoned = true;
            return Err(StorageError::io("flush", &self.path, &error));
        }
        let full = used / BLOCK * BLOCK;
        self.tail = bytes.get(full..used).unwrap_or_default().to_vec();
        self.block_start += full as u64;
        self.next += records.len() as u64;
        self.len.store(self.block_start + self.tail.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Replaces everything by `records`, atomically: after a crash either the old or the new log is
    /// there. It also heals a log whose flush failed, because nothing of it is used.
    pub(super) async fn replace(&mut self, records: &[Vec<u8>]) -> Result<(), StorageError> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let mut bytes = head(self.next).to_vec();
        for (sequence, record) in (self.next..).zip(records) {
            encode(sequence, record, &mut bytes);
        }
        let used = bytes.len();
        debug_assert!(used >= HEAD_LEN);
        let bytes = padded(bytes);
        let written = async {
            let disk = Disk::open(self.kind, &temporary, true).await?;
            let done = async {
                disk.write(&bytes, 0).await?;
                disk.sync().await?;
                fs::rename(&temporary, &self.path)?;
                sync_dir(&self.dir)
            };
            match done.await {
                Ok(()) => Ok(disk),
                Err(error) => {
                    disk.close().await;
                    Err(error)
                }
            }
        };
        let disk = match written.await {
            Ok(disk) => disk,
            Err(error) => {
                let _ = fs::remove_file(&temporary); // it may never have been made
                return Err(StorageError::io("rewrite", &self.path, &error));
            }
        };
        if let Some(old) = self.disk.replace(disk) {
            old.close().await;
        }
        let full = used / BLOCK * BLOCK;
        self.tail = bytes.get(full..used).unwrap_or_default().to_vec();
        self.block_start = full as u64;
        self.next += records.len() as u64;
        self.poisoned = false;
        self.len.store(used as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Closes the file. All that was acknowledged is durable already.
    pub(super) async fn close(mut self) {
        if let Some(disk) = self.disk.take() {
            disk.close().await;
        }
    }
}

pub(super) fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}
