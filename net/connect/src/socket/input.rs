//! Source `socket`: connects, reads, and connects again when the peer closes.

use std::rc::Rc;

use formats::value::Value;
use plan::env::read_config;
use plan::fields::Mapping;
use plan::{
    Batch, BuildError, Env, Example, Expr, Form, Json, LocalBoxFuture, Records, Source,
    SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::peer::{Connected, Peer};
use super::{Network, READ_BYTES};
use crate::codec::Encoded;
use crate::http_client::tls::Tls;
use crate::reader::{Bytestream, End, pump};
use crate::scanners::{self, Cut, Stream};
use crate::text::io_text;
use crate::wait::{Ended, until_stopping};

/// Connects to a server and reads what it sends. When the connection ends it is made again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `tcp` or `unix`.
    pub network: Network,
    /// Host and port, or path.
    pub address: String,
    /// How the stream is cut into messages.
    #[serde(flatten)]
    pub cut: Cut,
    /// Makes a text that the server is sent after each connecting, before anything is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_message_mapping: Option<Mapping>,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
    /// Talks to the server by TLS.
    #[serde(default)]
    pub tls: Tls,
}

/// A running `socket` source.
pub struct Socket {
    peer: Peer,
    scanner: scanners::Config,
    greeting: Option<Box<dyn Expr>>,
    replays: bool,
}

impl Socket {
    /// Connects, and says what there is to be said first.
    async fn connect(&mut self) -> Result<Connected, String> {
        let mut connected = self.peer.connect().await?;
        let Some(greeting) = &mut self.greeting else { return Ok(connected) };
        let text = said(&mut **greeting)?;
        let (sent, _) = connected.send(Encoded::Gathered(text)).await;
        sent.map_err(|error| format!("failed to write open message: {}", io_text(&error)))?;
        Ok(connected)
    }

    async fn read(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mut connected = match until_stopping(context, self.connect()).await {
            Ended::Stopping => return Err(SourceError::Stopped),
            Ended::Done(connected) => connected.map_err(SourceError::Retry)?,
        };
        context.connected(true);
        let stream: &mut dyn Bytestream = match &mut connected {
            Connected::Plain(stream) => stream,
            Connected::Secured((read, _)) => &mut **read,
        };
        let name = Stream { name: "", block_bytes: READ_BYTES };
        let mut scanner = self.scanner.open(name).map_err(|e| SourceError::Fatal(e.text))?;
        let end = pump(context, stream, &mut *scanner, None, None).await?;
        context.connected(false);
        let why = match end {
            End::Done => "the connection was closed".to_owned(),
            End::Failed(text) => text,
        };
        let (network, address) = (self.peer.network().name(), self.peer.address());
        Err(SourceError::Retry(format!("{network} {address}: {why}")))
    }
}

/// What a mapping of nothing gives, as text.
fn said(mapping: &mut dyn Expr) -> Result<Vec<u8>, String> {
    let nothing = Batch::records(Records::from_bodies([Vec::new()]));
    match mapping.value(&nothing, 0) {
        Err(fault) => Err(format!("open message mapping failed: {}", fault.text)),
        Ok(Value::String(text)) if text.as_bytes().is_empty() => {
            Err("open message mapping returned empty string".to_owned())
        }
        Ok(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        Ok(other) => {
            let kind = other.go_type();
            Err(format!("open message mapping returned non-string result: {kind}"))
        }
    }
}

impl Source for Socket {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.read(&context).await })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    config.network.one_of(&[Network::Unix, Network::Tcp])?;
    let mapping = config.open_message_mapping.as_ref();
    Ok(Box::new(Socket {
        peer: Peer::new(config.network, config.address, &config.tls, &*env.services())?,
        scanner: config.cut.config()?,
        greeting: mapping.map(|mapping| env.expr(&mapping.0, Form::Query)).transpose()?,
        replays: config.auto_replay_nacks,
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "socket",
    since: "0.1.0",
    category: "network",
    summary: "Connects to a TCP or Unix socket and reads from it.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "lines of a TCP server",
        config: r#"{"network":"tcp","address":"localhost:6000"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
