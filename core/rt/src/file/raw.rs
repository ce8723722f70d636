//! The system calls of files that never wait, and those a helper thread makes.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Says that the file's own position is used, not a given one.
pub(super) const CURRENT_POSITION: i64 = -1;

fn check(count: isize) -> io::Result<usize> {
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

fn again<F: FnMut() -> isize>(mut call: F) -> io::Result<usize> {
    loop {
        match check(call()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// True when an error only says that the data is not at hand.
pub(super) fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// True when the file system or kernel knows no `RWF_NOWAIT` for this operation.
pub(super) fn unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS))
}

/// Reads what is cached, never waiting for a device. `offset` in bytes or [`CURRENT_POSITION`].
///
/// # Safety
/// `to` must be valid for writes of `len` bytes.
pub(super) unsafe fn read_nowait(
    fd: BorrowedFd<'_>,
    to: *mut u8,
    len: usize,
    offset: i64,
) -> io::Result<usize> {
    let part = libc::iovec { iov_base: to.cast(), iov_len: len };
    again(|| {
        // SAFETY: the vector lives through the call; the caller vouches for the bytes.
        unsafe { libc::preadv2(fd.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) }
    })
}

/// Writes into the cache, never waiting for a device.
///
/// # Safety
/// `from` must be valid for reads of `len` bytes.
pub(super) unsafe fn write_nowait(
    fd: BorrowedFd<'_>,
    from: *const u8,
    len: usize,
    offset: i64,
) -> io::Result<usize> {
    let part = libc::iovec { iov_base: from.cast_mut().cast(), iov_len: len };
    again(|| {
        // SAFETY: the vector lives through the call; the kernel only reads the bytes.
        unsafe { libc::pwritev2(fd.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) }
    })
}

/// Reads, waiting as long as the descriptor makes it wait.
///
/// # Safety
/// As [`read_nowait`].
pub(super) unsafe fn read(
    fd: BorrowedFd<'_>,
    to: *mut u8,
    len: usize,
    offset: i64,
) -> io::Result<usize> {
    again(|| match offset {
        // SAFETY: promised by the caller.
        CURRENT_POSITION => unsafe { libc::read(fd.as_raw_fd(), to.cast(), len) },
        // SAFETY: promised by the caller.
        _ => unsafe { libc::pread(fd.as_raw_fd(), to.cast(), len, offset) },
    })
}

/// Writes, waiting as long as the descriptor makes it wait.
///
/// # Safety
/// As [`write_nowait`].
pub(super) unsafe fn write(
    fd: BorrowedFd<'_>,
    from: *const u8,
    len: usize,
    offset: i64,
) -> io::Result<usize> {
    again(|| match offset {
        // SAFETY: promised by the caller.
        CURRENT_POSITION => unsafe { libc::write(fd.as_raw_fd(), from.cast(), len) },
        // SAFETY: promised by the caller.
        _ => unsafe { libc::pwrite(fd.as_raw_fd(), from.cast(), len, offset) },
    })
}

/// Receives from a socket without waiting, whatever the descriptor's flags say.
///
/// # Safety
/// As [`read_nowait`].
pub(super) unsafe fn receive(fd: BorrowedFd<'_>, to: *mut u8, len: usize) -> io::Result<usize> {
    // SAFETY: promised by the caller.
    again(|| unsafe { libc::recv(fd.as_raw_fd(), to.cast(), len, libc::MSG_DONTWAIT) })
}

/// Sends to a socket without waiting, whatever the descriptor's flags say.
///
/// # Safety
/// As [`write_nowait`].
pub(super) unsafe fn send(fd: BorrowedFd<'_>, from: *const u8, len: usize) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: promised by the caller.
    again(|| unsafe { libc::send(fd.as_raw_fd(), from.cast(), len, flags) })
}
