//! Opening: on a helper thread, because a path may lie on a device that does not answer.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::regular::Regular;
use super::stream::{Guard, Stream};
use super::{Body, Cursor, File};
use crate::pollable::set_nonblocking;
use crate::{blocking, clock};

/// First pause while a FIFO has no reader; doubles up to the longest. There is no event for a
/// reader that comes: all there is to do is to try again.
const READER_PAUSE_MIN: Duration = Duration::from_millis(1);
/// Longest such pause. Many pipelines may wait like this for ever, so that it is not short.
const READER_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How a file is opened. The fields mean what `std::fs::OpenOptions` means by them.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    create_new: bool,
    truncate: bool,
    mode: Option<u32>,
}

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, on: bool) -> Self {
            self.$name = on;
            self
        }
    )*};
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    flags! {
        /// Allows reading.
        read,
        /// Allows writing.
        write,
        /// Every write goes to the end of the file.
        append,
        /// Makes the file when it is missing.
        create,
        /// Makes the file and fails when it exists.
        create_new,
        /// Empties the file.
        truncate,
    }

    /// Permission bits of a file that is made; the process's mask is taken off.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = Some(bits);
        self
    }

    fn open_now(&self, path: &Path) -> io::Result<Opened> {
        let mut options = std::fs::OpenOptions::new();
        options.read(self.read).write(self.write).append(self.append);
        options.create(self.create).create_new(self.create_new).truncate(self.truncate);
        options.mode(self.mode.unwrap_or(0o666));
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        match options.open(path) {
            Ok(file) => {
                let kind = file.metadata()?.file_type();
                let regular = kind.is_file() || kind.is_block_device() || kind.is_dir();
                if regular {
                    set_nonblocking(file.as_fd(), false)?; // the ring would give up early with it
                }
                let fresh_fifo = kind.is_fifo() && self.read;
                Ok(Opened::Ready { fd: file.into(), regular, fresh_fifo })
            }
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                let fifo = std::fs::metadata(path).is_ok_and(|info| info.file_type().is_fifo());
                if fifo { Ok(Opened::NoReader) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Opens `path`. A FIFO that is opened for writing waits for its reader.
    ///
    /// # Errors
    /// What the system says; the message names the path.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path: Arc<PathBuf> = Arc::new(path.as_ref().to_owned());
        let named = |error: io::Error| named(&path, &error);
        let mut pause = READER_PAUSE_MIN;
        loop {
            let (options, target) = (self.clone(), Arc::clone(&path));
            let opened = blocking(move || options.open_now(&target)).await?;
            match opened.map_err(named)? {
                Opened::Ready { fd, regular, fresh_fifo } => {
                    return File::of(fd, regular, fresh_fifo).map_err(named);
                }
                Opened::NoReader => {
                    clock::sleep_real(pause).await;
                    pause = (pause * 2).min(READER_PAUSE_MAX);
                }
            }
        }
    }
}

enum Opened {
    Ready { fd: OwnedFd, regular: bool, fresh_fifo: bool },
    NoReader,
}

/// An error of the same kind that names the path.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl File {
    fn of(fd: OwnedFd, regular: bool, fresh_fifo: bool) -> io::Result<Self> {
        let body = if regular {
            Body::Regular(Regular::new(Cursor::Own(Cell::new(0))))
        } else {
            Body::Stream(Stream::new(fd.as_fd(), Guard::Nonblocking, fresh_fifo)?)
        };
        Ok(Self { fd: Arc::new(fd), body })
    }

    /// Takes an end of a pipe whose other end is somebody else's.
    ///
    /// # Errors
    /// When it cannot be registered with the thread's reactor.
    pub fn from_pipe(fd: OwnedFd) -> io::Result<Self> {
        set_nonblocking(fd.as_fd(), true)?;
        Self::stream(fd, Guard::Nonblocking)
    }

    pub(super) fn shared(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd), body: Body::Regular(Regular::new(Cursor::Shared)) }
    }

    pub(super) fn stream(fd: OwnedFd, guard: Guard) -> io::Result<Self> {
        let body = Body::Stream(Stream::new(fd.as_fd(), guard, false)?);
        Ok(Self { fd: Arc::new(fd), body })
    }
}
