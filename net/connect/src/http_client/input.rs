//! Source `http_client`: asks a server again and again, or reads an answer that does not end.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use memchr::memrchr;
use plan::env::read_config;
use plan::fields::{Duration, Interpolated};
use plan::{
    Batch, Body, BuildError, Data, Emitted, Env, Example, Json, LocalBoxFuture, Origin, RawBlock,
    Record, Records, Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::config::Common;
use super::failure::Refusal;
use super::message::Marks;
use super::request::{Source as BodySource, Text};
use super::transport;
use crate::compose::backoff::{self, Backoff};
use crate::compose::leave_to;
use crate::lookup::MetadataFilter;
use crate::reader::{Bytestream, End, pump};
use crate::scanners::{self, BLOCK_BYTES, Cut};
use crate::wait::{Ended, until_stopping};

/// An answer that is read as it comes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Stream {
    /// Whether answers are read as they come.
    pub enabled: bool,
    /// Asks again when an answer has ended. If not, the input ends, too.
    pub reconnect: bool,
    /// Whether a request that failed so often as it may ends the pipeline. For plans of languages
    /// whose readers have it; streams ask again.
    #[schemars(skip)]
    pub gives_up: bool,
    /// How an answer is cut into messages.
    #[serde(flatten)]
    pub cut: Cut,
}

impl Default for Stream {
    fn default() -> Self {
        Stream { enabled: false, reconnect: true, gives_up: false, cut: Cut::default() }
    }
}

/// Asks a server again and again; each answer is a message. Address, headers and payload may
/// depend on the message before.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The address.
    pub url: Interpolated,
    /// The verb.
    #[serde(default = "get")]
    pub verb: String,
    /// What all HTTP clients have.
    #[serde(flatten)]
    pub common: Common,
    /// What is sent.
    #[serde(default)]
    pub payload: Interpolated,
    /// Passes over answers without content.
    #[serde(default = "crate::yes")]
    #[schemars(extend("advanced" = true))]
    pub drop_empty_bodies: bool,
    /// Reads an answer as it comes.
    #[serde(default)]
    pub stream: Stream,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
}

fn get() -> String {
    "GET".to_owned()
}

/// How answers are read as they come.
struct Streaming {
    scanner: scanners::Config,
    reconnect: bool,
    gives_up: bool,
}

/// A running `http_client` source.
pub struct HttpClient {
    client: Client,
    streaming: Option<Streaming>,
    drops_empty: bool,
    replays: bool,
    /// The last message, to which the next request may refer.
    previous: Rc<RefCell<Records>>,
}

/// The pauses after something that was not a message.
fn pauses() -> Backoff {
    Backoff::new(backoff::Config { max_interval: Duration::from_secs(1), ..Default::default() })
}

async fn pause(backoff: &mut Backoff, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
    match until_stopping(context, backoff.pause()).await {
        Ended::Done(_) => Ok(()),
        Ended::Stopping => Err(SourceError::Stopped),
    }
}

impl HttpClient {
    fn previous(&self) -> Batch {
        Batch::records(self.previous.borrow().clone())
    }

    /// Asks once.
    async fn ask(&self) -> Result<Records, Refusal> {
        let reply = self.client.send(&self.previous()).await?;
        let mut recs = reply.in_place_of(&[Record::default()]);
        for (record, tag) in recs.iter_mut().zip(0..) {
            record.origin = Origin { ack: 0, tag };
        }
        Ok(Records { recs, ..Records::default() })
    }

    fn is_nothing(&self, records: &Records) -> bool {
        let empty = records.payload_bytes() == 0;
        records.recs.is_empty() || (self.drops_empty && records.recs.len() == 1 && empty)
    }

