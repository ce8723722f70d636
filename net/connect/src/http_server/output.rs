//! Sink `http_server`: each message waits for a request and is its answer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use flume::Receiver;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::env::{Request, Response, fault_of, read_config};
use plan::fields::Duration;
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Sink, SinkError,
    SinkSpec, schema_of,
};
use rt::{Task, spawn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listener::Listener;
use super::{Endpoint, allows, incorrect_method, no_tls, plain};
use crate::signal::Signal;

/// Requests that wait for a message; more wait in the queue of the port.
pub const WAITING_MAX: usize = 4096;
/// What a request is told when no more messages come.
const CLOSED: &str = "Server closed\n";

/// Hands messages out by HTTP: a request gets the next message, or 408 when none comes in time.
/// A message counts as delivered when it was handed to a client.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Address of a server of its own; empty: the server of the process.
    pub address: String,
    /// Path of the endpoint.
    pub path: String,
    /// Path of the endpoint for an endless answer.
    pub stream_path: String,
    /// Path of the endpoint for websockets.
    pub ws_path: String,
    /// Verbs that are accepted.
    pub allowed_verbs: Vec<String>,
    /// How long a request waits for a message.
    pub timeout: Duration,
    /// Certificate of a server of its own.
    pub cert_file: String,
    /// Key of a server of its own.
    pub key_file: String,
    /// Cross-origin requests to a server of its own.
    pub cors: super::input::Cors,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            address: String::new(),
            path: "/get".to_owned(),
            stream_path: "/get/stream".to_owned(),
            ws_path: "/get/ws".to_owned(),
            allowed_verbs: vec!["GET".to_owned()],
            timeout: Duration::from_secs(5),
            cert_file: String::new(),
            key_file: String::new(),
            cors: super::input::Cors::default(),
        }
    }
}

/// A message on offer.
struct Offer {
    id: u64,
    body: Vec<u8>,
}

#[derive(Default)]
struct Shelf {
    offers: RefCell<VecDeque<Offer>>,
    /// Ids of offers that were handed out and whose writers do not know yet.
    taken: RefCell<Vec<u64>>,
    next_id: Cell<u64>,
    closed: Cell<bool>,
    changed: Signal,
}

impl Shelf {
    /// The next message, or `None` when there will be none.
    async fn take(&self) -> Option<Vec<u8>> {
        let offer = self
            .changed
            .until(|| match self.offers.borrow_mut().pop_front() {
                Some(offer) => Some(Some(offer)),
                None => self.closed.get().then_some(None),
            })
            .await?;
        self.taken.borrow_mut().push(offer.id);
        self.changed.wake();
        Some(offer.body)
    }

    fn offer(self: &Rc<Self>, body: Vec<u8>) -> Place {
        let id = self.next_id.replace(self.next_id.get() + 1);
        self.offers.borrow_mut().push_back(Offer { id, body });
        self.changed.wake();
        Place { shelf: Rc::clone(self), id }
    }
}

/// The place of one offer; giving it up takes the offer back.
struct Place {
    shelf: Rc<Shelf>,
    id: u64,
}

impl Place {
    async fn taken(&self) {
        self.shelf
            .changed
            .until(|| {
                let mut taken = self.shelf.taken.borrow_mut();
                let at = taken.iter().position(|id| *id == self.id)?;
                taken.swap_remove(at);
                Some(())
            })
            .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shelf.offers.borrow_mut().retain(|offer| offer.id != self.id);
        self.shelf.taken.borrow_mut().retain(|id| *id != self.id);
    }
}

/// A running `http_server` sink.
pub struct HttpServer {
    component: Component,
    endpoint: Endpoint,
    verbs: Rc<Vec<String>>,
    timeout: Time,
    shelf: Rc<Shelf>,
    server: RefCell<Option<(Task<()>, Option<Listener>)>>,
}

async fn serve(requests: Receiver<Request>, verbs: Rc<Vec<String>>, shelf: Rc<Shelf>, limit: Time) {
    let mut waiting = FuturesUnordered::new();
    loop {
        if waiting.len() >= WAITING_MAX {
            waiting.next().await;
            continue;
        }
        if waiting.is_empty() {
            match requests.recv_async().await {
                Ok(request) => waiting.push(one(request, &verbs, &shelf, limit)),
                Err(_) => return,
            }
            continue;
        }
        let next = std::pin::pin!(requests.recv_async());
        match select(next, waiting.next()).await {
            Either::Left((Ok(request), _)) => waiting.push(one(request, &verbs, &shelf, limit)),
            Either::Left((Err(_), _)) => break,
            Either::Right(_) => {}
        }
    }
    while waiting.next().await.is_some() {}
}

async fn one(request: Request, verbs: &[String], shelf: &Shelf, limit: Time) {
    let response = if !allows(verbs, &request.method) {
        incorrect_method()
    } else {
        match rt::timeout(limit, shelf.take()).await {
            Err(_) => plain(408, "Timed out waiting for message\n"),
            Ok(None) => plain(503, CLOSED),
            Ok(Some(body)) => Response {
                status: 200,
                headers: vec![("Content-Type".to_owned(), "application/octet-stream".to_owned())],
                body,
            },
        }
    };
    // A message given to a client that left is gone: this sink does not promise more.
    let _ = request.reply.try_send(response);
}

impl Sink for HttpServer {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            if self.server.borrow().is_some() {
                return Ok(());
            }
            let listener = self.endpoint.listen().await;
            let listener = listener.map_err(|text| fault_of(&self.component, text))?;
            let (requests, verbs) = (self.endpoint.requests.clone(), Rc::clone(&self.verbs));
            let task = serve(requests, verbs, Rc::clone(&self.shelf), self.timeout);
            *self.server.borrow_mut() = Some((spawn(task).abort_on_drop(), listener));
            Ok(())
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let Some(records) = batch.as_records() else {
                let text = "only messages can be handed out by HTTP";
                return Err(SinkError::All(fault_of(&self.component, text)));
            };
            let mut scratch = Vec::new();
            for index in 0..records.recs.len() {
                let body = records.bytes(index, &mut scratch).to_vec();
                self.shelf.offer(body).taken().await;
            }
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.shelf.closed.set(true);
            self.shelf.changed.wake();
            // Those who wait are told before the port goes.
            rt::yield_now().await;
            let listener = self.server.borrow_mut().as_mut().and_then(|(_, own)| own.take());
            if let Some(listener) = listener {
                listener.close().await;
            }
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let mut options = config.clone();
    let config: Config = read_config(config)?;
    no_tls(&config.cert_file, &config.key_file)?;
    let what = "Read a single message.";
    if let Some(options) = options.as_object_mut() {
        // What the front end says when the pipeline is gone.
        options.insert("closed".to_owned(), CLOSED.into());
    }
    Ok(Box::new(HttpServer {
        component: env.component().clone(),
        endpoint: Endpoint::new(&config.address, &config.path, &options, what, env)?,
        verbs: Rc::new(config.allowed_verbs),
        timeout: Time::from_nanos(config.timeout.wait_ns()),
        shelf: Rc::default(),
        server: RefCell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "http_server",
    since: "0.1.0",
    category: "network",
    summary: "Hands messages out to HTTP requests.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "the next message for each GET",
        config: r#"{"path":"/next","timeout":"10s"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
