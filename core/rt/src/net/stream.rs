//! A connected byte stream with owned buffers, and its two halves.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use monoio::io::{AsyncReadRent, AsyncWriteRent, OwnedReadHalf, OwnedWriteHalf, Splitable};
use monoio::net::UnixStream as Inner;
use socket2::{SockAddr, SockRef};

use super::Peer;
use crate::buf::{Spare, Window};
use crate::pollable::set_nonblocking;
use crate::probe::Driver;
use crate::{IoBuf, IoBufMut, reactor};

/// A connected stream over TCP or a Unix socket. Dropping it closes the connection.
pub struct Stream {
    read: ReadHalf,
    write: WriteHalf,
}

/// The reading half of a stream.
pub struct ReadHalf {
    inner: OwnedReadHalf<Inner>,
    peer: Rc<Peer>,
}

/// The writing half of a stream. Dropping it tells the peer that no more will come.
pub struct WriteHalf {
    inner: OwnedWriteHalf<Inner>,
    peer: Rc<Peer>,
}

impl Stream {
    /// Takes a connected socket into the calling thread's reactor.
    ///
    /// # Errors
    /// When the descriptor is no connected socket or cannot be registered.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let peer = peer_of(&SockRef::from(&fd).peer_addr()?);
        Self::with_peer(fd, peer)
    }

    pub(super) fn with_peer(fd: OwnedFd, peer: Peer) -> io::Result<Self> {
        // The ring would answer "try again" on a descriptor that does not block; epoll needs one.
        let epoll = reactor::current() == Some(Driver::Epoll);
        set_nonblocking(std::os::fd::AsFd::as_fd(&fd), epoll)?;
        // monoio moves bytes on any stream socket by the same calls, whatever its family.
        let (read, write) = Inner::from_std(fd.into())?.into_split();
        let peer = Rc::new(peer);
        let read = ReadHalf { inner: read, peer: Rc::clone(&peer) };
        Ok(Self { read, write: WriteHalf { inner: write, peer } })
    }

    /// Connects over TCP.
    ///
    /// # Errors
    /// What the system says, such as `ECONNREFUSED`.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = monoio::net::TcpStream::connect_addr(address).await?;
        let fd = stream.into_raw_fd();
        // SAFETY: the descriptor was just given up by its owner.
        Self::with_peer(unsafe { OwnedFd::from_raw_fd(fd) }, Peer::Ip(address))
    }

    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// What the system says, such as `ENOENT`.
    pub async fn connect_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let stream = Inner::connect(path).await?;
        let fd = stream.into_raw_fd();
        // SAFETY: the descriptor was just given up by its owner.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Self::with_peer(fd, Peer::Unix(Some(path.to_owned())))
    }

    /// Two connected Unix streams.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        let unnamed = || Peer::Unix(None);
        Ok((Self::with_peer(a.into(), unnamed())?, Self::with_peer(b.into(), unnamed())?))
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.read.peer
    }

    /// Sends small writes at once (TCP only).
    ///
    /// # Errors
    /// What the system says, for example on a Unix socket.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.write.fd()).set_nodelay(on)
    }

    /// See [`ReadHalf::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn read<B: IoBufMut>(&mut self, buf: B) -> (io::Result<usize>, B) {
        self.read.read(buf).await
    }

    /// See [`ReadHalf::readable`].
    ///
    /// # Errors
    /// As there.
    pub async fn readable(&self) -> io::Result<()> {
        self.read.readable().await
    }

    /// See [`WriteHalf::write_all`].
    ///
    /// # Errors
    /// As there.
    pub async fn write_all<B: IoBuf>(&mut self, buf: B) -> (io::Result<()>, B) {
        self.write.write_all(buf).await
    }

    /// See [`WriteHalf::shutdown`].
    ///
    /// # Errors
    /// As there.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.write.shutdown().await
    }

    /// Two halves that are used by two tasks of the same reactor.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.read, self.write)
    }

    /// The socket, out of the calling thread's reactor: for a stream that goes on in another one,
    /// see [`Stream::from_fd`].
    ///
    /// # Errors
    /// The halves are those of two streams; both are closed.
    pub fn into_fd(read: ReadHalf, write: WriteHalf) -> io::Result<OwnedFd> {
        let whole = read.inner.reunite(write.inner).map_err(|_| io::ErrorKind::InvalidInput)?;
        let fd = whole.into_raw_fd();
        // SAFETY: the descriptor was just given up by its owner.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl ReadHalf {
    /// Reads into the spare capacity of `buf`, behind what it holds. 0 is the end. A read that is
    /// dropped may have taken bytes with it; wait with [`ReadHalf::readable`] where that matters.
    ///
    /// # Errors
    /// What the system says; `InvalidInput` when `buf` is full.
    pub async fn read<B: IoBufMut>(&mut self, buf: B) -> (io::Result<usize>, B) {
        if buf.filled() >= buf.capacity() {
            let text = "the buffer has no spare capacity to read into";
            return (Err(io::Error::new(io::ErrorKind::InvalidInput, text)), buf);
        }
        let (result, spare) = self.inner.read(Spare::of(buf)).await;
        (result, spare.0.into_inner())
    }

    /// Waits until bytes, the end or an error can be read. Dropping it loses nothing.
    ///
    /// # Errors
    /// What the system says.
    pub async fn readable(&self) -> io::Result<()> {
        // SAFETY: both halves live on one thread and this borrow is only used to build an
        // operation that refers to the descriptor, never to the stream's fields.
        let stream = unsafe { &*self.inner.0.get() };
        stream.readable(false).await
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl WriteHalf {
    /// Writes all of `buf`, waiting while the peer does not read.
    ///
    /// # Errors
    /// What the system says, such as `EPIPE` or `ECONNRESET`; part may have been sent.
    pub async fn write_all<B: IoBuf>(&mut self, mut buf: B) -> (io::Result<()>, B) {
        let (mut sent, end) = (0, buf.filled());
        while sent < end {
            let (result, window) = self.inner.write(Window::new(buf, sent, end)).await;
            buf = window.into_inner();
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buf),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (Err(error), buf),
            }
        }
        (Ok(()), buf)
    }

    /// Tells the peer that no more will come; reading goes on.
    ///
    /// # Errors
    /// What the system says, such as `ENOTCONN`.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.inner.shutdown().await
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: as in `ReadHalf::readable`; the descriptor is open as long as a half lives.
        unsafe { BorrowedFd::borrow_raw((*self.inner.0.get()).as_raw_fd()) }
    }
}

pub(super) fn peer_of(address: &SockAddr) -> Peer {
    match address.as_socket() {
        Some(address) => Peer::Ip(address),
        None => Peer::Unix(address.as_pathname().map(Path::to_owned)),
    }
}
