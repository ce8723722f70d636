//! Listeners. A connection is taken by our own call after readiness, so that dropping an accept
//! never loses a connection that the kernel had already handed over.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::stream::peer_of;
use super::{Peer, Stream};
use crate::pollable::Pollable;

/// How a TCP listener is opened.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Several shards listen on the same port and the kernel spreads connections over them.
    pub reuse_port: bool,
    /// Connections that may wait to be taken.
    pub backlog: i32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { reuse_port: false, backlog: 1024 }
    }
}

struct Listener {
    socket: Socket,
    poll: Pollable,
}

impl Listener {
    fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let poll = Pollable::new(socket.as_fd())?;
        Ok(Self { socket, poll })
    }

    async fn accept(&self) -> io::Result<Stream> {
        loop {
            match self.socket.accept() {
                Ok((socket, address)) => {
                    return Stream::with_peer(OwnedFd::from(socket), peer_of(&address));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.poll.readable().await?;
                }
                Err(error) if transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The connection died between its arrival and the accept; the next one is as good.
fn transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

/// A TCP listener.
pub struct TcpListener {
    inner: Listener,
    local: SocketAddr,
}

impl TcpListener {
    /// Binds and listens. Port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says, such as `EADDRINUSE`; the message names the address.
    pub fn bind(address: SocketAddr, options: ListenOptions) -> io::Result<Self> {
        let bound = Self::bind_inner(address, options);
        bound.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
    }

    fn bind_inner(address: SocketAddr, options: ListenOptions) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?; // `:4195` means both families
        }
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(options.reuse_port)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(options.backlog)?;
        let local = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self { inner: Listener::new(socket)?, local })
    }

    /// The address that was really bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits for the next connection. Dropping the future loses none.
    ///
    /// # Errors
    /// What the system says, such as `EMFILE`; the listener stays usable.
    pub async fn accept(&self) -> io::Result<Stream> {
        self.inner.accept().await
    }
}

/// A listener on a Unix socket. Its file is removed when the listener is dropped.
pub struct UnixListener {
    inner: Listener,
    path: PathBuf,
}

impl UnixListener {
    /// Binds and listens. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// What the system says, such as `EADDRINUSE` when somebody listens; the message names the
    /// path.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = Self::bind_inner(path);
        bound.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn bind_inner(path: &Path) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
                std::fs::remove_file(path)?;
                socket.bind(&address)?;
            }
            done => done?,
        }
        socket.listen(ListenOptions::default().backlog)?;
        Ok(Self { inner: Listener::new(socket)?, path: path.to_owned() })
    }

    /// Waits for the next connection. Dropping the future loses none.
    ///
    /// # Errors
    /// What the system says, such as `EMFILE`; the listener stays usable.
    pub async fn accept(&self) -> io::Result<Stream> {
        self.inner.accept().await
    }

    /// Where it listens.
    #[must_use]
    pub fn local(&self) -> Peer {
        Peer::Unix(Some(self.path.clone()))
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // it may be gone with its directory
    }
}

/// True when the file is a socket that refuses connections.
fn is_stale(path: &Path) -> bool {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}
