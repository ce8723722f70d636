//! Looking for damage in the files of a spool, and cutting it out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::format::{Cursor, HEAD_LEN, Head, Run, SLOT_LEN, segment_name};
use super::survey::{CURSOR, Fault, Survey, Surveyed};
use crate::storage::disk::sync_dir;
use crate::storage::error::StorageError;

/// What is in a spool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments.
    pub segments: usize,
    /// Records that can be read.
    pub records: u64,
    /// Records among them that are not acknowledged.
    pub pending: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Bytes of a torn tail that is cut off when the spool is opened.
    pub torn: u64,
    /// What is damaged.
    pub faults: Vec<Fault>,
}

/// What a repair took out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Where the bytes are now.
    pub path: PathBuf,
    /// How many there are.
    pub bytes: u64,
}

/// What a repair has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// What was damaged.
    pub faults: Vec<Fault>,
    /// What was put aside.
    pub removed: Vec<Removed>,
    /// Records that were not acknowledged and are gone.
    pub lost: u64,
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StorageError + 'a {
    move |error| StorageError::io(action, path, &error)
}

/// Locks a directory that must be there.
fn take(dir: &Path) -> Result<fs::File, StorageError> {
    fs::read_dir(dir).map_err(failed("open", dir))?;
    super::lock(dir, Duration::ZERO)
}

/// Looks through a spool that nobody has open.
///
/// # Errors
/// It is in use, of another version, or what the system says. What is damaged is no error here.
pub fn check(dir: &Path) -> Result<Report, StorageError> {
    let _lock = take(dir)?;
    let survey = Survey::of(dir)?;
    let runs = || survey.segments.iter().flat_map(|segment| &segment.runs);
    let pending = |run: &Run| (run.first..run.next).filter(|s| !survey.is_acked(*s)).count();
    Ok(Report {
        segments: survey.segments.len() + survey.over.len(),
        records: runs().map(|run| run.next - run.first).sum(),
        pending: runs().map(|run| pending(run) as u64).sum(),
        bytes: survey.segments.iter().map(Surveyed::used).sum(),
        torn: survey.torn,
        faults: survey.faults,
    })
}

/// Cuts what is damaged out of a spool that nobody has open. The bytes stay beside it.
///
/// # Errors
/// It is in use, of another version, or what the system says.
pub fn repair(dir: &Path) -> Result<Repair, StorageError> {
    let _lock = take(dir)?;
    let survey = Survey::of(dir)?;
    let mut repair = Repair { faults: survey.faults.clone(), ..Repair::default() };
    if survey.faults.is_empty() {
        return Ok(repair);
    }
    let mut plan = Plan::of(&survey);
    repair.lost = plan.lost;
    for segment in &survey.segments {
        let bytes = fs::read(&segment.path).map_err(failed("read", &segment.path))?;
        for bad in &segment.bad {
            let part = bytes.get(bad.start..bad.end).unwrap_or_default();
            repair.put_aside(&segment.path, bad.start, part)?;
        }
        if segment.head_is_bad {
            repair.put_aside(&segment.path, 0, bytes.get(..HEAD_LEN).unwrap_or(&bytes))?;
        }
        let of_this = |part: &mut Part| part.from == segment.path;
        let parts: Vec<Part> = plan.parts.extract_if(.., of_this).collect();
        let kept = |part: &Part| part.head.prior == segment.prior && !segment.head_is_bad;
        if segment.bad.is_empty() && parts.first().is_some_and(kept) {
            continue;
        }
        // The first takes the name of what it is a part of: that goes last.
        for part in parts.iter().rev() {
            let mut content = part.head.encode().to_vec();
            content.extend_from_slice(bytes.get(part.run.start..part.run.end).unwrap_or_default());
            write(dir, &segment_name(part.head.first), &content)?;
        }
        if plan.gone.contains(&segment.path) {
            fs::remove_file(&segment.path).map_err(failed("remove", &segment.path))?;
        }
    }
    let path = dir.join(CURSOR);
    if survey.cursor_is_bad && path.exists() {
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        repair.put_aside(&path, 0, &bytes)?;
    }
    // Both slots: an old one must not come back.
    let mut content = Vec::new();
    for generation in [survey.cursor.generation + 1, survey.cursor.generation + 2] {
        let at = (generation % 2) as usize * SLOT_LEN;
        content.resize(2 * SLOT_LEN, 0);
        let slot = Cursor { generation, ..plan.cursor.clone() }.encode();
        content.splice(at..at + SLOT_LEN, slot);
    }
    write(dir, CURSOR, &content)?;
    Ok(repair)
}

/// Writes a file as a whole or not at all.
fn write(dir: &Path, name: &str, content: &[u8]) -> Result<(), StorageError> {
    let (path, new) = (dir.join(name), dir.join(format!("{name}.new")));
    let written = || {
        fs::write(&new, content)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, &path)?;
        sync_dir(dir)
    };
    written().map_err(failed("write", &path))
}

impl Repair {
    /// Keeps bytes beside the file that they are removed from.
    fn put_aside(&mut self, path: &Path, at: usize, bytes: &[u8]) -> Result<(), StorageError> {
        let named = |more: &str| {
            let mut aside = path.to_owned().into_os_string();
            aside.push(format!(".removed-{at}{more}"));
            PathBuf::from(aside)
        };
        let mut aside = named("");
        for number in 1_u32.. {
            if !aside.exists() {
                break;
            }
            aside = named(&format!("-{number}"));
        }
        fs::write(&aside, bytes).map_err(failed("write", &aside))?;
        self.removed.push(Removed { path: aside, bytes: bytes.len() as u64 });
        Ok(())
    }
}

/// Records of a segment that become a segment of their own.
struct Part {
    from: PathBuf,
    head: Head,
    run: Run,
}

/// What is to be written.
struct Plan {
    parts: Vec<Part>,
    /// Files of which nothing is left.
    gone: Vec<PathBuf>,
    cursor: Cursor,
    lost: u64,
}

impl Plan {
    fn of(survey: &Survey) -> Self {
        let mut plan =
            Plan { parts: Vec::new(), gone: Vec::new(), cursor: survey.cursor.clone(), lost: 0 };
        let low = survey.cursor.low;
        let mut next = None;
        let missing = |from: u64, to: u64| (from..to).filter(|s| !survey.is_acked(*s)).count();
        for segment in &survey.segments {
            let before = plan.parts.len();
            for run in segment.runs.iter().filter(|run| run.next > run.first) {
                // Without a cursor nothing is known of what came before.
                let oldest = if survey.cursor_is_bad { segment.prior } else { low };
                let expected = next.unwrap_or(oldest.min(run.first));
                if run.first < expected {
                    continue; // a copy, from a repair that was cut short
                }
                plan.lost += missing(expected, run.first) as u64;
                let head = Head { first: run.first, prior: expected };
                plan.parts.push(Part { from: segment.path.clone(), head, run: *run });
                next = Some(run.next);
            }
            let kept = plan.parts.get(before..).unwrap_or_default();
            if !kept.iter().any(|part| part.head.first == segment.first) {
                plan.gone.push(segment.path.clone());
            }
        }
        let known = survey.cursor.settled.max(low);
        let end = next.unwrap_or(known);
        plan.lost += missing(end, known) as u64;
        let cursor = &mut plan.cursor;
        if survey.cursor_is_bad {
            cursor.low = plan.parts.first().map_or(1, |part| part.head.prior);
        }
        // The numbers of records that are lost are given anew.
        cursor.low = cursor.low.min(end);
        cursor.above.retain(|sequence| *sequence < end);
        cursor.settled = end;
        plan
    }
}
