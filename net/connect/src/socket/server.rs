//! Source `socket_server`: listens and reads from every connection.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::env::read_config;
use plan::fields::CacheLabel;
use plan::shared::{Cache, CacheOp};
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Log, Services, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use rt::Task;
use rt::net::{Stream, TcpListener, UdpSocket, UnixDatagram, UnixListener, resolve};
use rustls::ServerConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secured::Tls;
use super::{Network, READ_BYTES, datagram};
use crate::link::{self, Tcp};
use crate::reader::{End, pump};
use crate::scanners::{self, Cut};
use crate::text::io_text;
use crate::wait::{Ended, until_stopping};

/// Connections of one instance; more wait until one ends.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Instances of a source that shares its port.
const INSTANCES_MAX: usize = 1024;
/// How long a client may take to agree on TLS.
const HANDSHAKE_MAX: std::time::Duration = std::time::Duration::from_secs(10);
/// Pause after the system had nothing left for a new connection.
const EXHAUSTED_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Listens on a TCP or Unix socket, or for datagrams, and reads from everybody who connects.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `tcp`, `unix`, `udp`, `tls` or `unixgram`.
    pub network: Network,
    /// Host and port, or path.
    pub address: String,
    /// Cache that the address is written to once it is known, under the label of this component
    /// and `_address`, or `socket_server_address` when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_cache: Option<CacheLabel>,
    /// How a connection is cut into messages.
    #[serde(flatten)]
    pub cut: Cut,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
    /// How the TCP port is opened. With `reuse_port` every shard listens.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub tcp: Tcp,
    /// What clients are shown with `network: tls`.
    #[serde(default)]
    pub tls: Tls,
}

/// A running `socket_server` source.
pub struct SocketServer {
    config: Config,
    scanner: Rc<scanners::Config>,
    services: Rc<dyn Services>,
    connections_max: usize,
    /// The settings of a TLS server.
    tls: Option<Arc<ServerConfig>>,
    /// Where the address is written to, and under which key.
    address_cache: Option<(Rc<dyn Cache>, String)>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => listener.accept().await,
            Listener::Unix(listener) => listener.accept().await,
        }
    }
}

impl SocketServer {
    fn failed(&self, error: &io::Error) -> SourceError {
        let (network, address) = (self.config.network.name(), &self.config.address);
        let text = io_text(error);
        // The seam names the address, too, resolved.
        let text = text.rsplit_once(": ").map_or(text.as_str(), |(_, sentence)| sentence);
        SourceError::Retry(format!("listen {network} {address}: bind: {text}"))
    }

    async fn resolved(&self) -> Result<std::net::SocketAddr, SourceError> {
        let found = resolve(&self.config.address).await.map_err(|e| self.failed(&e))?;
        let none = || self.failed(&io::ErrorKind::AddrNotAvailable.into());
        found.into_iter().next().ok_or_else(none)
    }

    async fn listen(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let address = &self.config.address;
        let listener = match self.config.network {
            Network::Udp => {
                let socket = UdpSocket::bind(self.resolved().await?, self.config.tcp.reuse_port);
                let socket = socket.map_err(|e| self.failed(&e))?;
                self.ready(context, &socket.local_addr().to_string()).await;
                let socket = datagram::Socket::Udp(socket);
                return datagram::receive(&socket, &self.scanner, context).await;
            }
            Network::Unixgram => {
                let socket = UnixDatagram::bind(address).map_err(|e| self.failed(&e))?;
                self.ready(context, address).await;
                let socket = datagram::Socket::Unix(socket);
                return datagram::receive(&socket, &self.scanner, context).await;
            }
            Network::Unix => {
                let listener = UnixListener::bind(address).map_err(|e| self.failed(&e))?;
                self.ready(context, address).await;
                Listener::Unix(listener)
            }
            Network::Tcp | Network::Tls => {
                let options = self.config.tcp.options();
                let listener = TcpListener::bind(self.resolved().await?, options);
                let listener = listener.map_err(|e| self.failed(&e))?;
                self.ready(context, &listener.local_addr().to_string()).await;
                Listener::Tcp(listener)
            }
        };
        self.serve(&listener, context).await
    }

