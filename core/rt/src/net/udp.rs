//! Datagrams.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::pollable::Pollable;
use crate::{IoBuf, IoBufMut};

/// A UDP socket.
pub struct UdpSocket {
    socket: Socket,
    poll: Pollable,
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds a socket; `reuse_port` lets several shards share the port.
    ///
    /// # Errors
    /// What the system says, such as `EADDRINUSE`; the message names the address.
    pub fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<Self> {
        let bound = Self::bind_inner(address, reuse_port);
        bound.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
    }

    fn bind_inner(address: SocketAddr, reuse_port: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_port(reuse_port)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(address))?;
        let local = socket.local_addr()?.as_socket().unwrap_or(address);
        let poll = Pollable::new(socket.as_fd())?;
        Ok(Self { socket, poll, local })
    }

    /// The address that was really bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Receives one datagram into the spare capacity of `buf`; what does not fit is lost.
    ///
    /// # Errors
    /// What the system says.
    pub async fn recv_from<B: IoBufMut>(&self, buf: B) -> (io::Result<(usize, SocketAddr)>, B) {
        let (received, buf) = receive(&self.socket, &self.poll, buf).await;
        let with_peer = |(count, from): (usize, SockAddr)| (count, from.as_socket());
        let received = received.map(with_peer);
        (received.map(|(count, from)| (count, from.unwrap_or(self.local))), buf)
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// What the system says, such as `EMSGSIZE`.
    pub async fn send_to<B: IoBuf>(&self, buf: B, to: SocketAddr) -> (io::Result<usize>, B) {
        let to = SockAddr::from(to);
        loop {
            // SAFETY: the filled bytes of a buffer that is owned here and not changed meanwhile.
            let bytes = unsafe { std::slice::from_raw_parts(buf.ptr(), buf.filled()) };
            match self.socket.send_to(bytes, &to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.poll.writable().await {
                        return (Err(error), buf);
                    }
                }
                done => return (done, buf),
            }
        }
    }
}

/// A Unix socket of datagrams. Its file goes with it.
pub struct UnixDatagram {
    socket: Socket,
    poll: Pollable,
    path: PathBuf,
}

impl UnixDatagram {
    /// Binds a socket to a path. A socket file that nobody reads from any more is replaced.
    ///
    /// # Errors
    /// What the system says, such as `EADDRINUSE`; the message names the path.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = || {
            let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
            socket.set_nonblocking(true)?;
            let address = SockAddr::unix(path)?;
            match socket.bind(&address) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
                    std::fs::remove_file(path)?;
                    socket.bind(&address)?;
                }
                done => done?,
            }
            let poll = Pollable::new(socket.as_fd())?;
            Ok(Self { socket, poll, path: path.to_owned() })
        };
        bound().map_err(|error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })
    }

    /// Receives one datagram into the spare capacity of `buf`; what does not fit is lost.
    ///
    /// # Errors
    /// What the system says.
    pub async fn recv<B: IoBufMut>(&self, buf: B) -> (io::Result<usize>, B) {
        let (received, buf) = receive(&self.socket, &self.poll, buf).await;
        (received.map(|(count, _)| count), buf)
    }
}

impl Drop for UnixDatagram {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// True when the file is a socket that nobody reads from.
fn is_stale(path: &Path) -> bool {
    let probe = std::os::unix::net::UnixDatagram::unbound();
    let connected = probe.and_then(|probe| probe.connect(path));
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Receives one datagram into the spare capacity of `buf`.
async fn receive<B: IoBufMut>(
    socket: &Socket,
    poll: &Pollable,
    mut buf: B,
) -> (io::Result<(usize, SockAddr)>, B) {
    loop {
        let (start, room) = (buf.filled(), buf.capacity() - buf.filled());
        // SAFETY: the range is the spare capacity of a buffer that is owned here, and it is only
        // written.
        let spare = unsafe {
            let to = buf.ptr_mut().add(start).cast::<MaybeUninit<u8>>();
            std::slice::from_raw_parts_mut(to, room)
        };
        match socket.recv_from(spare) {
            Ok((count, from)) => {
                // SAFETY: the kernel wrote `count` bytes behind `start`.
                unsafe { buf.set_filled(start + count) };
                return (Ok((count, from)), buf);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Err(error) = poll.readable().await {
                    return (Err(error), buf);
                }
            }
            Err(error) => return (Err(error), buf),
        }
    }
}
