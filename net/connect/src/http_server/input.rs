//! Source `http_server`: a message for each request, answered when it was delivered.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use bytes::Bytes;
use formats::value::Value;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use plan::env::{Encryption, Payload, Request, Response, read_config};
use plan::fields::{Duration, RateLimitLabel};
use plan::{
    Batch, Body, BuildError, Emitted, Env, Example, Json, LocalBoxFuture, Log, Meta, Origin,
    RateLimit, Record, Records, Services, Source, SourceContext, SourceError, SourceSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sync::{self, Responder};
use super::talk::Talks;
use super::{Endpoint, Own, Port, allows, incorrect_method, multipart, path, plain};
use crate::link::Tcp;

/// Requests of one source whose messages are on their way; more wait in the queue of the port.
pub const IN_FLIGHT_MAX: usize = 4096;

/// Cross-origin requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Cors {
    /// Whether requests from other origins are allowed.
    pub enabled: bool,
    /// Which origins; `*` stands for all.
    pub allowed_origins: Vec<String>,
}

/// Receives messages by HTTP. A request is answered when its messages were delivered: 200; 502 with
/// the error when they could not be; 408 when it took too long.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Address of a server of its own; empty: the server of the process.
    pub address: String,
    /// Path of the endpoint; `{name}` stands for a variable part, which becomes metadata.
    pub path: String,
    /// Path of the endpoint for websockets.
    pub ws_path: String,
    /// What a new websocket connection is greeted with.
    #[schemars(extend("advanced" = true))]
    pub ws_welcome_message: String,
    /// What a websocket connection beyond the rate limit is told.
    #[schemars(extend("advanced" = true))]
    pub ws_rate_limit_message: String,
    /// Verbs that are accepted.
    pub allowed_verbs: Vec<String>,
    /// How long a request may wait for delivery.
    pub timeout: Duration,
    /// Rate limit of requests.
    pub rate_limit: RateLimitLabel,
    /// File with the certificate of a server of its own, as PEM: it takes requests by HTTPS.
    #[schemars(extend("advanced" = true))]
    pub cert_file: String,
    /// File with the key of that certificate.
    #[schemars(extend("advanced" = true))]
    pub key_file: String,
    /// How the port of a server of its own is opened.
    #[schemars(extend("advanced" = true))]
    pub tcp: Tcp,
    /// Cross-origin requests to a server of its own.
    #[schemars(extend("advanced" = true))]
    pub cors: Cors,
    /// What a request is answered with when the pipeline made a response.
    #[schemars(extend("advanced" = true))]
    pub sync_response: sync::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            address: String::new(),
            path: "/post".to_owned(),
            ws_path: "/post/ws".to_owned(),
            ws_welcome_message: String::new(),
            ws_rate_limit_message: String::new(),
            allowed_verbs: vec!["POST".to_owned()],
            timeout: Duration::from_secs(5),
            rate_limit: RateLimitLabel::default(),
            cert_file: String::new(),
            key_file: String::new(),
            tcp: Tcp::default(),
            cors: Cors::default(),
            sync_response: sync::Config::default(),
        }
    }
}

/// A running `http_server` source.
pub struct HttpServer {
    endpoint: Endpoint<2>,
    verbs: Vec<String>,
    timeout: Time,
    responder: Rc<Responder>,
    limit: Option<Rc<dyn RateLimit>>,
    talks: Talks,
    services: Rc<dyn Services>,
}

/// A request whose messages were taken.
struct Taken {
    emitted: Emitted,
    reply: flume::Sender<Response>,
    deadline: rt::Nanos,
}

