//! Source `socket`: connects, reads, and connects again when the peer closes.

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::Scanner;
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError, SourceSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Network, READ_BYTES, connect};
use crate::reader::{End, pump};
use crate::scanners::{self, Stream};
use crate::wait::{Ended, until_stopping};

/// Connects to a server and reads what it sends. When the connection ends it is made again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `tcp` or `unix`.
    pub network: Network,
    /// Host and port, or path.
    pub address: String,
    /// How the stream is cut into messages.
    #[serde(default = "scanners::default_lines")]
    pub scanner: Scanner,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
}

/// A running `socket` source.
pub struct Socket {
    network: Network,
    address: String,
    scanner: scanners::Config,
    replays: bool,
}

impl Socket {
    async fn read(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let connected = connect(self.network, &self.address);
        let mut stream = match until_stopping(context, connected).await {
            Ended::Stopping => return Err(SourceError::Stopped),
            Ended::Done(stream) => stream.map_err(SourceError::Retry)?,
        };
        context.connected(true);
        let name = Stream { name: "", block_bytes: READ_BYTES };
        let mut scanner = self.scanner.open(name).map_err(|e| SourceError::Fatal(e.text))?;
        let end = pump(context, &mut stream, &mut *scanner, None, None).await?;
        context.connected(false);
        let why = match end {
            End::Done => "the connection was closed".to_owned(),
            End::Failed(text) => text,
        };
        Err(SourceError::Retry(format!("{} {}: {why}", self.network.name(), self.address)))
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

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    config.network.one_of(&[Network::Unix, Network::Tcp])?;
    Ok(Box::new(Socket {
        network: config.network,
        address: config.address,
        scanner: scanners::Config::of(&config.scanner)?,
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
