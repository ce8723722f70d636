//! Files, FIFOs, pipes and terminals behind one type that never stops its shard.
//!
//! - Regular files: what is cached is read at once (`preadv2` with `RWF_NOWAIT`); everything else
//!   goes through the ring or, under epoll, a helper thread.
//! - FIFOs, pipes, terminals, sockets on standard input and output: readiness, then a call that
//!   does not wait. A full pipe or a missing reader makes the future wait, not the thread.
//!
//! Dropping a future cancels it in all cases.

mod config;
mod fs;
mod glob;
mod open;
mod raw;
mod regular;
mod stdio;
mod stream;

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

pub use config::{BELOW_DEPTH_MAX, BELOW_FILES_MAX, below, load};
pub use fs::{FileInfo, FileKind, create_dir_all, info, remove, rename, sync_dir, within};
pub use glob::{GLOB_MATCHES_MAX, glob, is_glob, matches};
pub use open::OpenOptions;
pub use stdio::{stderr, stdin, stdout};

use crate::{IoBuf, IoBufMut, blocking};
use regular::Regular;
use stream::Stream;

/// An open file, FIFO, pipe or terminal, bound to the thread that opened it.
pub struct File {
    fd: Arc<OwnedFd>,
    body: Body,
}

enum Body {
    Regular(Regular),
    Stream(Stream),
}

/// Where the next [`File::read`] or [`File::write_all`] of a regular file goes.
enum Cursor {
    /// Kept here, in bytes from the start.
    Own(Cell<u64>),
    /// The kernel's position, shared with other processes (standard input and output).
    Shared,
}

fn no_room() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the buffer has no spare capacity to read into")
}

fn not_seekable() -> io::Error {
    io::Error::from_raw_os_error(libc::ESPIPE)
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub async fn open(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Creates or empties a file for writing.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub async fn create(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// True for a regular file or block device: positions and [`File::read_at`] work.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        matches!(self.body, Body::Regular(_))
    }

    /// Reads the next bytes into the spare capacity of `buf`, behind what it holds. 0 is the end.
    /// A FIFO waits for its first writer.
    ///
    /// # Errors
    /// What the system says; `InvalidInput` when `buf` is full.
    pub async fn read<B: IoBufMut>(&self, buf: B) -> (io::Result<usize>, B) {
        if buf.filled() >= buf.capacity() {
            return (Err(no_room()), buf);
        }
        match &self.body {
            Body::Regular(file) => file.read_next(&self.fd, buf).await,
            Body::Stream(stream) => stream.read(self.fd.as_fd(), buf).await,
        }
    }

    /// Reads at `offset` (bytes from the start) into the spare capacity of `buf`. 0 is the end.
    ///
    /// # Errors
    /// What the system says; `ESPIPE` for what has no positions.
    pub async fn read_at<B: IoBufMut>(&self, buf: B, offset: u64) -> (io::Result<usize>, B) {
        if buf.filled() >= buf.capacity() {
            return (Err(no_room()), buf);
        }
        match (&self.body, i64::try_from(offset)) {
            (Body::Regular(file), Ok(offset)) => file.read_at(&self.fd, buf, offset).await,
            _ => (Err(not_seekable()), buf),
        }
    }

    /// Writes all of `buf` behind what was written before (or at the end, when opened to append).
    ///
    /// # Errors
    /// What the system says, such as `ENOSPC` or `EPIPE`; part of `buf` may have been written.
    pub async fn write_all<B: IoBuf>(&self, buf: B) -> (io::Result<()>, B) {
        match &self.body {
            Body::Regular(file) => file.write_next(&self.fd, buf).await,
            Body::Stream(stream) => stream.write_all(self.fd.as_fd(), buf).await,
        }
    }

    /// Writes all of `buf` at `offset`, in bytes from the start.
    ///
    /// # Errors
    /// What the system says; `ESPIPE` for what has no positions.
    pub async fn write_all_at<B: IoBuf>(&self, buf: B, offset: u64) -> (io::Result<()>, B) {
        match (&self.body, i64::try_from(offset)) {
            (Body::Regular(file), Ok(offset)) => file.write_all(&self.fd, buf, offset).await.0,
            _ => (Err(not_seekable()), buf),
        }
    }

    /// Moves the next read or write of a regular file to `offset`.
    pub fn seek(&self, offset: u64) {
        if let Body::Regular(Regular { cursor: Cursor::Own(position), .. }) = &self.body {
            position.set(offset);
        }
    }

    /// Where the next read or write of a regular file goes, in bytes from the start.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match &self.body {
            Body::Regular(Regular { cursor: Cursor::Own(position), .. }) => Some(position.get()),
            _ => None,
        }
    }

    /// Makes what was written durable: data and what is needed to find it. A stream has nothing to
    /// make durable.
    ///
    /// # Errors
    /// What the system says, such as `EIO`.
    pub async fn sync(&self) -> io::Result<()> {
        match &self.body {
            Body::Regular(file) => file.sync(&self.fd).await,
            Body::Stream(_) => Ok(()),
        }
    }

    /// Length, time of change and kind.
    ///
    /// # Errors
    /// What the system says.
    pub async fn info(&self) -> io::Result<FileInfo> {
        let fd = Arc::clone(&self.fd);
        blocking(move || {
            let file = std::fs::File::from(fd.try_clone()?);
            Ok(FileInfo::of(&file.metadata()?))
        })
        .await?
    }

    /// Cuts or extends the file to `len` bytes.
    ///
    /// # Errors
    /// What the system says.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        let fd = Arc::clone(&self.fd);
        blocking(move || std::fs::File::from(fd.try_clone()?).set_len(len)).await?
    }
}
