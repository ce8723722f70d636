//! Which dialect answers: the port's own first, then the others, then the native API.

use std::sync::Arc;

use engine::{EngineHandle, PortEvent};
use futures_util::future::LocalBoxFuture;
use percent_encoding::percent_decode_str;
use plan::env::Payload;

use crate::exchange::{Pieces, Reply, Request};
use crate::ports::Ports;
use crate::tls::Tls;

/// A control plane that existing tools speak.
pub trait Dialect: Send + Sync {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// The first segments of its fixed paths, which paths of others should not hide.
    fn roots(&self) -> &'static [&'static str] {
        &[]
    }

    /// Answers a request, or returns `None` when its path is not one of this dialect.
    fn handle<'a>(&'a self, request: &'a Request) -> Option<LocalBoxFuture<'a, Reply>>;

    /// Answers a request before any path is looked at: the question of a browser what a page may
    /// do.
    fn preflight(&self, _request: &Request) -> Option<Reply> {
        None
    }

    /// Answers a request before anybody else does, on a port where this dialect comes first: the
    /// question whether the service is up.
    fn front(&self, _request: &Request) -> Option<Reply> {
        None
    }

    /// Refuses a request to a path that somebody claims, whoever that is: one without the right
    /// password.
    fn guard(&self, _request: &Request) -> Option<Reply> {
        None
    }

    /// Adds to an answer what every answer must have.
    fn finish(&self, _request: &Request, reply: Reply) -> Reply {
        reply
    }

    /// The answer to a path that nobody claims, on a port where this dialect comes first.
    fn not_found(&self) -> Reply {
        Reply::text(404, "404 page not found\n").header("x-content-type-options", "nosniff")
    }
}

/// An address and the dialects that answer there, in order.
pub struct Listener {
    /// The socket.
    pub socket: std::net::TcpListener,
    /// Dialects in the order of their precedence.
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// With what connections are encrypted; nothing for plain ones.
    pub tls: Option<Tls>,
}

impl Listener {
    /// Plain connections.
    #[must_use]
    pub fn plain(socket: std::net::TcpListener, dialects: Vec<Arc<dyn Dialect>>) -> Self {
        Listener { socket, dialects, tls: None }
    }
}

/// What answers on one listener.
pub struct App {
    /// Dialects in the order of their precedence.
    pub dialects: Vec<Arc<dyn Dialect>>,
    /// The engine.
    pub engine: EngineHandle,
    /// Ports that pipelines opened.
    pub ports: Arc<Ports>,
}

impl App {
    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Reply {
        self.ports.refresh();
        if request.path.contains("//") {
            return Reply::empty(301).header("location", clean(&request.path));
        }
        let reply = match self.dialects.iter().find_map(|d| d.preflight(&request)) {
            Some(reply) => reply,
            None => self.route(&request).await,
        };
        self.dialects.iter().fold(reply, |reply, dialect| dialect.finish(&request, reply))
    }

    async fn route(&self, request: &Request) -> Reply {
        let refused = || self.dialects.iter().find_map(|dialect| dialect.guard(request));
        if let Some(reply) = self.dialects.first().and_then(|first| first.front(request)) {
            return refused().unwrap_or(reply);
        }
        if let Some(reply) = self.dialects.iter().find_map(|dialect| dialect.handle(request)) {
            return match refused() {
                Some(refusal) => refusal,
                None => reply.await,
            };
        }
        if let Some(port) = self.port(&request.path) {
            return match refused() {
                Some(refusal) => refusal,
                None => to_port(&port, request).await,
            };
        }
        if let Some(reply) = crate::native::handle(&self.engine, request).await {
            return refused().unwrap_or(reply);
        }
        self.dialects.first().map_or_else(|| Reply::empty(404), |d| d.not_found())
    }

    /// The port that a pipeline opened at a path, as it was sent or decoded.
    fn port(&self, path: &str) -> Option<Arc<PortEvent>> {
        self.ports.find("http", path).or_else(|| {
            let decoded = percent_decode_str(path).decode_utf8().ok()?;
            self.ports.find("http", &decoded).filter(|_| decoded != path)
        })
    }
}

/// Hands a request to the pipeline that opened its path.
async fn to_port(port: &PortEvent, request: &Request) -> Reply {
    let (reply, answer) = flume::bounded(1);
    let onward = plan::env::Request {
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.params(),
        headers: request.headers.iter().map(|(k, v)| (canonical(k), v.clone())).collect(),
        remote: request.remote.clone(),
        payload: Payload::Bytes(request.body.clone()),
        incoming: request.incoming.as_ref().map(|pieces| pieces.0.clone()),
        encryption: None,
        reply,
    };
    // The sender is not held while waiting: when the pipeline ends, a request that it did not take
    // goes with the last sender, and with the request the way back for the answer.
    let closed = || match port.options.get("closed").and_then(plan::Json::as_str) {
        Some(text) => Reply::text(503, text),
        None => Reply::unavailable(),
    };
    match port.sender.upgrade().map(|sender| sender.try_send(onward).is_ok()) {
        None => return closed(),
        Some(false) => return Reply::unavailable(),
        Some(true) => {}
    }
    match answer.recv_async().await {
        Ok(response) => Reply {
            status: if response.status == 0 { 200 } else { response.status },
            headers: response.headers,
            body: response.body,
            rest: response.rest.map(Pieces),
        },
        Err(_) => closed(),
    }
}

/// A path without doubled slashes.
fn clean(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if !(c == '/' && out.ends_with('/')) {
            out.push(c);
        }
    }
    out
}

/// A header name with capitals as Go writes it: `content-type` becomes `Content-Type`.
fn canonical(name: &str) -> String {
    let mut upper = true;
    let letter = |c: char| {
        let c = if upper { c.to_ascii_uppercase() } else { c };
        upper = c == '-';
        c
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_written_as_users_know_them() {
        assert_eq!(canonical("x-request-id"), "X-Request-Id");
        assert_eq!(clean("//ping///x"), "/ping/x");
    }
}
