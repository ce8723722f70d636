//! Looking through the files of a spool: what is there, what is pending, what is damaged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::format::{Bad, Cursor, HEAD_LEN, Head, Run, Unread, VERSION, segment_first, walk};
use crate::storage::error::StorageError;

/// The file that says what is acknowledged.
pub(super) const CURSOR: &str = "cursor";

/// One segment.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) path: PathBuf,
    /// As its name says.
    pub(super) first: u64,
    /// As its head says; as its name says where the head is damaged.
    pub(super) prior: u64,
    pub(super) runs: Vec<Run>,
    /// Damaged places; a torn tail is none.
    pub(super) bad: Vec<Bad>,
    pub(super) head_is_bad: bool,
}

impl Surveyed {
    /// The number behind its last record.
    pub(super) fn next(&self) -> u64 {
        self.runs.last().map_or(self.first, |run| run.next)
    }

    /// Bytes of head and records.
    pub(super) fn used(&self) -> u64 {
        self.runs.last().map_or(HEAD_LEN, |run| run.end) as u64
    }
}

/// A place that does not say what was written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// Bytes from its start.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        let Fault { path, offset, what } = fault;
        StorageError::Damaged { path, offset, what }
    }
}

/// All of a spool.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) segments: Vec<Surveyed>,
    /// Segments of which every record is acknowledged, older than all others; not looked through.
    pub(super) over: Vec<PathBuf>,
    pub(super) cursor: Cursor,
    pub(super) cursor_is_bad: bool,
    pub(super) faults: Vec<Fault>,
    /// Bytes of a tail that was torn by a crash, at the end of the last segment.
    pub(super) torn: u64,
    /// The bytes of the last segment's last block, as far as they are records.
    pub(super) tail: Vec<u8>,
    /// The number of the record that comes next.
    pub(super) next: u64,
}

fn unread(path: &Path, offset: u64, what: &str, unread: Unread) -> Result<Fault, StorageError> {
    let path = path.to_owned();
    match unread {
        Unread::Damaged => Ok(Fault { path, offset, what: what.to_owned() }),
        Unread::Version(version) => Err(StorageError::Version { path, version, known: VERSION }),
    }
}

/// Records `from..to`, in words.
fn records(from: u64, to: u64) -> String {
    match to - from {
        1 => format!("record {from}"),
        _ => format!("records {from} to {}", to - 1),
    }
}

