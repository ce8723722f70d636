//! Sink `socket`: messages over a connection.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};
use rt::net::{Stream, UdpSocket, resolve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Network, connect};
use crate::codec::{Codec, CodecName, Encoded};
use crate::text::io_text;

/// Connects to a server and sends messages.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `tcp`, `unix` or `udp`.
    pub network: Network,
    /// Host and port, or path.
    pub address: String,
    /// How messages are written: `all-bytes`, `append`, `lines`, `delim:x`.
    #[serde(default)]
    pub codec: CodecName,
}

enum Connection {
    Stream(Box<Stream>),
    Datagrams(UdpSocket, SocketAddr),
}

/// A running `socket` sink.
pub struct Socket {
    component: Component,
    network: Network,
    address: String,
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
        if self.network != Network::Udp {
            return connect(self.network, &self.address)
                .await
                .map(|s| Connection::Stream(s.into()));
        }
        let failed = |e: std::io::Error| format!("dial udp {}: {}", self.address, io_text(&e));
        let found = resolve(&self.address).await.map_err(failed)?;
        let to = found.into_iter().next();
        let to = to.ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        Ok(Connection::Datagrams(UdpSocket::bind(any, false).map_err(failed)?, to))
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let Some(connection) = self.connection.borrow_mut().take() else {
            return Err(SinkError::NotConnected(self.fault("not connected to target output")));
        };
        let sent = match connection {
            Connection::Stream(mut stream) => {
                let encoded = self.codec.encode(batch, self.scratch.take());
                match encoded {
                    Err(text) => {
                        self.connection.replace(Some(Connection::Stream(stream)));
                        return Err(SinkError::All(self.fault(text)));
                    }
                    Ok(Encoded::Shared(bytes)) => {
                        (stream.write_all(bytes).await.0).map(|()| Connection::Stream(stream))
                    }
                    Ok(Encoded::Gathered(bytes)) => {
                        let (sent, bytes) = stream.write_all(bytes).await;
                        self.scratch.set(bytes);
                        sent.map(|()| Connection::Stream(stream))
                    }
                }
            }
            Connection::Datagrams(socket, to) => {
                let sent = self.datagrams(batch, &socket, to).await;
                sent.map(|()| Connection::Datagrams(socket, to))
            }
        };
        match sent {
            Ok(connection) => {
                self.connection.replace(Some(connection));
                Ok(())
            }
            Err(error) => {
                let (network, address) = (self.network.name(), &self.address);
                let text = format!("write {network} {address}: {}", io_text(&error));
                Err(SinkError::NotConnected(self.fault(text)))
            }
        }
    }

    async fn datagrams(
        &self,
        batch: &Batch,
        socket: &UdpSocket,
        to: SocketAddr,
    ) -> std::io::Result<()> {
        let Some(records) = batch.as_records() else {
            let encoded = self.codec.encode(batch, Vec::new());
            let bytes = encoded.map_err(std::io::Error::other)?.as_slice().to_vec();
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
                // The peer may be gone already.
                let _ = stream.shutdown().await;
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
        network: config.network,
        address: config.address,
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
