//! Waiting for readiness of any descriptor that can be polled: pipes, terminals, listeners.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use monoio::net::UnixStream;

/// A descriptor registered with the thread's reactor for readiness.
pub(crate) struct Pollable {
    /// monoio offers readiness only through its sockets; no socket call is made on it.
    inner: UnixStream,
}

impl Pollable {
    /// Registers a duplicate of `fd`.
    ///
    /// # Errors
    /// When no descriptor is left, or epoll cannot watch it (`EPERM` for regular files).
    pub(crate) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let twin: OwnedFd = fd.try_clone_to_owned()?;
        Ok(Self { inner: UnixStream::from_std(twin.into())? })
    }

    /// Waits until a read would not block: data, end or error.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.inner.readable(false).await
    }

    /// Waits until a write would not block: room or error.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.inner.writable(false).await
    }
}

/// Makes reads and writes of a descriptor return instead of waiting, or wait again.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    // SAFETY: the descriptor is open for the duration of the borrow; F_GETFL takes no pointer.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    let wanted = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: as above; F_SETFL takes an integer.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, wanted) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
