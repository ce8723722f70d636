//! Sockets of one shard: streams over TCP and Unix sockets, listeners, datagrams.

mod listen;
mod stream;
mod udp;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use listen::{ListenOptions, TcpListener, UnixListener};
pub use stream::{ReadHalf, Stream, WriteHalf};
pub use udp::{UdpSocket, UnixDatagram};

use crate::blocking;

/// A stream over TCP.
pub type TcpStream = Stream;

/// A stream over a Unix socket.
pub type UnixStream = Stream;

/// Who is at the other end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An address and port.
    Ip(SocketAddr),
    /// A Unix socket, with its path when it has one.
    Unix(Option<PathBuf>),
}

impl Peer {
    /// The address and port of an IP peer.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(Some(path)) => path.display().fmt(f),
            Self::Unix(None) => f.write_str("unix"),
        }
    }
}

/// The addresses of `host:port`, `:port` (all interfaces) or `[v6]:port`. Names are looked up on a
/// helper thread.
///
/// # Errors
/// `InvalidInput` without a port, otherwise what the resolver says; the message names the address.
pub async fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    use std::net::ToSocketAddrs;
    let wanted = if address.starts_with(':') { format!("[::]{address}") } else { address.into() };
    if let Ok(address) = wanted.parse() {
        return Ok(vec![address]);
    }
    let found = blocking(move || wanted.to_socket_addrs().map(Iterator::collect)).await?;
    let found: Vec<SocketAddr> =
        found.map_err(|e: io::Error| io::Error::new(e.kind(), format!("{address}: {e}")))?;
    if found.is_empty() {
        let text = format!("{address}: the name has no address");
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    Ok(found)
}
