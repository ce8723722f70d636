//! Standard input, output and error of the process.
//!
//! Their descriptors are shared with other processes, so that `O_NONBLOCK` must not be set on
//! them: a shell would find its terminal changed. A pipe or terminal is opened a second time
//! through `/proc/self/fd`, which gives a description of our own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use super::File;
use super::stream::Guard;

/// Standard input.
///
/// # Errors
/// When the descriptor is closed or none is left.
pub fn stdin() -> io::Result<File> {
    of(io::stdin().as_fd(), 0, true)
}

/// Standard output.
///
/// # Errors
/// When the descriptor is closed or none is left.
pub fn stdout() -> io::Result<File> {
    of(io::stdout().as_fd(), 1, false)
}

/// Standard error.
///
/// # Errors
/// When the descriptor is closed or none is left.
pub fn stderr() -> io::Result<File> {
    of(io::stderr().as_fd(), 2, false)
}

fn of(fd: BorrowedFd<'_>, number: u32, read: bool) -> io::Result<File> {
    let twin: OwnedFd = fd.try_clone_to_owned()?;
    let file = std::fs::File::from(twin);
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_block_device() {
        return Ok(File::shared(file.into()));
    }
    if kind.is_socket() {
        return File::stream(file.into(), Guard::Socket);
    }
    let mut options = std::fs::OpenOptions::new();
    options.read(read).write(!read).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    match options.open(format!("/proc/self/fd/{number}")) {
        Ok(own) => File::stream(own.into(), Guard::Nonblocking),
        // Not ours to open (another user's pipe) or no /proc: go carefully with the shared one.
        Err(_) => File::stream(file.into(), Guard::Bounded),
    }
}
