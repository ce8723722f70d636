//! Sink `ipc`: a message to another process over kdb+ IPC for each value.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};
use formats::k::K;
use formats::k::ipc::{Body, Endian, decode_body};
use futures_util::future::{Either, select};
use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Data, Env, Example, Fault, Json, LocalBoxFuture, Secret, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::net::{ReadHalf, Stream, WriteHalf, resolve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::kdb::{CREDENTIALS_MAX, Client, Event, Kind, write_message};

use super::listener::MESSAGE_MAX;
use crate::text::io_text;

/// How long connecting may take, and how long the peer may take to let the sink in.
pub const OPEN_TIME: Duration = Duration::from_secs(10);
/// Bytes that one read asks for.
const READ_BYTES: usize = 4 << 10;
/// Why there is no connection any more, in the usual case.
const CLOSED: &str = "the process has closed the connection";

/// Sends each value as a message to another process. Messages are handed over in order; while the
/// process is away, connecting is tried again and again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the process is: `host:port`.
    pub address: String,
    /// The user as whom the sink comes; none when it is empty.
    #[serde(default)]
    pub user: String,
    /// The user's password.
    #[serde(default)]
    pub password: Secret<String>,
    /// Whether a message is delivered when it is answered. Otherwise it is when the system has
    /// taken it: what a process that ends has not read by then is lost.
    #[serde(default)]
    pub sync: bool,
}

/// A running `ipc` sink.
pub struct Ipc {
    component: Component,
    config: Config,
    connection: Slot,
}

/// A connection, or why there is none.
type Slot = Rc<RefCell<Result<Connection, String>>>;

/// A connection to a process that has let the sink in.
struct Connection {
    writer: WriteHalf,
    /// What the process answers; closed when the connection is.
    answers: Receiver<Answer>,
    /// Whether an answer is waited for.
    asked: Rc<Cell<bool>>,
    /// Dropped, it ends the task that reads.
    _reading: Sender<()>,
}

/// What the process says to a message, which may be an error.
type Answer = Result<(), String>;

impl Ipc {
    fn new(component: Component, config: Config) -> Self {
        let none = Err("there is no connection".to_owned());
        Ipc { component, config, connection: Rc::new(RefCell::new(none)) }
    }

    fn fault(&self, text: impl std::fmt::Display) -> Arc<Fault> {
        fault_of(&self.component, format!("kdb+ IPC {}: {text}", self.config.address))
    }

    async fn connect(&self) -> Result<Connection, String> {
        let text = |error: std::io::Error| io_text(&error);
        let found = resolve(&self.config.address).await.map_err(text)?;
        let mut last = "the name has no address".to_owned();
        for address in found {
            match Stream::connect(address).await {
                Ok(stream) => return self.introduce(stream).await,
                Err(error) => last = io_text(&error),
            }
        }
        Err(last)
    }

    async fn introduce(&self, mut stream: Stream) -> Result<Connection, String> {
        let text = |error: std::io::Error| io_text(&error);
        // A message must not wait for more.
        stream.set_nodelay(true).map_err(text)?;
        let login = Client::login(&self.config.user, self.config.password.expose());
        stream.write_all(login).await.0.map_err(text)?;
        let mut client = Client::new(MESSAGE_MAX);
        while !client.is_admitted() {
            let (read, bytes) = stream.read(Vec::with_capacity(READ_BYTES)).await;
            if read.map_err(text)? == 0 {
                return Err("the process did not let us in".to_owned());
            }
            client.feed(&bytes);
        }
        let (reader, writer) = stream.into_split();
        let (answer, answers) = flume::bounded(1);
        let (reading, ended) = flume::bounded::<()>(0);
        let (asked, slot) = (Rc::<Cell<bool>>::default(), Rc::downgrade(&self.connection));
        let listening = listen(reader, client, answer, Rc::clone(&asked));
        rt::spawn(async move {
            // First what the sink wants: there may be another connection already.
            if let Either::Right((why, _)) = select(pin!(ended.recv_async()), pin!(listening)).await
                && let Some(slot) = slot.upgrade()
            {
                *slot.borrow_mut() = Err(why); // which closes it
            }
        });
        Ok(Connection { writer, answers, asked, _reading: reading })
    }

