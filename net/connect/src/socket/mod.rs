//! Sockets: `socket_server` and `socket` as sources, `socket` as sink, over TCP, Unix sockets and
//! UDP.

#[cfg(test)]
mod client_tests;
pub mod datagram;
pub mod input;
pub mod output;
mod peer;
pub mod secured;
pub mod server;

use std::io;

use plan::{BuildError, LocalBoxFuture};
use rt::net::{Stream, resolve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reader::Bytestream;
use crate::text::io_text;

/// Bytes that a read from a connection asks for.
pub const READ_BYTES: usize = 128 << 10;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// TCP.
    Tcp,
    /// Unix stream sockets.
    Unix,
    /// UDP.
    Udp,
    /// TLS over TCP.
    Tls,
    /// Unix sockets of datagrams.
    Unixgram,
}

impl Network {
    /// The name in configurations and errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Network::Tcp => "tcp",
            Network::Unix => "unix",
            Network::Udp => "udp",
            Network::Tls => "tls",
            Network::Unixgram => "unixgram",
        }
    }

    /// Refuses what a component cannot do.
    ///
    /// # Errors
    /// When it is not one of those that it can.
    fn one_of(self, known: &[Network]) -> Result<(), BuildError> {
        if known.contains(&self) {
            return Ok(());
        }
        let names: Vec<&str> = known.iter().map(|network| network.name()).collect();
        let (name, names) = (self.name(), names.join(", "));
        let text = format!("field 'network': {name} is not supported here, only {names}");
        Err(BuildError::new(text))
    }
}

/// Connects a stream.
///
/// # Errors
/// A text such as `dial tcp 127.0.0.1:1: connect: connection refused`.
pub(crate) async fn connect(network: Network, address: &str) -> Result<Stream, String> {
    let name = network.name();
    let failed = |error: io::Error| {
        let text = io_text(&error);
        let text = text.strip_prefix(address).and_then(|t| t.strip_prefix(": ")).unwrap_or(&text);
        format!("dial {name} {address}: connect: {text}")
    };
    if network == Network::Unix {
        return Stream::connect_unix(address).await.map_err(failed);
    }
    let addresses = resolve(address).await.map_err(|e| format!("dial {name}: {}", io_text(&e)))?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match Stream::connect(address).await {
            Ok(stream) => {
                // Small messages are worth more than full packets; a socket without the option
                // works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

impl Bytestream for Stream {
    fn read(&mut self, buffer: Vec<u8>) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
        Box::pin(Stream::read(self, buffer))
    }
}
