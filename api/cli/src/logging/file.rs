//! A file that takes the log, put aside when it is full.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use config::service;
use jiff::{Timestamp, ToSpan};

/// Size at which a file is put aside.
const SIZE_MAX: u64 = 10 << 20;
/// Files that are kept beside the one that is written.
const BACKUPS_MAX: usize = 1;
/// The time in the name of a file that was put aside.
const STAMP: &str = "%Y-%m-%dT%H-%M-%S.%3f";

/// The file and its size.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    size_max: u64,
    rotate: bool,
    age_max_days: u64,
}

impl LogFile {
    /// Opens the file of a configuration to write on at its end.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(config: &service::LogFile) -> Result<Self, String> {
        let path = PathBuf::from(&config.path);
        let file = append(&path).map_err(|e| format!("open {}: {e}", path.display()))?;
        let size = file.metadata().map_or(0, |meta| meta.len());
        let (rotate, age_max_days) = (config.rotate, config.rotate_max_age_days);
        let log = LogFile { path, file, size, size_max: SIZE_MAX, rotate, age_max_days };
        log.prune(Timestamp::now());
        Ok(log)
    }

    /// Writes a line. A full disk is no reason for the service to end: the line is lost then.
    pub(super) fn write(&mut self, line: &[u8], now: Timestamp) {
        let length = line.len() as u64;
        if self.rotate && self.size > 0 && self.size + length > self.size_max {
            self.put_aside(now);
        }
        if self.file.write_all(line).is_ok() {
            self.size += length;
        }
    }

    fn put_aside(&mut self, now: Timestamp) {
        let aside = self.aside(&now.strftime(STAMP).to_string());
        if fs::rename(&self.path, aside).is_ok()
            && let Ok(file) = append(&self.path)
        {
            self.file = file;
            self.size = 0;
        }
        self.prune(now);
    }

    fn aside(&self, stamp: &str) -> PathBuf {
        let (stem, ending) = self.names();
        self.path.with_file_name(format!("{stem}-{stamp}{ending}"))
    }

    /// The name without its ending, and the ending with its point.
    fn names(&self) -> (String, String) {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        let stem = self.path.file_stem().map(text).unwrap_or_default();
        (stem, self.path.extension().map(|e| format!(".{}", text(e))).unwrap_or_default())
    }

    /// Removes files put aside that are too many or too old. Only names that carry a time as they
    /// are made here are looked at.
    fn prune(&self, now: Timestamp) {
        if !self.rotate {
            return;
        }
        let (stem, ending) = self.names();
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let entries = fs::read_dir(dir.unwrap_or(Path::new(".")));
        let mut found: Vec<(Timestamp, PathBuf)> = Vec::new();
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let stamp = name.strip_prefix(&format!("{stem}-"));
            let stamp = stamp.and_then(|rest| rest.strip_suffix(&ending));
            if let Some(time) = stamp.and_then(read_stamp) {
                found.push((time, entry.path()));
            }
        }
        found.sort();
        let hours = i64::try_from(self.age_max_days).unwrap_or(i64::MAX).saturating_mul(24);
        let oldest = now.checked_sub(hours.min(1 << 32).hours()).ok().filter(|_| hours > 0);
        let surplus = found.len().saturating_sub(BACKUPS_MAX);
        for (at, (time, path)) in found.iter().enumerate() {
            if at < surplus || oldest.is_some_and(|oldest| *time < oldest) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn read_stamp(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S%.f", text).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn folder(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("log-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn open(folder: &Folder, rotate: bool, days: u64) -> LogFile {
        let path = folder.0.join("a.log").display().to_string();
        let config = service::LogFile { path, rotate, rotate_max_age_days: days };
        let mut log = LogFile::open(&config).unwrap();
        log.size_max = 10;
        log
    }

    fn names(folder: &Folder) -> Vec<String> {
        let entries = fs::read_dir(&folder.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_put_aside_and_one_is_kept() {
        let folder = folder("rotate");
        fs::write(folder.0.join("a-notes.log"), "").unwrap();
        let mut log = open(&folder, true, 0);
        for second in 0..4 {
            log.write(b"12345678\n", Timestamp::from_second(second).unwrap());
        }
        let kept = "a-1970-01-01T00-00-03.000.log";
        assert_eq!(names(&folder), [kept, "a-notes.log", "a.log"]);
        assert_eq!(fs::read_to_string(folder.0.join("a.log")).unwrap(), "12345678\n");
    }

    #[test]
    fn what_is_too_old_goes_at_the_start() {
        let folder = folder("age");
        let old = "a-2001-01-01T00-00-03.000.log";
        fs::write(folder.0.join(old), "").unwrap();
        drop(open(&folder, true, 0));
        assert_eq!(names(&folder), [old, "a.log"], "0 days keep for ever");
        drop(open(&folder, true, 5));
        assert_eq!(names(&folder), ["a.log"]);
    }

    #[test]
    fn without_rotation_the_file_grows_at_its_end() {
        let folder = folder("append");
        for _ in 0..3 {
            open(&folder, false, 1).write(b"12345678\n", Timestamp::now());
        }
        assert_eq!(fs::read(folder.0.join("a.log")).unwrap().len(), 27);
        let path = folder.0.join("no/such").display().to_string();
        let config = service::LogFile { path, ..service::LogFile::default() };
        assert!(LogFile::open(&config).err().unwrap().starts_with("open "));
    }
}
