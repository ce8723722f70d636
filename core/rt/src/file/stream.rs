//! FIFOs, pipes, terminals and devices: wait for readiness, then call without waiting.

use std::cell::Cell;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::raw::{self, CURRENT_POSITION};
use crate::pollable::Pollable;
use crate::{IoBuf, IoBufMut, clock};

/// What may be written to a blocking pipe that reports room: POSIX promises at least this much.
const BOUNDED_WRITE: usize = 4096;

/// Pause before a device that cannot be polled is asked again.
const UNPOLLABLE_PAUSE: Duration = Duration::from_millis(2);

/// How a descriptor is kept from blocking the thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// The descriptor is our own and has `O_NONBLOCK`.
    Nonblocking,
    /// It is a socket: each call says that it does not wait.
    Socket,
    /// It is shared and blocking: wait for readiness first and move little.
    Bounded,
}

pub(super) struct Stream {
    poll: Option<Pollable>,
    guard: Guard,
    /// A FIFO without a writer reads as ended; true until its first writer was seen.
    awaits_writer: Cell<bool>,
}

impl Stream {
    /// Registers `fd`. What cannot be polled (`/dev/null`) never blocks and needs no registration.
    pub(super) fn new(fd: BorrowedFd<'_>, guard: Guard, fresh_fifo: bool) -> io::Result<Self> {
        let poll = match Pollable::new(fd) {
            Ok(poll) => Some(poll),
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { poll, guard, awaits_writer: Cell::new(fresh_fifo) })
    }

    async fn readable(&self) -> io::Result<()> {
        match &self.poll {
            Some(poll) => poll.readable().await,
            None => {
                clock::sleep_real(UNPOLLABLE_PAUSE).await;
                Ok(())
            }
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match &self.poll {
            Some(poll) => poll.writable().await,
            None => {
                clock::sleep_real(UNPOLLABLE_PAUSE).await;
                Ok(())
            }
        }
    }

    pub(super) async fn read<B: IoBufMut>(
        &self,
        fd: BorrowedFd<'_>,
        mut buf: B,
    ) -> (io::Result<usize>, B) {
        let (start, room) = (buf.filled(), buf.capacity() - buf.filled());
        let mut wait_first =
            self.awaits_writer.get() || (self.guard == Guard::Bounded && self.poll.is_some());
        loop {
            if wait_first && let Err(error) = self.readable().await {
                return (Err(error), buf);
            }
            self.awaits_writer.set(false);
            wait_first = true;
            // SAFETY: the range is the spare capacity of a buffer that is owned here.
            let result = unsafe {
                let to = buf.ptr_mut().add(start);
                match self.guard {
                    Guard::Socket => raw::receive(fd, to, room),
                    _ => raw::read(fd, to, room, CURRENT_POSITION),
                }
            };
            match result {
                Ok(count) => {
                    // SAFETY: the kernel wrote `count` bytes behind `start`.
                    unsafe { buf.set_filled(start + count) };
                    return (Ok(count), buf);
                }
                Err(error) if raw::would_block(&error) => {}
                Err(error) => return (Err(error), buf),
            }
        }
    }

    pub(super) async fn write_all<B: IoBuf>(
        &self,
        fd: BorrowedFd<'_>,
        buf: B,
    ) -> (io::Result<()>, B) {
        let mut written = 0;
        let bounded = self.guard == Guard::Bounded;
        let mut wait_first = bounded && self.poll.is_some();
        while written < buf.filled() {
            if wait_first && let Err(error) = self.writable().await {
                return (Err(error), buf);
            }
            let rest = buf.filled() - written;
            let len = if bounded { rest.min(BOUNDED_WRITE) } else { rest };
            // SAFETY: the range is within the filled bytes of a buffer that is owned here.
            let result = unsafe {
                let from = buf.ptr().add(written);
                match self.guard {
                    Guard::Socket => raw::send(fd, from, len),
                    _ => raw::write(fd, from, len, CURRENT_POSITION),
                }
            };
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(count) => {
                    written += count;
                    wait_first = bounded && self.poll.is_some();
                }
                Err(error) if raw::would_block(&error) => wait_first = true,
                Err(error) => return (Err(error), buf),
            }
        }
        (Ok(()), buf)
    }
}
