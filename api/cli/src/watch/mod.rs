//! Files that may change while the process runs: which have, and what becomes of that.
//!
//! It is: looks at the marks of files, again and again, which notices every way to change a file:
//! writing into it, putting another in its place, taking it away.
//! It is not: the service that a kernel offers for this, which tells of a file and not of a name,
//! and nothing at all on file systems of the network.

mod pipeline;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use pipeline::PipelineWatch;
pub(crate) use streams::{StreamWatch, Watched};

/// Pause between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);
/// How long a pipeline may take to stop whose file has changed: gracefully for three quarters of
/// it, so that what is on the way arrives, then by force.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(30);

/// What tells that a file has changed: which file has the name, when it last changed in seconds
/// and nanoseconds, and how long it is; nothing when it is not there.
type Mark = Option<(u64, i64, i64, u64)>;

fn mark(path: &Path) -> Mark {
    let meta = fs::metadata(path).ok()?;
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.size()))
}

/// The mark of a file when it was last applied, and the one that was last seen.
#[derive(Clone, Copy, Default)]
struct Look {
    applied: Mark,
    seen: Mark,
}

/// Files and what was seen of them.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<PathBuf, Look>);

impl Files {
    /// Files that are about to be read: only what changes from here on counts.
    pub(crate) fn now(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let look = |path: PathBuf| {
            let now = mark(&path);
            (path, Look { applied: now, seen: now })
        };
        Files(paths.into_iter().map(look).collect())
    }

    /// Those files, of these and of those known before, that have changed and come to rest: who
    /// writes a file in several steps, or takes it away to put another in its place, is waited
    /// for. Those that are gone are not known afterwards.
    pub(crate) fn changed(&mut self, paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
        let known = self.0.keys().cloned();
        let all: BTreeSet<PathBuf> = paths.into_iter().chain(known).collect();
        let mut changed = Vec::new();
        for path in all {
            let now = mark(&path);
            let look = self.0.entry(path.clone()).or_default();
            let rests = look.seen == now;
            look.seen = now;
            if !rests || look.applied == now {
                continue;
            }
            look.applied = now;
            changed.push(path);
        }
        self.0.retain(|_, look| look.seen.is_some() || look.applied.is_some());
        changed
    }
}

/// A complaint that is logged once, however often it comes.
#[derive(Default)]
pub(crate) struct Complaint(Option<String>);

impl Complaint {
    fn say(&mut self, text: String) {
        if self.0.as_ref() != Some(&text) {
            tracing::error!("{text}");
            self.0 = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &[PathBuf] = &[];

    #[test]
    fn every_way_to_change_a_file_is_seen_once_it_rests() {
        let dir = std::env::temp_dir().join(format!("watch-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (one, two, new) = (dir.join("one"), dir.join("two"), dir.join("new"));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "2").unwrap();
        let mut files = Files::now([one.clone(), two.clone()]);
        let look = |files: &mut Files| files.changed([one.clone(), two.clone(), new.clone()]);
        assert_eq!(look(&mut files), NONE);
        let mut expect = |paths: &[&PathBuf]| {
            assert_eq!(look(&mut files), NONE, "it may not rest yet");
            assert_eq!(look(&mut files).iter().collect::<Vec<_>>(), paths);
            assert_eq!(look(&mut files), NONE, "it is told once");
        };
        fs::write(&one, "11").unwrap();
        expect(&[&one]);
        // Another file of the same length and age.
        fs::write(dir.join("next"), "22").unwrap();
        let meta = fs::metadata(&one).unwrap();
        let next = fs::File::open(dir.join("next")).unwrap();
        next.set_modified(meta.modified().unwrap()).unwrap();
        fs::rename(dir.join("next"), &one).unwrap();
        expect(&[&one]);
        fs::write(&new, "").unwrap();
        fs::remove_file(&two).unwrap();
        expect(&[&new, &two]);
        // A file that is away for a moment and back with what it had is no change.
        fs::rename(&one, dir.join("backup")).unwrap();
        assert_eq!(look(&mut files), NONE);
        fs::write(&one, "33").unwrap();
        assert_eq!(look(&mut files), NONE);
        assert_eq!(look(&mut files), std::slice::from_ref(&one));
        assert_eq!(files.0.len(), 2, "what is gone is not remembered");
        fs::remove_dir_all(&dir).unwrap();
    }
}
