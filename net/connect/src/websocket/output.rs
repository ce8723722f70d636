//! Sink `websocket`: a message over a connection for each message.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};
use rt::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::websocket::Kind;

use super::dial::Dialer;
use super::session::Session;
use super::{Credentials, Place, dialer};
use crate::http_client::tls::Tls;

/// How long a server may take to answer a close.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// The code of a client that has no more to say.
const NORMAL: u16 = 1000;

/// Connects to a websocket and sends messages, each as bytes. What the server says is passed over.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where to connect.
    #[serde(flatten)]
    pub place: Place,
    /// Certificates that differ from those of the system.
    #[serde(default)]
    pub tls: Tls,
    /// Who connects.
    #[serde(flatten)]
    pub credentials: Credentials,
}

/// A connection, and the task that reads from it until it ends.
struct Connection {
    session: Rc<Session>,
    ended: Rc<Cell<bool>>,
    heard: Task<()>,
}

/// A running `websocket` sink.
pub struct Websocket {
    component: Component,
    dialer: Rc<Dialer>,
    /// Taken out during a write: a write that is dropped half-way ends the connection.
    connection: RefCell<Option<Connection>>,
}

impl Websocket {
    fn fault(&self, text: impl Into<String>) -> Arc<Fault> {
        fault_of(&self.component, text)
    }

    async fn connect(&self) -> Result<Connection, String> {
        let (mut reader, session) = self.dialer.dial().await?;
        let ended = Rc::new(Cell::new(false));
        let mark = Rc::clone(&ended);
        let hearing = async move {
            let _ = reader.drain().await;
            mark.set(true);
        };
        Ok(Connection { session, ended, heard: rt::spawn(hearing).abort_on_drop() })
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let lost = || SinkError::NotConnected(self.fault("not connected to target output"));
        let connection = self.connection.borrow_mut().take();
        // A server that is gone would take a message and not read it.
        let connection = connection.filter(|open| !open.ended.get()).ok_or_else(lost)?;
        let Some(records) = batch.as_records() else {
            self.connection.replace(Some(connection));
            let text = "only messages can be sent by websocket";
            return Err(SinkError::All(self.fault(text)));
        };
        let mut scratch = Vec::new();
        for index in 0..records.recs.len() {
            let content = records.bytes(index, &mut scratch);
            if let Err(text) = connection.session.send(Kind::Binary, content).await {
                return Err(SinkError::NotConnected(self.fault(text)));
            }
        }
        self.connection.replace(Some(connection));
        Ok(())
    }
}

impl Sink for Websocket {
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
            if let Some(Connection { session, heard, .. }) = connection {
                // What is on the way is read by the server before its answer to the close.
                let goodbye = async {
                    session.close(NORMAL).await;
                    let _ = heard.await;
                    session.end().await;
                };
                let _ = rt::timeout(CLOSE_MAX, goodbye).await;
            }
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Box::new(Websocket {
        component: env.component().clone(),
        dialer: dialer(config.place, &config.tls, &config.credentials, env)?,
        connection: RefCell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "websocket",
    since: "0.1.0",
    category: "network",
    summary: "Connects to a websocket and sends messages.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "to another stream",
        config: r#"{"url":"ws://localhost:4195/post/ws"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
