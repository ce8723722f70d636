//! Sink `http_server`: each message waits for a request and is its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use bytes::Bytes;
use flume::Receiver;
use futures_util::StreamExt;
use futures_util::future::{Either, select, select_all};
use futures_util::stream::FuturesUnordered;
use plan::env::{Request, Response, fault_of, read_config};
use plan::fields::Duration;
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Services, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::{Task, spawn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::websocket::Kind;

use super::listener::Listener;
use super::shelf::{Bodies, Shelf};
use super::upgrade::agree;
use super::{Endpoint, Own, allows, incorrect_method, multipart, plain};

/// Requests that wait for a message; more wait in the queue of the port.
pub const WAITING_MAX: usize = 4096;
/// What a request is told when no more messages come.
const CLOSED: &str = "Server closed\n";
/// What messages are.
const OCTETS: &str = "application/octet-stream";
/// How often it is looked after clients that wait for messages in an endless answer.
const LOOK: Time = Time::from_secs(1);
/// How long those who are being answered may take when no more messages come.
const CLOSE_MAX: Time = Time::from_secs(1);
/// The code of a websocket that was used up.
const NORMAL: u16 = 1000;

/// Hands messages out by HTTP: a request gets the next batch of messages, or 408 when none comes in
/// time; an endless answer and a websocket get one after another. A message counts as delivered
/// when it was handed to a client.
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
    /// File with the certificate of a server of its own, as PEM: it is asked by HTTPS.
    pub cert_file: String,
    /// File with the key of that certificate.
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

/// A running `http_server` sink.
pub struct HttpServer {
    component: Component,
    endpoint: Endpoint<3>,
    counter: Rc<Counter>,
    server: RefCell<Option<(Task<()>, Option<Listener>)>>,
}

/// Hands messages out, in one of three ways.
struct Counter {
    verbs: Vec<String>,
    timeout: Time,
    shelf: Rc<Shelf>,
    services: Rc<dyn Services>,
    component: Component,
    /// Requests that are being answered.
    busy: Cell<usize>,
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Way {
    /// The next batch.
    One,
    /// All that come, in one answer.
    Stream,
    /// All that come, by websocket.
    Websocket,
}

/// The ways of the ports, in their order.
const WAYS: [Way; 3] = [Way::One, Way::Stream, Way::Websocket];

async fn serve(ports: [Receiver<Request>; 3], counter: Rc<Counter>) {
    let mut waiting = FuturesUnordered::new();
    loop {
        counter.busy.set(waiting.len());
        if waiting.len() >= WAITING_MAX {
            waiting.next().await;
            continue;
        }
        let arrived = ports.iter().map(Receiver::recv_async);
        let arrived = select_all(arrived);
        let (request, at, _) = if waiting.is_empty() {
            arrived.await
        } else {
            match select(arrived, waiting.next()).await {
                Either::Left((arrived, _)) => arrived,
                Either::Right(_) => continue,
            }
        };
        match (request, WAYS.get(at)) {
            (Ok(request), Some(way)) => waiting.push(counter.answer(request, *way)),
            _ => break,
        }
    }
    while waiting.next().await.is_some() {
        counter.busy.set(waiting.len());
    }
}

impl Counter {
    async fn answer(&self, request: Request, way: Way) {
        let allowed = allows(&self.verbs, &request.method);
        match way {
            Way::Websocket => self.talk(request).await,
            // A client that went away hears nothing.
            _ if !allowed => drop(request.reply.try_send(incorrect_method())),
            Way::One => self.one(&request).await,
            Way::Stream => self.stream(&request).await,
        }
    }

    async fn one(&self, request: &Request) {
        let refusal = match rt::timeout(self.timeout, self.shelf.take()).await {
            Ok(Some(taken)) => {
                let (kind, body) = self.body(taken.bodies());
                let headers = vec![("Content-Type".to_owned(), kind)];
                let response = Response { status: 200, headers, body, ..Response::default() };
                // One that nobody waits for any more goes back.
                if request.reply.try_send(response).is_ok() {
                    taken.delivered();
                }
                return;
            }
            Err(_) => plain(408, "Timed out waiting for message\n"),
            Ok(None) => plain(503, CLOSED),
        };
        let _ = request.reply.try_send(refusal);
    }

    /// Content type and body of an answer.
    fn body(&self, bodies: &[Vec<u8>]) -> (String, Vec<u8>) {
        match bodies {
            [body] => (OCTETS.to_owned(), body.clone()),
            bodies => {
                let boundary = multipart::new_boundary(|| self.services.random());
                let mut out = Vec::new();
                for body in bodies {
                    multipart::push(
                        &format!("Content-Type: {OCTETS}\r\n"),
                        body,
                        &boundary,
                        &mut out,
                    );
                }
                let kind = multipart::close(&boundary, &mut out);
                (kind, out)
            }
        }
    }

    async fn stream(&self, request: &Request) {
        // A piece is taken before the next one is offered: what is sent is under way.
        let (pieces, rest) = flume::bounded(0);
        let headers = vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        let rest = Some(rest);
        let response = Response { status: 200, headers, rest, ..Response::default() };
        if request.reply.try_send(response).is_err() {
            return;
        }
        loop {
            let taken = match rt::timeout(LOOK, self.shelf.take()).await {
                Err(_) if pieces.is_disconnected() => return,
                Err(_) => continue,
                Ok(None) => return,
                Ok(Some(taken)) => taken,
            };
            let mut lines = taken.bodies().join(&b'\n');
            if taken.bodies().len() > 1 {
                lines.push(b'\n');
            }
            lines.push(b'\n');
            if pieces.send_async(Bytes::from(lines)).await.is_err() {
                return;
            }
            taken.delivered();
        }
    }

    async fn talk(&self, request: Request) {
        let Some((mut reader, session)) = agree(request, &*self.services, &self.component) else {
            return;
        };
        let handed = std::pin::pin!(async {
            while let Some(taken) = self.shelf.take().await {
                for body in taken.bodies() {
                    if session.send(Kind::Binary, body).await.is_err() {
                        return;
                    }
                }
                taken.delivered();
            }
            session.close(NORMAL).await;
        });
        // What a client says is of no interest but that it is there.
        let heard = std::pin::pin!(reader.drain());
        select(handed, heard).await;
        session.end().await;
    }
}

impl Sink for HttpServer {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            if self.server.borrow().is_some() {
                return Ok(());
            }
            let listener = self.endpoint.listen().await;
            let listener = listener.map_err(|text| fault_of(&self.component, text))?;
            let ports = self.endpoint.ports.each_ref().map(|port| port.requests.clone());
            let task = serve(ports, Rc::clone(&self.counter));
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
            let (mut scratch, mut bodies) = (Vec::new(), Bodies::new());
            for index in 0..records.recs.len() {
                bodies.push(records.bytes(index, &mut scratch).to_vec());
                if records.ends_batch(index) {
                    let bodies = std::mem::take(&mut bodies);
                    self.counter.shelf.offer(bodies).delivered().await;
                }
            }
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.counter.shelf.close();
            // Those who wait are told before the port goes.
            rt::yield_now().await;
            let end = rt::now() + CLOSE_MAX;
            while self.counter.busy.get() > 0 && rt::now() < end {
                rt::sleep(Time::from_millis(2)).await;
            }
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
    let services = env.services();
    let own = Own::new(&config.address, &config.cert_file, &config.key_file, &*services)?;
    if let Some(options) = options.as_object_mut() {
        // What the front end says when the pipeline is gone.
        options.insert("closed".to_owned(), CLOSED.into());
    }
    let paths = [
        (config.path.as_str(), "Read a single message."),
        (config.stream_path.as_str(), "Read a continuous stream of messages."),
        (config.ws_path.as_str(), "Read messages by websocket."),
    ];
    let counter = Counter {
        verbs: config.allowed_verbs,
        timeout: Time::from_nanos(config.timeout.wait_ns()),
        shelf: Rc::default(),
        services,
        component: env.component().clone(),
        busy: Cell::default(),
    };
    Ok(Box::new(HttpServer {
        component: env.component().clone(),
        endpoint: Endpoint::new(own, paths, &options, env)?,
        counter: Rc::new(counter),
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