    async fn poll(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        context.connected(true);
        let mut backoff = pauses();
        loop {
            match until_stopping(context, self.ask()).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(Ok(records)) if !self.is_nothing(&records) => {
                    *self.previous.borrow_mut() = records.clone();
                    drop(context.emit(Batch::records(records)).await?);
                    backoff = pauses();
                    continue;
                }
                Ended::Done(Ok(_)) => {}
                // That nothing came in time is how some servers say that there is nothing.
                Ended::Done(Err(refusal)) if refusal.timed_out => {}
                Ended::Done(Err(refusal)) => context.error(&refusal.text),
            }
            pause(&mut backoff, context).await?;
        }
    }

    async fn read(
        &self,
        streaming: &Streaming,
        context: &Rc<dyn SourceContext>,
    ) -> Result<(), SourceError> {
        let remembering =
            Remembering { inner: Rc::clone(context), previous: Rc::clone(&self.previous) };
        let remembering: Rc<dyn SourceContext> = Rc::new(remembering);
        loop {
            let previous = self.previous();
            let answer = match until_stopping(context, self.client.open(&previous)).await {
                Ended::Stopping => return Err(SourceError::Stopped),
                Ended::Done(answer) => answer.map_err(|refusal| match streaming.gives_up {
                    true => SourceError::Fatal(refusal.text),
                    false => SourceError::Retry(refusal.text),
                })?,
            };
            context.connected(true);
            *self.previous.borrow_mut() = head(&answer)?;
            let name = scanners::Stream { name: "", block_bytes: BLOCK_BYTES };
            let scanner = streaming.scanner.open(name);
            let mut scanner = scanner.map_err(|e| SourceError::Fatal(e.text))?;
            let mut pieces = Pieces(answer);
            let end = pump(&remembering, &mut pieces, &mut *scanner, None, None).await?;
            match end {
                End::Done if !streaming.reconnect => return Ok(()),
                End::Done => {}
                End::Failed(text) => context.error(&text),
            }
            pause(&mut pauses(), context).await?;
        }
    }
}

/// A message without content that has the headers of an answer as metadata.
fn head(answer: &transport::Stream) -> Result<Records, SourceError> {
    let all = MetadataFilter { include_prefixes: vec![String::new()], ..Default::default() };
    let all = all.compile().map_err(|e| SourceError::Fatal(e.text))?;
    let mut record = Record::own(Vec::new());
    let meta = record.meta_mut();
    Marks::new(answer.status, &answer.headers, &all).put(meta);
    meta.remove("http_status_code");
    Ok(Records { recs: vec![record], ..Records::default() })
}

/// Keeps the last message that passes.
struct Remembering {
    inner: Rc<dyn SourceContext>,
    previous: Rc<RefCell<Records>>,
}

/// The last message of some data.
fn last(data: &Data) -> Option<Record> {
    match data {
        Data::Records(records) => {
            let at = records.recs.len().checked_sub(1)?;
            let bytes = records.bytes(at, &mut Vec::new()).to_vec();
            Some(Record { body: Body::Own(Arc::new(bytes)), ..records.recs.get(at)?.clone() })
        }
        Data::Raw(RawBlock { bytes, .. }) => {
            let block = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let start = memrchr(b'\n', block).map_or(0, |at| at + 1);
            let line = block.get(start..).unwrap_or_default();
            Some(Record::own(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
        }
        Data::Columns(_) | Data::Value(_) => None,
    }
}

impl SourceContext for Remembering {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        if let Some(record) = last(&batch.data) {
            *self.previous.borrow_mut() = Records { recs: vec![record], ..Records::default() };
        }
        self.inner.emit(batch)
    }

    leave_to!(inner);
}

/// The pieces of an answer as a stream of bytes.
struct Pieces(transport::Stream);

impl Bytestream for Pieces {
    fn read(&mut self, mut buffer: Vec<u8>) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            loop {
                match self.0.body.recv().await {
                    None => return (Ok(0), buffer),
                    Some(Err(text)) => return (Err(io::Error::other(text)), buffer),
                    Some(Ok(piece)) if piece.is_empty() => {}
                    Some(Ok(piece)) => {
                        buffer.extend_from_slice(&piece);
                        return (Ok(piece.len()), buffer);
                    }
                }
            }
        })
    }
}

impl Source for HttpClient {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            match &self.streaming {
                None => self.poll(&context).await,
                Some(streaming) => self.read(streaming, &context).await,
            }
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

/// The scanner of answers; it passes over lines without content where that is wanted.
fn scanner(config: &Stream, drops_empty: bool) -> Result<scanners::Config, BuildError> {
    let mut scanner = config.cut.config()?;
    if let scanners::Config::Lines(lines) = &mut scanner {
        lines.omit_empty |= drops_empty;
    }
    Ok(scanner)
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    let streaming = match config.stream.enabled {
        false => None,
        true => Some(Streaming {
            scanner: scanner(&config.stream, config.drop_empty_bodies)?,
            reconnect: config.stream.reconnect,
            gives_up: config.stream.gives_up,
        }),
    };
    let body = BodySource::Payload(Text::new(&config.payload, env)?);
    Ok(Box::new(HttpClient {
        client: Client::new(&config.url, &config.verb, &config.common, body, env)?,
        streaming,
        drops_empty: config.drop_empty_bodies,
        replays: config.auto_replay_nacks,
        previous: Rc::default(),
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "http_client",
    since: "0.1.0",
    category: "network",
    summary: "Asks a server again and again, or reads an answer that does not end.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "what a service says every few seconds",
        config: r#"{"url":"http://localhost:8080/news","headers":{"Accept":"text/plain"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
