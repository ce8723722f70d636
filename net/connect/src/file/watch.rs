//! Files that appear while a source reads: looked for again and again.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use rt::file::{FileKind, GLOB_MATCHES_MAX, glob, info, is_glob};

use crate::text::path_text;

/// Files that are watched at most.
const FILES_MAX: usize = GLOB_MATCHES_MAX;
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// Pause before a file is tried again that cannot be opened; doubles up to the longest.
const AGAIN_MIN: Duration = Duration::from_secs(1);
/// Longest such pause.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Which files are known, and what those look like that are new.
///
/// A file is read once it looks the same at two looks, so that one that is still being written is
/// not read too early, also when reading begins. A file that is gone is forgotten: another of its
/// name is new. One that cannot be opened is new again after a pause.
#[derive(Debug)]
pub(super) struct Watch {
    known: HashSet<String>,
    /// Length and time of change, where they can be seen.
    new: HashMap<String, Option<(u64, i64)>>,
    /// When those are looked at again that could not be opened, and the pause before that.
    later: HashMap<String, (rt::Nanos, Duration)>,
    files_max: usize,
    again_min: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            known: HashSet::new(),
            new: HashMap::new(),
            later: HashMap::new(),
            files_max: FILES_MAX,
            again_min: AGAIN_MIN,
        }
    }
}

impl Watch {
    /// The files that are there already.
    ///
    /// # Errors
    /// There are too many.
    pub(super) async fn first(&mut self, patterns: &[String]) -> Result<Vec<String>, String> {
        self.look(patterns).await?;
        if self.new.is_empty() {
            return Ok(Vec::new());
        }
        rt::sleep(LOOK_PAUSE).await;
        self.look(patterns).await
    }

    /// Waits for files that are new.
    ///
    /// # Errors
    /// There are too many.
    pub(super) async fn next(&mut self, patterns: &[String]) -> Result<Vec<String>, String> {
        loop {
            rt::sleep(LOOK_PAUSE).await;
            let ready = self.look(patterns).await?;
            if !ready.is_empty() {
                return Ok(ready);
            }
        }
    }

    /// A file that was ready could not be opened: it will be ready again.
    pub(super) fn not_opened(&mut self, path: &str) {
        self.known.remove(path);
        let pause = self.later.get(path).map_or(self.again_min, |(_, pause)| *pause * 2);
        let pause = pause.min(AGAIN_MAX);
        self.later.insert(path.to_owned(), (rt::now() + pause, pause));
    }

    /// A file that was ready was opened.
    pub(super) fn opened(&mut self, path: &str) {
        self.later.remove(path);
    }

    async fn look(&mut self, patterns: &[String]) -> Result<Vec<String>, String> {
        let there = files(patterns, self.files_max).await?;
        let names: HashSet<&str> = there.iter().map(String::as_str).collect();
        self.known.retain(|path| names.contains(path.as_str()));
        self.new.retain(|path, _| names.contains(path.as_str()));
        self.later.retain(|path, _| names.contains(path.as_str()));
        let mut ready = Vec::new();
        for path in there {
            let waits = self.later.get(&path).is_some_and(|(due, _)| *due > rt::now());
            if waits || self.known.contains(&path) {
                continue;
            }
            let now = match info(&path).await {
                // A pipe that nobody writes to would hold up all others.
                Ok(now) if now.kind != FileKind::File => continue,
                Ok(now) => Some((now.len, now.modified)),
                // It may be gone. If it is still there at the next look, opening it says what is
                // wrong with it.
                Err(_) => None,
            };
            if self.new.get(&path) == Some(&now) {
                self.new.remove(&path);
                self.known.insert(path.clone());
                ready.push(path);
            } else {
                self.new.insert(path, now);
            }
        }
        Ok(ready)
    }
}

