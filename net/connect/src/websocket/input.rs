//! Source `websocket`: connects, receives, and connects again when the connection ends.

use std::rc::Rc;

use bytes::Bytes;
use plan::env::read_config;
use plan::{
    Batch, Body, BuildError, Component, Env, Example, Json, LocalBoxFuture, Log, Origin, Record,
    Records, Services, Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::websocket::Kind;

use super::dial::Dialer;
use super::session::{Reader, Session};
use super::{Credentials, Place, dialer};
use crate::http_client::tls::Tls;
use crate::wait::{Ended, until_stopping};

/// The code of a client that has no more to say.
const NORMAL: u16 = 1000;

/// What the message after connecting is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OpenMessageType {
    /// Bytes.
    #[default]
    Binary,
    /// Text.
    Text,
}

/// How connecting is repeated.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Connection {
    /// How often in a row connecting is tried again before the input ends; below 0: for ever.
    #[schemars(extend("advanced" = true))]
    pub max_retries: i64,
}

impl Default for Connection {
    fn default() -> Self {
        Connection { max_retries: -1 }
    }
}

/// Connects to a websocket and receives messages. When the connection ends it is made again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where to connect.
    #[serde(flatten)]
    pub place: Place,
    /// A message for the server after each connecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("advanced" = true))]
    pub open_message: Option<String>,
    /// Whether that message is bytes or text.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub open_message_type: OpenMessageType,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
    /// Certificates that differ from those of the system.
    #[serde(default)]
    pub tls: Tls,
    /// How connecting is repeated.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub connection: Connection,
    /// Who connects.
    #[serde(flatten)]
    pub credentials: Credentials,
}

/// A running `websocket` source.
pub struct Websocket {
    component: Component,
    dialer: Rc<Dialer>,
    greeting: Option<(Kind, String)>,
    replays: bool,
    /// Retries in a row before the end; nothing: for ever.
    retries_max: Option<u64>,
    failures: u64,
    services: Rc<dyn Services>,
}

/// How an attempt to connect ended.
enum Attempt {
    Connected(Reader, Rc<Session>),
    /// It was the last one.
    GivenUp,
}

impl Websocket {
    async fn connect(&mut self) -> Result<Attempt, SourceError> {
        let text = match self.greeted().await {
            Ok((reader, session)) => {
                self.failures = 0;
                return Ok(Attempt::Connected(reader, session));
            }
            Err(text) => text,
        };
        self.failures = self.failures.saturating_add(1);
        if self.retries_max.is_none_or(|max| self.failures <= max) {
            return Err(SourceError::Retry(text));
        }
        let fields = [("label", &*self.component.label), ("path", &*self.component.path)];
        let text = format!("Failed to connect to websocket: {text}");
        self.services.log(Log::Error, &text, &fields);
        let text = "Maximum number of connection attempt retries has been met, \
                    gracefully terminating input websocket";
        self.services.log(Log::Error, text, &fields);
        Ok(Attempt::GivenUp)
    }

    async fn greeted(&self) -> Result<(Reader, Rc<Session>), String> {
        let (reader, session) = self.dialer.dial().await?;
        if let Some((kind, text)) = &self.greeting {
            session.send(*kind, text.as_bytes()).await?;
        }
        Ok((reader, session))
    }

    async fn read(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let (mut reader, session) = match until_stopping(context, self.connect()).await {
            Ended::Stopping => return Err(SourceError::Stopped),
            Ended::Done(attempt) => match attempt? {
                Attempt::Connected(reader, session) => (reader, session),
                Attempt::GivenUp => return Ok(()),
            },
        };
        context.connected(true);
        let mut found = Vec::new();
        let why = loop {
            match until_stopping(context, reader.all(&mut found)).await {
                Ended::Stopping => {
                    session.close(NORMAL).await;
                    session.end().await;
                    return Err(SourceError::Stopped);
                }
                Ended::Done(Err(why)) => break why,
                Ended::Done(Ok(())) => drop(context.emit(batch(&mut found)).await?),
            }
        };
        session.end().await;
        context.connected(false);
        Err(SourceError::Retry(why))
    }
}

/// Messages on their own, put together only to be quick.
fn batch(found: &mut Vec<Bytes>) -> Batch {
    let recs = found.drain(..).zip(0..).map(|(message, tag)| Record {
        body: Body::Own(message.to_vec().into()),
        origin: Origin { ack: 0, tag },
        ..Record::default()
    });
    Batch::records(Records { recs: recs.collect(), loose: true, ..Records::default() })
}

impl Source for Websocket {
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
    let kind = match config.open_message_type {
        OpenMessageType::Binary => Kind::Binary,
        OpenMessageType::Text => Kind::Text,
    };
    Ok(Box::new(Websocket {
        component: env.component().clone(),
        dialer: dialer(config.place, &config.tls, &config.credentials, env)?,
        greeting: config.open_message.filter(|text| !text.is_empty()).map(|text| (kind, text)),
        replays: config.auto_replay_nacks,
        retries_max: u64::try_from(config.connection.max_retries).ok(),
        failures: 0,
        services: env.services(),
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "websocket",
    since: "0.1.0",
    category: "network",
    summary: "Connects to a websocket and receives messages.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "prices, once they are asked for",
        config: r#"{"url":"wss://example.com/feed","open_message":"prices"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
