//! Sink `socket`: messages over a connection.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};
use rt::net::{UdpSocket, resolve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Network;
use super::peer::{Connected, Peer};
use crate::codec::{Codec, CodecName, Encoded};
use crate::http_client::tls::Tls;
use crate::text::io_text;

/// Connects to a server and sends messages.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `tcp`, `unix` or `udp`.
    pub network: Network,
    /// Host and port, or path.
    pub address: String,
    /// How messages are written: `append`, `lines`, `delim:x`, or `all-bytes`: each message over a
    /// connection of its own.
    #[serde(default)]
    pub codec: CodecName,
    /// Talks to the server by TLS; not over UDP.
    #[serde(default)]
    pub tls: Tls,
}

enum Connection {
    Stream(Box<Connected>),
    Datagrams(UdpSocket, SocketAddr),
}

/// A running `socket` sink.
pub struct Socket {
    component: Component,
    peer: Peer,
    codec: Codec,
    /// Taken out during a write: a write that is dropped half-way ends the connection.
    connection: RefCell<Option<Connection>>,
    scratch: Cell<Vec<u8>>,
}

impl Socket {
    fn fault(&self, text: impl Into<String>) -> Arc<Fault> {
        fault_of(&self.component, text)
    }

    async fn connect(&self) -> Result<Connection, String> {
        let address = self.peer.address();
        if self.peer.network() != Network::Udp {
            return Ok(Connection::Stream(self.peer.connect().await?.into()));
        }
        let failed = |e: io::Error| format!("dial udp {address}: {}", io_text(&e));
        let found = resolve(address).await.map_err(failed)?;
        let to = found.into_iter().next();
        let to = to.ok_or_else(|| failed(io::ErrorKind::AddrNotAvailable.into()))?;
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        Ok(Connection::Datagrams(UdpSocket::bind(any, false).map_err(failed)?, to))
    }

    fn unwritten(&self, error: &io::Error) -> Arc<Fault> {
        let (network, address) = (self.peer.network().name(), self.peer.address());
        self.fault(format!("write {network} {address}: {}", io_text(error)))
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        if self.codec == Codec::AllBytes && self.peer.network() != Network::Udp {
            return self.alone(batch).await;
        }
        let Some(mut connection) = self.connection.borrow_mut().take() else {
            return Err(SinkError::NotConnected(self.fault("not connected to target output")));
        };
        let sent = match &mut connection {
            Connection::Stream(stream) => match self.codec.encode(batch, self.scratch.take()) {
                Err(text) => {
                    self.connection.replace(Some(connection));
                    return Err(SinkError::All(self.fault(text)));
                }
                Ok(bytes) => {
                    let (sent, memory) = stream.send(bytes).await;
                    self.scratch.set(memory);
                    sent
                }
            },
            Connection::Datagrams(socket, to) => self.datagrams(batch, socket, *to).await,
        };
        sent.map_err(|error| SinkError::NotConnected(self.unwritten(&error)))?;
        self.connection.replace(Some(connection));
        Ok(())
    }

    /// Sends each message over a connection of its own, whose end is that of the message.
    async fn alone(&self, batch: &Batch) -> Result<(), SinkError> {
        let Some(records) = batch.as_records() else {
            let bytes = self.codec.encode(batch, Vec::new());
            let bytes = bytes.map_err(|text| SinkError::All(self.fault(text)))?;
            return self.whole(bytes.into_vec()).await.map_err(SinkError::NotConnected);
        };
        let (count, mut print) = (records.recs.len(), Vec::new());
        for index in 0..count {
            let message = records.bytes(index, &mut print).to_vec();
            let Err(fault) = self.whole(message).await else { continue };
            return Err(match index {
                0 => SinkError::NotConnected(fault),
                _ => SinkError::Some((index..count).map(|at| (at, Arc::clone(&fault))).collect()),
            });
        }
        Ok(())
    }

    async fn whole(&self, message: Vec<u8>) -> Result<(), Arc<Fault>> {
        let opened = self.connection.borrow_mut().take();
        let connection = match opened {
            Some(connection) => connection,
            None => self.connect().await.map_err(|text| self.fault(text))?,
        };
        if let Connection::Stream(mut stream) = connection {
            let sent = stream.send(Encoded::Gathered(message)).await.0;
            sent.map_err(|error| self.unwritten(&error))?;
            stream.end().await;
        }
        Ok(())
    }

    async fn datagrams(&self, batch: &Batch, socket: &UdpSocket, to: SocketAddr) -> io::Result<()> {
        let Some(records) = batch.as_records() else {
            let encoded = self.codec.encode(batch, Vec::new());
            let bytes = encoded.map_err(io::Error::other)?.into_vec();
            return socket.send_to(bytes, to).await.0.map(drop);
        };
        let mut print = Vec::new();
        for index in 0..records.recs.len() {
            let mut bytes = Vec::new();
            self.codec.push(records.bytes(index, &mut print), &mut bytes);
            socket.send_to(bytes, to).await.0?;
        }
        Ok(())
    }
}

impl Sink for Socket {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let connection = self.connect().await.map_err(|text| self.fault(text))?;
            self.connection.replace(Some(connection));
            Ok(())
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let connection = self.connection.borrow_mut().take();
            if let Some(Connection::Stream(mut stream)) = connection {
                stream.end().await;
            }
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    config.network.one_of(&[Network::Unix, Network::Tcp, Network::Udp])?;
    Ok(Box::new(Socket {
        component: env.component().clone(),
        peer: Peer::new(config.network, config.address, &config.tls, &*env.services())?,
        codec: config.codec.codec()?,
        connection: RefCell::default(),
        scratch: Cell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "socket",
    since: "0.1.0",
    category: "network",
    summary: "Sends messages over TCP, a Unix socket or UDP.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "lines over TCP",
        config: r#"{"network":"tcp","address":"localhost:6000","codec":"lines"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