/// What paths and patterns stand for now; a directory stands for what is in it.
async fn files(patterns: &[String], most: usize) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for pattern in patterns {
        let failed = |error: io::Error| path_text("glob", pattern, &error);
        let is_dir = async |path: &str| info(path).await.is_ok_and(|i| i.kind == FileKind::Dir);
        let paths = match !is_glob(pattern) && is_dir(pattern).await {
            true => glob(&format!("{}/*", pattern.trim_end_matches('/'))).await.map_err(failed)?,
            false => glob(pattern).await.map_err(failed)?,
        };
        for path in paths {
            let path = path.to_string_lossy().into_owned();
            found.push(path.strip_prefix("./").unwrap_or(&path).to_owned());
        }
        if found.len() > most {
            return Err(format!("more than {most} files would have to be watched"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use futures_util::future::{Either, select};
    use rt::testing::TempDir;

    use super::*;
    use crate::testing::both_modes;

    #[test]
    fn a_new_file_is_ready_when_it_no_longer_changes() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
            std::fs::write(dir.join("old"), "1").unwrap();
            std::fs::create_dir(dir.join("folder")).unwrap();
            std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap();
            let patterns = [dir.path().to_str().unwrap().to_owned()];
            let mut watch = Watch::default();
            assert_eq!(watch.first(&patterns).await, Ok(vec![path("old")]));
            assert_eq!(watch.look(&patterns).await, Ok(vec![]));
            std::fs::write(dir.join("new"), "1").unwrap();
            assert_eq!(watch.look(&patterns).await, Ok(vec![]), "it may be growing");
            std::fs::write(dir.join("new"), "12").unwrap();
            assert_eq!(watch.look(&patterns).await, Ok(vec![]), "it was growing");
            assert_eq!(watch.look(&patterns).await, Ok(vec![path("new")]));
            assert_eq!(watch.look(&patterns).await, Ok(vec![]), "it is known");
            std::fs::remove_file(dir.join("old")).unwrap();
            watch.look(&patterns).await.unwrap();
            std::fs::write(dir.join("old"), "3").unwrap();
            watch.look(&patterns).await.unwrap();
            assert_eq!(watch.look(&patterns).await, Ok(vec![path("old")]), "another one");
        });
    }

    #[test]
    fn a_file_that_grows_when_reading_begins_is_read_when_it_no_longer_changes() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
            std::fs::write(dir.join("whole"), "1").unwrap();
            let patterns = [path("*")];
            let mut watch = Watch::default();
            let growing = async {
                for bytes in 1.. {
                    std::fs::write(dir.join("half"), vec![b'1'; bytes]).unwrap();
                    rt::sleep(Duration::from_millis(1)).await;
                }
            };
            let first = Box::pin(watch.first(&patterns));
            let Either::Right((found, _)) = select(std::pin::pin!(growing), first).await else {
                panic!("it grows for ever")
            };
            assert_eq!(found, Ok(vec![path("whole")]));
            // It may have grown after the last look.
            let mut ready = watch.look(&patterns).await.unwrap();
            ready.extend(watch.look(&patterns).await.unwrap());
            assert_eq!(ready, [path("half")]);
        });
    }

    #[test]
    fn so_many_files_are_watched_and_no_more() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let pattern = |name: &str| dir.join(name).to_str().unwrap().to_owned();
            let mut watch = Watch { files_max: 2, ..Watch::default() };
            for name in ["a1", "b1"] {
                std::fs::write(dir.join(name), "1").unwrap();
            }
            let patterns = [pattern("a*"), pattern("b*")];
            assert_eq!(watch.first(&patterns).await.map(|files| files.len()), Ok(2));
            std::fs::write(dir.join("a2"), "1").unwrap();
            let error = "more than 2 files would have to be watched";
            assert_eq!(watch.look(&patterns).await, Err(error.to_owned()));
        });
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_ready_again_after_a_pause() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
            let patterns = [path("*")];
            std::os::unix::fs::symlink(dir.join("nowhere"), dir.join("link")).unwrap();
            let mut watch = Watch { again_min: Duration::from_secs(3600), ..Watch::default() };
            assert_eq!(watch.first(&patterns).await, Ok(vec![path("link")]));
            watch.not_opened(&path("link"));
            for _ in 0..3 {
                assert_eq!(watch.look(&patterns).await, Ok(vec![]), "it has to wait");
            }
            let mut watch = Watch { again_min: Duration::ZERO, ..Watch::default() };
            assert_eq!(watch.first(&patterns).await, Ok(vec![path("link")]));
            assert_eq!(watch.look(&patterns).await, Ok(vec![]), "it is known");
            watch.not_opened(&path("link"));
            watch.look(&patterns).await.unwrap();
            assert_eq!(watch.look(&patterns).await, Ok(vec![path("link")]), "once more");
            std::fs::remove_file(dir.join("link")).unwrap();
            watch.look(&patterns).await.unwrap();
            assert!(watch.later.is_empty() && watch.new.is_empty(), "it is gone");
        });
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let mut watch = Watch::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            watch.not_opened("a");
            pauses.push(watch.later["a"].1.as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        watch.opened("a");
        watch.not_opened("a");
        assert_eq!(watch.later["a"].1, AGAIN_MIN);
    }

    #[test]
    fn patterns_and_paths_that_are_not_there_yet() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
            let patterns = [path("*.csv"), path("late")];
            let mut watch = Watch::default();
            assert_eq!(watch.first(&patterns).await, Ok(vec![]));
            for name in ["a.csv", "a.txt", "late"] {
                std::fs::write(dir.join(name), "1").unwrap();
            }
            watch.look(&patterns).await.unwrap();
            assert_eq!(watch.look(&patterns).await, Ok(vec![path("a.csv"), path("late")]));
        });
    }
}