    async fn ready(&self, context: &Rc<dyn SourceContext>, address: &str) {
        context.connected(true);
        let text = format!("Receiving {} socket messages", self.config.network.name());
        self.services.log(Log::Info, &text, &[("address", address)]);
        let Some((cache, key)) = &self.address_cache else { return };
        let (key, value) = (key.clone().into_bytes(), address.as_bytes().to_vec());
        let set = vec![CacheOp::Set { key, value, ttl_ns: None }];
        if let Some(Err(error)) = cache.run(set).await.pop() {
            context.error(&format!("Failed to set address in cache: {error}"));
        }
    }

    async fn serve(
        &self,
        listener: &Listener,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let mut connections: FuturesUnordered<Task<()>> = FuturesUnordered::new();
        let accepted = async {
            loop {
                while connections.len() >= self.connections_max {
                    connections.next().await;
                }
                let accept = std::pin::pin!(listener.accept());
                let stream = if connections.is_empty() {
                    accept.await
                } else {
                    match select(accept, connections.next()).await {
                        Either::Left((stream, _)) => stream,
                        Either::Right(_) => continue,
                    }
                };
                match stream {
                    Ok(stream) => {
                        let (scanner, context) = (Rc::clone(&self.scanner), Rc::clone(context));
                        let read = read(stream, self.tls.clone(), scanner, context);
                        connections.push(rt::spawn(read).abort_on_drop());
                    }
                    Err(error) => {
                        context.error(&format!("failed to accept: {}", io_text(&error)));
                        rt::sleep(EXHAUSTED_PAUSE).await;
                    }
                }
            }
        };
        match until_stopping(context, accepted).await {
            Ended::Done(()) | Ended::Stopping => Err(SourceError::Stopped),
        }
    }
}

/// Reads one connection to its end.
async fn read(
    mut stream: Stream,
    tls: Option<Arc<ServerConfig>>,
    scanner: Rc<scanners::Config>,
    context: Rc<dyn SourceContext>,
) {
    let peer = stream.peer().clone();
    let name = scanners::Stream { name: "", block_bytes: READ_BYTES };
    let mut scanner = match scanner.open(name) {
        Ok(scanner) => scanner,
        Err(error) => return context.error(&error.text),
    };
    let read = match tls {
        None => pump(&context, &mut stream, &mut *scanner, None, None).await,
        Some(config) => {
            let agreed = rt::timeout(HANDSHAKE_MAX, link::tls::server(stream, config)).await;
            let agreed = agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            match agreed {
                // The other direction is kept open, as that of a plain connection is.
                Ok(((mut bytes, _silent), _)) => {
                    pump(&context, &mut *bytes, &mut *scanner, None, None).await
                }
                Err(error) => Ok(End::Failed(format!("TLS handshake: {}", io_text(&error)))),
            }
        }
    };
    match read {
        Ok(End::Failed(text)) => context.error(&format!("connection of {peer}: {text}")),
        Ok(End::Done) | Err(_) => {}
    }
}

impl Source for SocketServer {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.listen(&context).await })
    }

    fn replays(&self) -> bool {
        self.config.auto_replay_nacks
    }

    fn partitions(&self) -> usize {
        let shared = self.config.tcp.reuse_port && !self.config.address.ends_with(":0");
        let paths = matches!(self.config.network, Network::Unix | Network::Unixgram);
        if shared && !paths { INSTANCES_MAX } else { 1 }
    }
}

fn made(config: &Json, env: &dyn Env) -> Result<SocketServer, BuildError> {
    let config: Config = read_config(config)?;
    let scanner = Rc::new(config.cut.config()?);
    let address_cache = match config.address_cache.as_ref().filter(|cache| !cache.is_empty()) {
        None => None,
        Some(cache) => {
            let key = match &*env.component().label {
                "" => "socket_server_address".to_owned(),
                label => format!("{label}_address"),
            };
            Some((env.cache(&cache.0)?, key))
        }
    };
    let services = env.services();
    let tls = match config.network {
        Network::Tls => Some(config.tls.server(&*services)?),
        _ => None,
    };
    let connections_max = CONNECTIONS_MAX;
    Ok(SocketServer { config, scanner, services, connections_max, tls, address_cache })
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    made(config, env).map(|server| Box::new(server) as Box<dyn Source>)
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "socket_server",
    since: "0.1.0",
    category: "network",
    summary: "Listens on a TCP or Unix socket, or for datagrams.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "lines over TCP",
        config: r#"{"network":"tcp","address":"0.0.0.0:6000"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
