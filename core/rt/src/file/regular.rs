//! Regular files: cached data at once, the rest through the ring or a helper thread.

use std::cell::{Cell, OnceCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::Cursor;
use super::raw::{self, CURRENT_POSITION};
use crate::buf::{Spare, Window};
use crate::probe::Driver;
use crate::{IoBuf, IoBufMut, blocking, reactor};

pub(super) struct Regular {
    pub(super) cursor: Cursor,
    /// False once the file system said that it cannot read (write) without waiting.
    nowait_read: Cell<bool>,
    nowait_write: Cell<bool>,
    /// The ring's own descriptor of the file, made when first needed.
    ring: OnceCell<monoio::fs::File>,
}

impl Regular {
    pub(super) fn new(cursor: Cursor) -> Self {
        let (nowait_read, nowait_write) = (Cell::new(true), Cell::new(true));
        Self { cursor, nowait_read, nowait_write, ring: OnceCell::new() }
    }

    /// The file as the ring knows it; none under epoll, where helper threads do the waiting.
    fn ring(&self, fd: &Arc<OwnedFd>) -> io::Result<Option<&monoio::fs::File>> {
        if reactor::current() != Some(Driver::Uring) {
            return Ok(None);
        }
        if let Some(file) = self.ring.get() {
            return Ok(Some(file));
        }
        let twin = std::fs::File::from(fd.try_clone()?);
        let file = monoio::fs::File::from_std(twin)?;
        Ok(Some(self.ring.get_or_init(|| file)))
    }

    pub(super) async fn read_next<B: IoBufMut>(
        &self,
        fd: &Arc<OwnedFd>,
        buf: B,
    ) -> (io::Result<usize>, B) {
        let Cursor::Own(position) = &self.cursor else {
            return self.read_at(fd, buf, CURRENT_POSITION).await;
        };
        let Ok(offset) = i64::try_from(position.get()) else {
            return (Err(io::Error::from_raw_os_error(libc::EOVERFLOW)), buf);
        };
        let (result, buf) = self.read_at(fd, buf, offset).await;
        if let Ok(count) = &result {
            position.set(position.get() + *count as u64);
        }
        (result, buf)
    }

    pub(super) async fn read_at<B: IoBufMut>(
        &self,
        fd: &Arc<OwnedFd>,
        mut buf: B,
        offset: i64,
    ) -> (io::Result<usize>, B) {
        let (start, room) = (buf.filled(), buf.capacity() - buf.filled());
        if self.nowait_read.get() {
            // SAFETY: the range is the spare capacity of a buffer that is owned here.
            let result =
                unsafe { raw::read_nowait(fd.as_fd(), buf.ptr_mut().add(start), room, offset) };
            match result {
                Ok(count) => {
                    // SAFETY: the kernel wrote `count` bytes behind `start`.
                    unsafe { buf.set_filled(start + count) };
                    return (Ok(count), buf);
                }
                Err(error) if raw::would_block(&error) => {}
                Err(error) if raw::unsupported(&error) => self.nowait_read.set(false),
                Err(error) => return (Err(error), buf),
            }
        }
        match self.ring(fd) {
            Err(error) => (Err(error), buf),
            Ok(Some(ring)) => {
                let (result, spare) = ring.read_at(Spare::of(buf), offset as u64).await;
                (result, spare.0.into_inner())
            }
            Ok(None) => read_on_helper(Arc::clone(fd), buf, offset).await,
        }
    }

    pub(super) async fn write_next<B: IoBuf>(
        &self,
        fd: &Arc<OwnedFd>,
        buf: B,
    ) -> (io::Result<()>, B) {
        let Cursor::Own(position) = &self.cursor else {
            return self.write_all(fd, buf, CURRENT_POSITION).await.0;
        };
        let Ok(offset) = i64::try_from(position.get()) else {
            return (Err(io::Error::from_raw_os_error(libc::EOVERFLOW)), buf);
        };
        let (outcome, written) = self.write_all(fd, buf, offset).await;
        position.set(position.get() + written as u64);
        outcome
    }

    /// Writes all of `buf`, and says how many bytes went out even when it fails.
    pub(super) async fn write_all<B: IoBuf>(
        &self,
        fd: &Arc<OwnedFd>,
        mut buf: B,
        offset: i64,
    ) -> ((io::Result<()>, B), usize) {
        let mut written = 0;
        while written < buf.filled() {
            let at = if offset == CURRENT_POSITION { offset } else { offset + written as i64 };
            let result;
            (result, buf) = self.write_some(fd, buf, written, at).await;
            match result {
                Ok(0) => return ((Err(io::ErrorKind::WriteZero.into()), buf), written),
                Ok(count) => written += count,
                Err(error) => return ((Err(error), buf), written),
            }
        }
        ((Ok(()), buf), written)
    }

    async fn write_some<B: IoBuf>(
        &self,
        fd: &Arc<OwnedFd>,
        buf: B,
        start: usize,
        offset: i64,
    ) -> (io::Result<usize>, B) {
        let end = buf.filled();
        if self.nowait_write.get() {
            // SAFETY: the range is within the filled bytes of a buffer that is owned here.
            let result =
                unsafe { raw::write_nowait(fd.as_fd(), buf.ptr().add(start), end - start, offset) };
            match result {
                Ok(count) if count > 0 => return (Ok(count), buf),
                Ok(_) => {}
                Err(error) if raw::would_block(&error) => {}
                Err(error) if raw::unsupported(&error) => self.nowait_write.set(false),
                Err(error) => return (Err(error), buf),
            }
        }
        match self.ring(fd) {
            Err(error) => (Err(error), buf),
            Ok(Some(ring)) => {
                let window = Window::new(buf, start, end);
                let (result, window) = ring.write_at(window, offset as u64).await;
                (result, window.into_inner())
            }
            Ok(None) => write_on_helper(Arc::clone(fd), buf, start, offset).await,
        }
    }

    pub(super) async fn sync(&self, fd: &Arc<OwnedFd>) -> io::Result<()> {
        if let Some(ring) = self.ring(fd)? {
            return ring.sync_data().await;
        }
        let fd = Arc::clone(fd);
        blocking(move || std::fs::File::from(fd.try_clone()?).sync_data()).await?
    }
}

async fn read_on_helper<B: IoBufMut>(
    fd: Arc<OwnedFd>,
    buf: B,
    offset: i64,
) -> (io::Result<usize>, B) {
    let mut buf = buf;
    let job = move || {
        let (start, room) = (buf.filled(), buf.capacity() - buf.filled());
        // SAFETY: the range is the spare capacity of a buffer that the job owns.
        let result = unsafe { raw::read(fd.as_fd(), buf.ptr_mut().add(start), room, offset) };
        if let Ok(count) = &result {
            // SAFETY: the kernel wrote `count` bytes behind `start`.
            unsafe { buf.set_filled(start + count) };
        }
        (result, buf)
    };
    on_helper(job).await
}

async fn write_on_helper<B: IoBuf>(
    fd: Arc<OwnedFd>,
    buf: B,
    start: usize,
    offset: i64,
) -> (io::Result<usize>, B) {
    let job = move || {
        let len = buf.filled() - start;
        // SAFETY: the range is within the filled bytes of a buffer that the job owns.
        let result = unsafe { raw::write(fd.as_fd(), buf.ptr().add(start), len, offset) };
        (result, buf)
    };
    on_helper(job).await
}

/// Runs a job that owns a buffer and gives it back.
async fn on_helper<B: IoBuf, T: Send + 'static>(
    job: impl FnOnce() -> (T, B) + Send + 'static,
) -> (T, B) {
    match blocking(job).await {
        Ok(done) => done,
        Err(error) => unreachable!("a system call does not panic: {error}"),
    }
}
