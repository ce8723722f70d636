//! The files of an open spool, on the thread that owns them.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::format::{
    Cursor, HEAD_LEN, Head, SLOT_LEN, encode_record, record, record_len, segment_name,
};
use super::survey::{CURSOR, Survey};
use super::{Appended, BLOCK, Chunk, Options, Place, Standing, Stored};
use crate::storage::GROUP_BYTES;
use crate::storage::disk::{Disk, Kind, sync_dir};
use crate::storage::error::StorageError;
use crate::storage::log::padded;

/// How often the cursor is flushed at most, besides before a segment is removed.
const CURSOR_SYNC: Duration = Duration::from_secs(1);

/// A file with records.
struct Segment {
    first: u64,
    /// The number behind its last record.
    next: u64,
    /// Bytes of head and records.
    used: u64,
}

/// The segment that is written.
struct Active {
    disk: Disk,
    path: PathBuf,
    /// Start of the last block that is not full, and what it holds.
    block_start: u64,
    tail: Vec<u8>,
}

pub(super) struct Store {
    kind: Kind,
    dir: PathBuf,
    /// Held until everything is closed.
    _lock: fs::File,
    options: Options,
    /// The oldest first; the last may be the active one.
    segments: VecDeque<Segment>,
    active: Option<Active>,
    /// The number of the next record.
    next: u64,
    cursor: Cursor,
    cursor_file: fs::File,
    cursor_synced: Instant,
    /// When the oldest record was written that is not on the device yet.
    unsynced: Option<Instant>,
    /// The segment that is read, by its first record. Reads go through the cache of the system,
    /// which knows of direct writes.
    reading: Option<(u64, fs::File)>,
    poisoned: bool,
}