impl HttpServer {
    /// Answers a request at once, or hands its messages on.
    async fn take(
        &self,
        request: Request,
        context: &Rc<dyn SourceContext>,
    ) -> Result<Option<Taken>, SourceError> {
        if !allows(&self.verbs, &request.method) {
            answer(&request.reply, incorrect_method());
            return Ok(None);
        }
        if let Err(refused) = self.limited().await {
            answer(&request.reply, refused);
            return Ok(None);
        }
        let Ok(bodies) = bodies(&request) else {
            answer(&request.reply, plain(400, "Bad request\n"));
            return Ok(None);
        };
        let deadline = rt::now() + self.timeout;
        let meta = Arc::new(self.meta(&request));
        let recs = bodies.into_iter().zip(0..).map(|(body, tag)| Record {
            body: Body::Own(Arc::new(body.to_vec())),
            meta: Some(Arc::clone(&meta)),
            fault: None,
            origin: Origin { ack: 0, tag },
        });
        let batch = Batch::records(Records { recs: recs.collect(), ..Records::default() });
        if batch.is_empty() {
            answer(&request.reply, Response { status: 200, ..Response::default() });
            return Ok(None);
        }
        match rt::timeout(self.timeout, context.emit(batch)).await {
            Ok(Ok(emitted)) => Ok(Some(Taken { emitted, reply: request.reply, deadline })),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                answer(&request.reply, timed_out());
                Ok(None)
            }
        }
    }

    /// Asks the rate limit for one request.
    async fn limited(&self) -> Result<(), Response> {
        let Some(limit) = &self.limit else { return Ok(()) };
        match limit.access().await {
            Ok(0) => Ok(()),
            Ok(wait_ns) => {
                let mut response = plain(429, "Too Many Requests\n");
                let seconds = (wait_ns / 1_000_000_000).to_string();
                response.headers.push(("Retry-After".to_owned(), seconds));
                Err(response)
            }
            Err(text) => {
                let text = format!("Failed to access rate limit: {text}");
                self.services.log(Log::Warn, &text, &[]);
                Err(plain(502, "Server error\n"))
            }
        }
    }

    fn meta(&self, request: &Request) -> Meta {
        let mut meta = Meta::new();
        meta.set("http_server_user_agent", Value::text(header(request, "User-Agent")));
        meta.set("http_server_request_path", Value::text(request.path.as_str()));
        meta.set("http_server_verb", Value::text(request.method.as_str()));
        meta.set("http_server_remote_ip", Value::text(host(&request.remote)));
        if let Some(encryption) = &request.encryption {
            let Encryption { version, cipher_suite } = &**encryption;
            meta.set("http_server_tls_version", Value::text(version.as_str()));
            meta.set("http_server_tls_cipher_suite", Value::text(cipher_suite.as_str()));
        }
        let variables = path::variables(&self.port().path, &request.path);
        pairs_of(request, &variables, &mut meta);
        meta
    }

    fn port(&self) -> &Port {
        let [posts, _] = &self.endpoint.ports;
        posts
    }

    async fn finish(&self, taken: Taken) {
        let left = taken.deadline.since(rt::now());
        let response = match rt::timeout(left, taken.emitted.outcome()).await {
            Ok(outcome) => {
                let boundary = multipart::new_boundary(|| self.services.random());
                self.responder.answer(outcome, &boundary)
            }
            Err(_) => timed_out(),
        };
        answer(&taken.reply, response);
    }

    async fn serve(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let mut waiting = FuturesUnordered::new();
        let mut stop = context.stopping();
        let result = loop {
            if waiting.len() >= IN_FLIGHT_MAX {
                waiting.next().await;
                continue;
            }
            let next = self.port().requests.recv_async();
            let taken = async {
                match next.await {
                    Ok(request) => Some(self.take(request, context).await),
                    Err(_) => None, // the front end is gone
                }
            };
            let taken = std::pin::pin!(taken);
            match beside(taken, &mut waiting, &mut stop).await {
                Some(Some(Ok(Some(taken)))) => waiting.push(self.finish(taken)),
                Some(Some(Ok(None))) => {}
                Some(Some(Err(error))) => break Err(error),
                Some(None) => break Ok(()),
                None => break Err(SourceError::Stopped),
            }
        };
        // Those whose messages were taken are told what became of them, each within its time limit.
        // All others are told at once that nobody takes theirs: their requests are dropped.
        let told = std::pin::pin!(async { while waiting.next().await.is_some() {} });
        let refused = std::pin::pin!(async {
            while self.port().requests.recv_async().await.is_ok() {}
            std::future::pending::<()>().await;
        });
        select(refused, told).await;
        result
    }
}

/// The first value of a header, by its name in canonical case.
fn header<'a>(request: &'a Request, wanted: &str) -> &'a str {
    let found = request.headers.iter().find(|(name, _)| name == wanted);
    found.map_or("", |(_, value)| value.as_str())
}