    fn message(&self, batch: &Batch) -> Result<Vec<u8>, String> {
        let text;
        let value = match &batch.data {
            Data::Value(value) => value,
            Data::Records(records) => {
                let mut scratch = Vec::new();
                let mut one = |i| K::str(records.bytes(i, &mut scratch));
                text = K::list((0..records.recs.len()).map(&mut one).collect());
                &text
            }
            Data::Raw(_) | Data::Columns(_) => {
                return Err("blocks and typed columns must become values first".to_owned());
            }
        };
        let kind = if self.config.sync { Kind::Sync } else { Kind::Async };
        let mut out = Vec::new();
        write_message(kind, Endian::Little, value, &mut out).map_err(|e| e.to_string())?;
        match out.len() {
            0..=MESSAGE_MAX => Ok(out),
            bytes => Err(format!("a message of {bytes} bytes exceeds {MESSAGE_MAX}")),
        }
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let message = self.message(batch).map_err(|text| SinkError::Refused(self.fault(text)))?;
        // What ends the connection meanwhile is said here.
        let connection = self.connection.replace(Err(String::new()));
        let called = match connection {
            Ok(mut connection) => {
                let answer = connection.call(message, self.config.sync).await;
                if answer.is_ok() && !connection.answers.is_disconnected() {
                    *self.connection.borrow_mut() = Ok(connection);
                }
                answer
            }
            Err(why) => Err(why),
        };
        let answer = called.map_err(|text| {
            let mut slot = self.connection.borrow_mut();
            let heard = slot.as_ref().err().filter(|why| !why.is_empty()).cloned();
            let why = heard.unwrap_or(text);
            *slot = Err(why.clone());
            SinkError::NotConnected(self.fault(why))
        })?;
        answer.map_err(|text| SinkError::Refused(self.fault(format!("'{text}"))))
    }
}

impl Connection {
    /// What the process answers to a message, an error of it included.
    ///
    /// # Errors
    /// The connection is of no further use.
    async fn call(&mut self, message: Vec<u8>, sync: bool) -> Result<Answer, String> {
        self.asked.set(sync);
        self.writer.write_all(message).await.0.map_err(|e| io_text(&e))?;
        match sync {
            true => self.answers.recv_async().await.map_err(|_| CLOSED.to_owned()),
            false => Ok(Ok(())),
        }
    }
}

/// Hands answers on until the connection ends, and says why it did. An answer that nobody has asked
/// for ends it: the next one would be taken for that of another message.
async fn listen(
    mut reader: ReadHalf,
    mut client: Client,
    answers: Sender<Answer>,
    asked: Rc<Cell<bool>>,
) -> String {
    let breaks = |text: String| {
        tracing::warn!("a process breaks kdb+ IPC: {text}");
        text
    };
    loop {
        while let Some(event) = match client.event() {
            Ok(event) => event,
            Err(error) => return breaks(error.to_string()),
        } {
            // Whatever else a process sends is for nobody.
            let Event::Message { kind: Kind::Response, endian, body } = event else { continue };
            if !asked.replace(false) {
                return breaks("the process has answered without being asked".to_owned());
            }
            let answer = match decode_body(&body, endian) {
                Ok(Body::Error(text)) => Err(text),
                Ok(Body::Value(_)) => Ok(()),
                Err(error) => return breaks(format!("an answer without an object: {error}")),
            };
            // Whoever waited may have been stopped.
            let _ = answers.try_send(answer);
        }
        let (read, bytes) = reader.read(Vec::with_capacity(READ_BYTES)).await;
        match read {
            Ok(0) => return CLOSED.to_owned(),
            Err(error) => return io_text(&error),
            Ok(_) => client.feed(&bytes),
        }
    }
}

impl Sink for Ipc {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let opened = rt::timeout(OPEN_TIME, self.connect()).await;
            let opened = opened.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            let opened = opened.map_err(|text| self.fault(text))?;
            *self.connection.borrow_mut() = Ok(opened);
            Ok(())
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let connection = self.connection.replace(Err(CLOSED.to_owned()));
            if let Ok(mut connection) = connection {
                // What was sent is read before the end.
                let closed = connection.writer.shutdown().await;
                closed.map_err(|error| self.fault(io_text(&error)))?;
            }
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(BuildError::new("field 'address': must be host:port"));
    }
    let secret = config.password.expose();
    if config.user.contains([':', '\0']) || secret.contains('\0') {
        return Err(BuildError::new("fields 'user', 'password': they cannot be sent"));
    }
    if config.user.len() + secret.len() + 3 > CREDENTIALS_MAX {
        return Err(BuildError::new("fields 'user', 'password': they are too long"));
    }
    let component = env.component().clone();
    Ok(Box::new(Ipc::new(component, config)))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "ipc",
    since: "0.1.0",
    category: "network",
    summary: "Sends each value as a message to another process over kdb+ IPC.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "calls that are answered",
        config: r#"{"address":"localhost:5010","sync":true}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
