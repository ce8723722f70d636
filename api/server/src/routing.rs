//! Which dialect answers: the port's own first, then the others, then the native API.

use std::sync::Arc;

use engine::EngineHandle;
use futures_util::future::LocalBoxFuture;
use plan::env::Payload;

use crate::exchange::{Reply, Request};
use crate::ports::Ports;

/// A control plane that existing tools speak.
pub trait Dialect: Send + Sync {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Answers a request, or returns `None` when its path is not one of this dialect.
    fn handle<'a>(&'a self, request: &'a Request) -> Option<LocalBoxFuture<'a, Reply>>;

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
        if request.path.contains("//") {
            return Reply::empty(301).header("location", clean(&request.path));
        }
        for dialect in &self.dialects {
            if let Some(reply) = dialect.handle(&request) {
                return reply.await;
            }
        }
        if let Some(reply) = self.to_port(&request).await {
            return reply;
        }
        if let Some(reply) = crate::native::handle(&self.engine, &request).await {
            return reply;
        }
        self.dialects.first().map_or_else(|| Reply::empty(404), |d| d.not_found())
    }

    /// Hands a request to the pipeline that opened its path.
    async fn to_port(&self, request: &Request) -> Option<Reply> {
        let port = self.ports.find("http", &request.path)?;
        let (reply, answer) = flume::bounded(1);
        let onward = plan::env::Request {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.params(),
            headers: request.headers.iter().map(|(k, v)| (canonical(k), v.clone())).collect(),
            remote: request.remote.clone(),
            payload: Payload::Bytes(request.body.clone()),
            reply,
        };
        if port.sender.try_send(onward).is_err() {
            return Some(Reply::unavailable());
        }
        Some(match answer.recv_async().await {
            Ok(response) => Reply {
                status: if response.status == 0 { 200 } else { response.status },
                headers: response.headers,
                body: response.body,
            },
            Err(_) => Reply::unavailable(),
        })
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