impl Store {
    /// Opens what a survey has found to be whole: cuts what is torn, removes what is over.
    pub(super) async fn open(
        kind: Kind,
        dir: &Path,
        (lock, survey): (fs::File, Survey),
        options: Options,
    ) -> Result<Self, StorageError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| StorageError::io(action, &path, &error)
        };
        let path = dir.join(CURSOR);
        let mut writing = fs::OpenOptions::new();
        writing.read(true).write(true).create(true).truncate(false);
        let cursor_file = writing.open(&path).map_err(failed("open", &path))?;
        let mut store = Store {
            kind,
            dir: dir.to_owned(),
            _lock: lock,
            options,
            segments: VecDeque::new(),
            active: None,
            next: survey.next,
            cursor: survey.cursor,
            cursor_file,
            cursor_synced: Instant::now(),
            unsynced: None,
            reading: None,
            poisoned: false,
        };
        for segment in &survey.segments {
            let (first, next, used) = (segment.first, segment.next(), segment.used());
            store.segments.push_back(Segment { first, next, used });
        }
        if let Some(last) = survey.segments.last().filter(|last| last.next() == store.next) {
            let path = last.path.clone();
            let disk = Disk::open(kind, &path, false).await.map_err(failed("open", &path))?;
            let block_start = last.used() / BLOCK as u64 * BLOCK as u64;
            let active = Active { disk, path, block_start, tail: survey.tail };
            // Also when nothing is torn: a kill may have left the end of a file anywhere.
            active.cut().await.map_err(failed("cut the torn tail of", &active.path))?;
            store.active = Some(active);
        }
        for path in &survey.over {
            fs::remove_file(path).map_err(failed("remove", path))?;
        }
        store.cursor.settled = store.next;
        store.advance();
        store.write_cursor(true)?;
        sync_dir(dir).map_err(failed("flush", dir))?;
        Ok(store)
    }

    /// What is there to be delivered, for whoever opened it.
    pub(super) fn stored(&self, torn: u64) -> Stored {
        let Cursor { low, above, .. } = &self.cursor;
        let start = self.segments.iter().find(|segment| segment.next > *low);
        let place = match start {
            Some(segment) => Place { segment: segment.first, offset: HEAD_LEN as u64 },
            None => self.end(),
        };
        let first = start.map_or(self.next, |segment| segment.first);
        Stored {
            place,
            first,
            acked: above.iter().copied().collect(),
            next: self.next,
            torn,
            standing: self.standing(),
        }
    }

    /// Where the next record goes.
    fn end(&self) -> Place {
        let last = self.segments.back();
        let (segment, offset) = last.map_or((self.next, HEAD_LEN as u64), |s| (s.first, s.used));
        Place { segment, offset }
    }

    pub(super) fn standing(&self) -> Standing {
        let used = self.segments.iter().map(|segment| segment.used).sum();
        Standing { used, low: self.cursor.low, next: self.next }
    }

    /// Makes records durable, all by one write and, unless that may wait, one flush. None of them
    /// is there when that fails.
    pub(super) async fn append(
        &mut self,
        payloads: &[Vec<u8>],
    ) -> Result<Vec<Appended>, StorageError> {
        if self.poisoned {
            return Err(StorageError::Poisoned(self.dir.clone()));
        }
        self.make_room(payloads).await?;
        let settled = if self.unsynced.is_some() { self.cursor.settled } else { self.next };
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.back_mut()) else {
            return Err(StorageError::Stopped);
        };
        let mut bytes = active.tail.clone();
        let mut appended = Vec::with_capacity(payloads.len());
        for (sequence, payload) in (self.next..).zip(payloads) {
            encode_record(sequence, settled, payload, &mut bytes);
            let end =
                Place { segment: segment.first, offset: active.block_start + bytes.len() as u64 };
            appended.push(Appended { sequence, end, standing: Standing::default() });
        }
        let used = bytes.len();
        let bytes = padded(bytes);
        let mut written = active.disk.write(&bytes, active.block_start).await;
        let may_wait = !self.options.sync_period.is_zero();
        if written.is_ok() && !may_wait {
            written = active.disk.sync().await;
        }
        if let Err(error) = written {
            // None of them is acknowledged; what went out must not come back after a restart.
            if let Err(error) = active.cut().await {
                self.poisoned = true;
                tracing::error!(path = %active.path.display(), %error, "cannot undo a failed write");
            }
            return Err(StorageError::io("write", &active.path, &error));
        }
        let full = used / BLOCK * BLOCK;
        active.tail = bytes.get(full..used).unwrap_or_default().to_vec();
        active.block_start += full as u64;
        segment.used = active.block_start + active.tail.len() as u64;
        self.next += payloads.len() as u64;
        segment.next = self.next;
        match may_wait {
            true => drop(self.unsynced.get_or_insert_with(Instant::now)),
            false => self.cursor.settled = self.next,
        }
        let standing = self.standing();
        appended.iter_mut().for_each(|one| one.standing = standing);
        Ok(appended)
    }

    /// Begins a new segment when there is none, when this one is large enough, and when there is
    /// room only without it.
    async fn make_room(&mut self, payloads: &[Vec<u8>]) -> Result<(), StorageError> {
        let needed: u64 = payloads.iter().map(|p| (p.len() + super::RECORD_BYTES) as u64).sum();
        let used = self.segments.back().map_or(0, |segment| segment.used);
        let crowded = self.standing().used.saturating_add(needed) > self.options.limit;
        if crowded && self.cursor.low == self.next {
            self.remove_all().await?;
        } else if self.active.is_some() && used >= self.options.segment_bytes {
            self.sync().await?;
            if let Some(active) = self.active.take() {
                active.disk.close().await;
            }
        }
        if self.active.is_none() {
            self.begin().await?;
        }
        Ok(())
    }

    /// Makes a segment; it gets its name when its head is on the device.
    async fn begin(&mut self) -> Result<(), StorageError> {
        let first = self.next;
        // Behind a repair that lost the last records there is a segment without any.
        let prior = self.segments.back().map_or(first, |segment| segment.next);
        let path = self.dir.join(segment_name(first));
        let new = path.with_extension("new");
        let tail = Head { first, prior }.encode().to_vec();
        let made = async {
            let disk = Disk::open(self.kind, &new, true).await?;
            let done = async {
                disk.write(&padded(tail.clone()), 0).await?;
                disk.sync().await?;
                fs::rename(&new, &path)?;
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
        match made.await {
            Ok(disk) => {
                let used = HEAD_LEN as u64;
                self.segments.push_back(Segment { first, next: first, used });
                self.active = Some(Active { disk, path, block_start: 0, tail });
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&new); // it may never have been made
                let _ = fs::remove_file(&path); // it has no records
                Err(StorageError::io("make", &path, &error))
            }
        }
    }

    /// So many bytes are committed together at most, besides the last record of them.
    pub(super) fn group_bytes(&self) -> usize {
        GROUP_BYTES.min(self.options.segment_bytes as usize)
    }

    /// When records that were written must be on the device.
    pub(super) fn sync_due(&self) -> Option<Duration> {
        let since = self.unsynced?;
        Some(self.options.sync_period.saturating_sub(since.elapsed()))
    }

    /// Flushes what was written and not flushed.
    pub(super) async fn sync(&mut self) -> Result<(), StorageError> {
        let (Some(_), Some(active)) = (self.unsynced, &self.active) else { return Ok(()) };
        if let Err(error) = active.disk.sync().await {
            // The kernel may have dropped the pages: a second flush would succeed and mean nothing.
            self.poisoned = true;
            return Err(StorageError::io("flush", &active.path, &error));
        }
        self.unsynced = None;
        self.cursor.settled = self.next;
        Ok(())
    }

    /// Takes note of records that are delivered, and removes segments that have no others.
    pub(super) async fn acked(&mut self, sequences: &[u64]) -> Result<Standing, StorageError> {
        let fresh = |sequence: &&u64| **sequence >= self.cursor.low && **sequence < self.next;
        let fresh: Vec<u64> = sequences.iter().filter(fresh).copied().collect();
        self.cursor.above.extend(fresh);
        self.advance();
        let over = |store: &Store| match store.segments.front() {
            Some(first) => first.next <= store.cursor.low && store.segments.len() > 1,
            None => false,
        };
        let sync = over(self) || self.cursor_synced.elapsed() >= CURSOR_SYNC;
        self.write_cursor(sync)?;
        while over(self) {
            if let Some(segment) = self.segments.pop_front() {
                self.remove(segment.first)?;
            }
        }
        let used = self.segments.back().map_or(0, |segment| segment.used);
        if self.cursor.low == self.next && used > self.options.segment_bytes / 4 {
            self.remove_all().await?;
        }
        Ok(self.standing())
    }

    /// Removes the last segment, too: everything is delivered.
    async fn remove_all(&mut self) -> Result<(), StorageError> {
        self.cursor.settled = self.next;
        self.unsynced = None;
        self.write_cursor(true)?;
        if let Some(active) = self.active.take() {
            active.disk.close().await;
        }
        while let Some(segment) = self.segments.pop_front() {
            self.remove(segment.first)?;
        }
        Ok(())
    }

    fn remove(&mut self, first: u64) -> Result<(), StorageError> {
        self.reading.take_if(|(reading, _)| *reading == first);
        let path = self.dir.join(segment_name(first));
        fs::remove_file(&path).map_err(|error| StorageError::io("remove", &path, &error))
    }

    /// Moves `low` over everything that is acknowledged, and over what a repair cut out.
    fn advance(&mut self) {
        let Cursor { low, above, .. } = &mut self.cursor;
        loop {
            while above.remove(low) {
                *low += 1;
            }
            let at = self.segments.partition_point(|segment| segment.next <= *low);
            let first = self.segments.get(at).map_or(self.next, |segment| segment.first);
            if first <= *low {
                return;
            }
            *low = first;
        }
    }

    /// Writes the cursor. Without a flush it survives the end of the process, not of the machine.
    fn write_cursor(&mut self, sync: bool) -> Result<(), StorageError> {
        self.cursor.generation += 1;
        let slot = self.cursor.encode();
        let at = self.cursor.generation % 2 * SLOT_LEN as u64;
        let written = self.cursor_file.write_all_at(&slot, at);
        let written = written.and_then(|()| match sync {
            true => self.cursor_file.sync_data(),
            false => Ok(()),
        });
        if sync {
            self.cursor_synced = Instant::now();
        }
        written.map_err(|error| StorageError::io("write", &self.dir.join(CURSOR), &error))
    }

    /// Records from a place on, about so many bytes of them, but one at least when there is one.
    pub(super) fn read(
        &mut self,
        from: Place,
        sequence: u64,
        bytes_max: usize,
    ) -> Result<Chunk, StorageError> {
        let mut place = from;
        let at = self.segments.partition_point(|segment| segment.next <= sequence);
        let Some(segment) = self.segments.get(at) else { return Ok(Chunk::empty(from, sequence)) };
        // Past the end of a segment, or past what a repair cut out.
        let sequence = sequence.max(segment.first);
        if segment.first != place.segment {
            place = Place { segment: segment.first, offset: HEAD_LEN as u64 };
        }
        let (first, used) = (segment.first, segment.used);
        if self.reading.as_ref().is_none_or(|(open, _)| *open != first) {
            let path = self.dir.join(segment_name(first));
            let file = fs::File::open(&path);
            let file = file.map_err(|error| StorageError::io("open", &path, &error))?;
            self.reading = Some((first, file));
        }
        let left = used.saturating_sub(place.offset) as usize;
        let mut bytes = self.read_part(place, left.min(bytes_max))?;
        if let Some(len) = record_len(&bytes).filter(|len| *len > bytes.len() && *len <= left) {
            bytes = self.read_part(place, len)?;
        }
        self.cut_out(bytes, place, sequence)
    }

    fn read_part(&self, place: Place, len: usize) -> Result<Bytes, StorageError> {
        let Some((first, file)) = &self.reading else { return Err(StorageError::Stopped) };
        let mut bytes = vec![0; len];
        let read = file.read_exact_at(&mut bytes, place.offset);
        let path = || self.dir.join(segment_name(*first));
        read.map_err(|error| StorageError::io("read", &path(), &error))?;
        Ok(bytes.into())
    }

    /// The whole records at the start of what was read.
    fn cut_out(&self, bytes: Bytes, from: Place, first: u64) -> Result<Chunk, StorageError> {
        let mut chunk = Chunk::empty(from, first);
        let mut at = 0;
        while let Some(found) = record(&bytes, at, chunk.next) {
            let payload = bytes.slice_ref(found.payload);
            at = found.end;
            chunk.records.push((chunk.next, payload));
            chunk.next += 1;
        }
        if chunk.records.is_empty() {
            let path = self.dir.join(segment_name(from.segment));
            let what = format!("record {first} cannot be read");
            return Err(StorageError::Damaged { path, offset: from.offset, what });
        }
        chunk.place.offset += at as u64;
        Ok(chunk)
    }

    /// Flushes everything and closes the files; then whoever opens it knows what must be there.
    pub(super) async fn close(&mut self) -> Result<(), StorageError> {
        let synced = match self.poisoned {
            true => Ok(()),
            false => self.sync().await,
        };
        let written = self.write_cursor(true);
        self.reading = None;
        if let Some(active) = self.active.take() {
            active.disk.close().await;
        }
        synced.and(written)
    }
}

impl Active {
    /// Puts the end of the file where the end of the records is.
    async fn cut(&self) -> io::Result<()> {
        self.disk.end_with(&self.tail, self.block_start).await
    }
}
