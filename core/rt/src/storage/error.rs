//! What can go wrong with storage. Cloned, because one failed commit answers many callers.

use std::io;
use std::path::{Path, PathBuf};

use super::frame::RECORD_MAX;

/// A storage operation that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The system refused an operation: a full disk, an unwritable directory.
    #[error("cannot {action} {}: {message}", path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's kind of error.
        kind: io::ErrorKind,
        /// The system's text.
        message: String,
    },
    /// Another process uses the directory.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file is not a log of ours; it is left as it is.
    #[error("{} is not a log of this program or its head is damaged", .0.display())]
    NotALog(PathBuf),
    /// The log is larger than a replay may load.
    #[error("{} has {len} bytes, more than the {max} that are loaded", path.display())]
    TooLarge {
        /// The log.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// One thread keeps so many logs and no more.
    #[error("more than {0} logs in one state directory")]
    TooMany(usize),
    /// A name of a log that is no plain file name.
    #[error("`{0}` is no name for a log: use letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// One record is too long.
    #[error("a record of {0} bytes is longer than the limit of {RECORD_MAX}")]
    RecordTooLarge(usize),
    /// An earlier flush failed, so that nobody knows what is on the disk.
    #[error("{} failed to flush earlier; what it holds is only known after a restart", .0.display())]
    Poisoned(PathBuf),
    /// Another pipeline, or another process, has a spool open.
    #[error("{} is in use by another pipeline or process", .0.display())]
    Busy(PathBuf),
    /// A file of a spool does not say what was written to it.
    #[error(
        "{} is damaged at byte {offset}: {what}; `mainstem buffer check {dir}` lists what is \
         damaged, `mainstem buffer repair {dir}` cuts it out",
        path.display(), dir = path.parent().unwrap_or(path).display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file of a spool was written by another version of this program.
    #[error(
        "{} has version {version} of its format; this program reads version {known}",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: u32,
        /// What is read here.
        known: u32,
    },
    /// A file that is kept as a whole is longer than it may be.
    #[error("a file of {0} bytes is longer than the limit of {max}", max = super::files::FILE_MAX)]
    FileTooLarge(usize),
    /// A file that was kept as a whole does not say what was written to it.
    #[error("{} is damaged or no file of this program", .0.display())]
    NotAFile(PathBuf),
    /// The storage thread has ended.
    #[error("the storage thread has ended")]
    Stopped,
    /// The storage thread could not be started.
    #[error("cannot start the storage thread: {0}")]
    Start(String),
}

impl StorageError {
    pub(super) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        let (path, kind) = (path.to_owned(), error.kind());
        Self::Io { action, path, kind, message: error.to_string() }
    }
}