/// Adds what a request says by name and value: query, headers, variables of its path, cookies. Of
/// several values with one name the first counts.
pub(super) fn pairs_of(request: &Request, variables: &[(String, String)], meta: &mut Meta) {
    // As with Benthos, the host is no header.
    let headers = request.headers.iter().rev().filter(|(name, _)| name != "Host");
    for (name, value) in headers {
        meta.set(name.as_str(), Value::text(value.as_str()));
    }
    for (name, value) in request.query.iter().rev().chain(variables) {
        meta.set(name.as_str(), Value::text(value.as_str()));
    }
    for cookie in header(request, "Cookie").split(';') {
        if let Some((name, value)) = cookie.trim().split_once('=') {
            meta.set(name, Value::text(value.trim_matches('"')));
        }
    }
}

/// Waits for `main` while the others go on; `None` when `stop` came first.
async fn beside<F, T, W>(
    mut main: std::pin::Pin<&mut F>,
    others: &mut FuturesUnordered<W>,
    stop: &mut LocalBoxFuture<'static, ()>,
) -> Option<T>
where
    F: Future<Output = T>,
    W: Future<Output = ()>,
{
    let others = async {
        loop {
            if others.next().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    };
    let others = std::pin::pin!(others);
    let either = select(stop, select(main.as_mut(), others));
    match either.await {
        Either::Left(_) => None,
        Either::Right((Either::Left((value, _)), _)) => Some(value),
        Either::Right((Either::Right(((), _)), _)) => None,
    }
}

fn answer(reply: &flume::Sender<Response>, response: Response) {
    // A client that went away hears nothing.
    let _ = reply.try_send(response);
}

fn timed_out() -> Response {
    plain(408, "Request timed out\n")
}

fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn bodies(request: &Request) -> Result<Vec<Bytes>, multipart::BadBody> {
    let Payload::Bytes(body) = &request.payload else { return Err(multipart::BadBody) };
    let kind = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match kind.map_or(Ok(None), |(_, kind)| multipart::boundary(kind))? {
        Some(boundary) => multipart::parts(body, &boundary),
        None => Ok(vec![body.clone()]),
    }
}

impl Source for HttpServer {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let listener = self.endpoint.listen().await.map_err(SourceError::Retry)?;
            context.connected(true);
            if let Some(listener) = &listener {
                let address = listener.address().to_string();
                let text = "Receiving HTTP messages";
                self.services.log(Log::Info, text, &[("address", &address)]);
            }
            let [_, talks] = &self.endpoint.ports;
            let talked = self.talks.serve(talks, &context);
            let (ended, ()) = futures_util::join!(self.serve(&context), talked);
            if let Some(listener) = listener {
                listener.close().await;
            }
            ended
        })
    }

    fn replays(&self) -> bool {
        // The client learns of a failure and decides itself.
        false
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let raw = config;
    let config: Config = read_config(config)?;
    let limit = match config.rate_limit.is_empty() {
        true => None,
        false => Some(env.rate_limit(&config.rate_limit.0)?),
    };
    let posts = (config.path.as_str(), "Post a message.");
    let talks = (config.ws_path.as_str(), "Post messages by websocket.");
    let services = env.services();
    let own = Own::new(&config.address, &config.cert_file, &config.key_file, &*services)?;
    let own = own.map(|own| Own { tcp: config.tcp, ..own });
    Ok(Box::new(HttpServer {
        endpoint: Endpoint::new(own, [posts, talks], raw, env)?,
        verbs: config.allowed_verbs,
        timeout: Time::from_nanos(config.timeout.wait_ns()),
        responder: Rc::new(Responder::new(&config.sync_response, env)?),
        talks: Talks {
            welcome: config.ws_welcome_message,
            slow_down: config.ws_rate_limit_message,
            limit: limit.clone(),
            services: Rc::clone(&services),
            component: env.component().clone(),
        },
        limit,
        services,
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "http_server",
    since: "0.1.0",
    category: "network",
    summary: "Receives messages by HTTP and answers when they were delivered.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "orders by POST or PUT",
        config: r#"{"path":"/orders","allowed_verbs":["POST","PUT"],"timeout":"2s"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