/// The paths of segments by their first record, in order.
fn segments(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(segment_first) {
            found.push((first, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Survey {
    /// Looks through a directory. Nothing is changed.
    ///
    /// # Errors
    /// What the system says, and files of another version. What is damaged is no error here.
    pub(super) fn of(dir: &Path) -> Result<Self, StorageError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| StorageError::io("read", &path, &error)
        };
        let mut survey = Survey { next: 1, ..Survey::default() };
        let found = segments(dir).map_err(failed(dir))?;
        survey.read_cursor(dir, !found.is_empty())?;
        let low = survey.cursor.low;
        let last = found.len().saturating_sub(1);
        for (index, (first, path)) in found.iter().enumerate() {
            if found.get(index + 1).is_some_and(|(next, _)| *next <= low) {
                survey.over.push(path.clone());
                continue;
            }
            let bytes = fs::read(path).map_err(failed(path))?;
            survey.look(*first, path, &bytes, index == last)?;
        }
        survey.look_at_the_end(dir);
        Ok(survey)
    }

    fn read_cursor(&mut self, dir: &Path, needed: bool) -> Result<(), StorageError> {
        let path = dir.join(CURSOR);
        self.cursor = Cursor { low: 1, settled: 1, ..Cursor::default() };
        let read = match fs::read(&path) {
            Ok(bytes) => Cursor::of_file(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !needed => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unread::Damaged),
            Err(error) => return Err(StorageError::io("read", &path, &error)),
        };
        match read {
            Ok(cursor) => self.cursor = cursor,
            Err(wrong) => {
                let what = "there is no word on which records are acknowledged";
                self.faults.push(unread(&path, 0, what, wrong)?);
                self.cursor_is_bad = true;
            }
        }
        Ok(())
    }

    fn fault(&mut self, path: &Path, offset: usize, what: String) {
        self.faults.push(Fault { path: path.to_owned(), offset: offset as u64, what });
    }

    fn look(
        &mut self,
        first: u64,
        path: &Path,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<(), StorageError> {
        let mut prior = first;
        let mut head_is_bad = true;
        match Head::decode(bytes) {
            Ok(head) if head.first == first => (prior, head_is_bad) = (head.prior, false),
            Ok(_) => self.fault(path, 0, "its head is of another segment".into()),
            Err(wrong) => self.faults.push(unread(path, 0, "its head cannot be read", wrong)?),
        }
        let expected = match self.segments.last() {
            Some(before) => before.next(),
            // What comes before was acknowledged and removed.
            None if self.cursor_is_bad => prior,
            None => prior.min(self.cursor.low),
        };
        let broken = self.segments.last().is_some_and(|before| !before.bad.is_empty());
        if prior > expected && !broken {
            self.fault(path, 0, format!("{} before it are missing", records(expected, prior)));
        } else if prior < expected {
            self.fault(path, 0, format!("{} are there twice", records(prior, expected)));
        }
        let walked = walk(bytes, first);
        let (mut runs, mut bad) = (walked.runs, walked.bad);
        if is_last {
            self.cut_torn(&mut runs, &mut bad);
            let end = runs.last().map_or(HEAD_LEN, |run| run.end);
            let block = end / super::BLOCK * super::BLOCK;
            self.tail = bytes.get(block..end).unwrap_or_default().to_vec();
        }
        for place in &bad {
            let what = format!("record {} cannot be read", place.sequence);
            self.fault(path, place.start, what);
        }
        let path = path.to_owned();
        self.segments.push(Surveyed { path, first, prior, runs, bad, head_is_bad });
        Ok(())
    }

    /// Takes off what a crash has torn: from the first bad place on behind which nothing says that
    /// it had been whole.
    fn cut_torn(&mut self, runs: &mut Vec<Run>, bad: &mut Vec<Bad>) {
        let settled = |at: usize, sequence: u64| {
            let later = runs.get(at + 1..).unwrap_or_default();
            sequence < self.cursor.settled || later.iter().any(|run| run.settled > sequence)
        };
        let torn =
            (0..bad.len()).find(|at| bad.get(*at).is_some_and(|b| !settled(*at, b.sequence)));
        if let Some(at) = torn {
            let start = bad.get(at).map_or(0, |place| place.start);
            let end = bad.last().map_or(start, |place| place.end);
            let end = runs.last().map_or(end, |run| run.end.max(end));
            self.torn = (end - start) as u64;
            runs.truncate(at + 1);
            bad.truncate(at);
        }
    }

    /// Whether records are missing behind the last.
    fn look_at_the_end(&mut self, dir: &Path) {
        let (low, settled) = (self.cursor.low, self.cursor.settled);
        let known = low.max(settled);
        let Some(last) = self.segments.last() else {
            self.next = known;
            if low < settled {
                let what = format!("{} are missing", records(low, settled));
                self.fault(&dir.join(CURSOR), 0, what);
            }
            return;
        };
        let (next, used, path) = (last.next(), last.used(), last.path.clone());
        let broken = !last.bad.is_empty();
        self.next = next.max(known);
        if next < known && !broken {
            self.fault(&path, used as usize, format!("{} are missing", records(next, known)));
        }
    }

    /// Whether a record is acknowledged.
    pub(super) fn is_acked(&self, sequence: u64) -> bool {
        sequence < self.cursor.low || self.cursor.above.contains(&sequence)
    }
}
