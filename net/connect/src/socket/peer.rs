//! The server that a client of this kind connects to, with TLS where that is wanted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use plan::{BuildError, Services};
use rt::net::Stream;
use rustls::ClientConfig;

use super::{Network, connect};
use crate::codec::Encoded;
use crate::http_client::tls::Tls;
use crate::link::{self, Link};
use crate::text::io_text;

/// How long a server may take to agree on TLS.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Whose certificate a server shows that is found by a path.
const LOCAL: &str = "localhost";

/// A server.
pub(super) struct Peer {
    network: Network,
    address: String,
    tls: Option<Arc<ClientConfig>>,
    /// How long it may take to agree on TLS.
    pub(super) patience: Duration,
}

/// A connection to it.
pub(super) enum Connected {
    /// Without TLS.
    Plain(Stream),
    /// With TLS.
    Secured(Link),
}

impl Connected {
    /// Sends all of it; gives its memory back.
    pub(super) async fn send(&mut self, bytes: Encoded) -> (io::Result<()>, Vec<u8>) {
        match (self, bytes) {
            (Connected::Plain(stream), Encoded::Shared(bytes)) => {
                (stream.write_all(bytes).await.0, Vec::new())
            }
            (Connected::Plain(stream), Encoded::Gathered(bytes)) => stream.write_all(bytes).await,
            (Connected::Secured((_, write)), bytes) => {
                (write.send(bytes.into_vec()).await, Vec::new())
            }
        }
    }

    /// Says that no more comes.
    pub(super) async fn end(&mut self) {
        match self {
            // The peer may be gone already.
            Connected::Plain(stream) => drop(stream.shutdown().await),
            Connected::Secured((_, write)) => write.end().await,
        }
    }
}

impl Peer {
    /// A server at an address, and how it is talked to.
    ///
    /// # Errors
    /// What is wrong with the certificates, or that this network has no TLS.
    pub(super) fn new(
        network: Network,
        address: String,
        tls: &Tls,
        services: &dyn Services,
    ) -> Result<Self, BuildError> {
        let tls = match (tls.enabled, network) {
            (false, _) => None,
            (true, Network::Udp) => {
                return Err(BuildError::new("field 'tls': datagrams cannot be encrypted"));
            }
            (true, _) => Some(Arc::new(tls.client(&[], services)?)),
        };
        Ok(Peer { network, address, tls, patience: HANDSHAKE_MAX })
    }

    pub(super) fn network(&self) -> Network {
        self.network
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Connects. The certificate of a server must have the host of its address.
    ///
    /// # Errors
    /// A text such as `dial tcp 127.0.0.1:1: connect: connection refused`, or why both sides do not
    /// agree on TLS.
    pub(super) async fn connect(&self) -> Result<Connected, String> {
        let stream = connect(self.network, &self.address).await?;
        let Some(tls) = &self.tls else { return Ok(Connected::Plain(stream)) };
        let host = match self.network {
            Network::Tcp => self.address.rsplit_once(':').map_or(LOCAL, |(host, _)| host),
            _ => LOCAL,
        };
        let host = host.trim_matches(['[', ']']);
        let host = if host.is_empty() { LOCAL } else { host };
        let agreed = link::tls::client(stream, host, Arc::clone(tls));
        match rt::timeout(self.patience, agreed).await {
            Ok(Ok(link)) => Ok(Connected::Secured(link)),
            Ok(Err(error)) => Err(format!("tls: {}", io_text(&error))),
            Err(_) => Err("tls: handshake: i/o timeout".to_owned()),
        }
    }
}
