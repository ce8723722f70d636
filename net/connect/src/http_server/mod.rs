//! `http_server` as source and sink: requests to a path of the process become messages, and
//! messages are handed out to requests (spec/benthos-streams-api.md §8).
//!
//! The front end owns the listeners. It hands requests over through a port of the process and
//! sends the answers back.

pub mod input;
mod listener;
#[cfg(test)]
mod listener_tests;
pub mod multipart;
pub mod output;
pub(crate) mod path;
mod shelf;
mod sniff;
mod sync;
mod talk;
#[cfg(test)]
mod testing;
mod upgrade;

use std::sync::Arc;

use flume::{Receiver, Sender};
use plan::env::{Request, Response};
use plan::{BuildError, Env, Json, Log, Services};
use rustls::ServerConfig;
use wire::tls::Flaw;

use crate::link::Tcp;

/// Requests that wait for a server of its own.
const QUEUE_MAX: usize = 1024;

/// One path and what is requested there.
struct Port {
    path: String,
    requests: Receiver<Request>,
    /// Held where nobody else does: with an address of its own, and without a path.
    sender: Option<Sender<Request>>,
}

impl Port {
    /// For which somebody else has to find requests, if anybody does.
    fn kept(path: &str) -> Self {
        let (sender, requests) = flume::bounded(QUEUE_MAX);
        Port { path: path.to_owned(), requests, sender: Some(sender) }
    }
}

/// Where requests come from: the server of the process, or one of its own that is yet to listen.
struct Endpoint<const PORTS: usize> {
    ports: [Port; PORTS],
    own: Option<Own>,
}

/// A server of its own.
struct Own {
    address: String,
    tcp: Tcp,
    tls: Option<Arc<ServerConfig>>,
}

impl<const PORTS: usize> Endpoint<PORTS> {
    /// Opens ports of the process, each with a description, unless there is an address of its own.
    /// At an empty path nothing is requested.
    fn new(
        own: Option<Own>,
        paths: [(&str, &str); PORTS],
        options: &Json,
        env: &dyn Env,
    ) -> Result<Self, BuildError> {
        let mut ports = paths.map(|(path, _)| Port::kept(path));
        if own.is_none() {
            for (port, (path, description)) in ports.iter_mut().zip(paths) {
                if path.is_empty() {
                    continue;
                }
                let mut options = options.clone();
                if let Some(options) = options.as_object_mut() {
                    options.insert("description".to_owned(), description.into());
                }
                port.requests = env.services().open_port("http", path, &options)?;
                port.sender = None;
            }
        }
        Ok(Endpoint { ports, own })
    }

    /// Listens, where it has an address of its own.
    async fn listen(&self) -> Result<Option<listener::Listener>, String> {
        let Some(own) = &self.own else { return Ok(None) };
        let named = self.ports.iter().filter(|port| !port.path.is_empty());
        let routes = named.filter_map(|port| {
            let sender = port.sender.as_ref()?.downgrade();
            Some((port.path.clone(), sender))
        });
        let (tls, limits) = (own.tls.clone(), listener::Limits::default());
        listener::listen(&own.address, own.tcp, tls, routes.collect(), limits).await.map(Some)
    }
}

impl Own {
    /// A server at an address, with TLS where there are files with a certificate and its key. The
    /// server of the process has its own.
    fn new(
        address: &str,
        cert_file: &str,
        key_file: &str,
        services: &dyn Services,
    ) -> Result<Option<Self>, BuildError> {
        let named = !cert_file.is_empty() || !key_file.is_empty();
        if address.is_empty() {
            if named {
                let text = "cert_file and key_file only count with an address of its own";
                services.log(Log::Warn, text, &[]);
            }
            return Ok(None);
        }
        let tls = named.then(|| tls(cert_file, key_file, services)).transpose()?;
        Ok(Some(Own { address: address.to_owned(), tcp: Tcp::default(), tls }))
    }
}

/// The settings of TLS with what two files hold.
fn tls(
    cert_file: &str,
    key_file: &str,
    services: &dyn Services,
) -> Result<Arc<ServerConfig>, BuildError> {
    let wrong = |field: &str, text: String| BuildError::new(format!("field '{field}': {text}"));
    if cert_file.is_empty() || key_file.is_empty() {
        let text = "both cert_file and key_file must be specified, or neither".to_owned();
        return Err(wrong(if cert_file.is_empty() { "cert_file" } else { "key_file" }, text));
    }
    let read = |field: &str, path: &str| {
        services.read_file(path).map_err(|e| wrong(field, format!("open {path}: {e}")))
    };
    let (chain, key) = (read("cert_file", cert_file)?, read("key_file", key_file)?);
    let mut config = wire::tls::server(&chain, &key).map_err(|flaw| match flaw {
        Flaw::Certificate(text) => wrong("cert_file", format!("{cert_file}: {text}")),
        Flaw::Key(text) => wrong("key_file", format!("{key_file}: {text}")),
        Flaw::Pair(text) => wrong("key_file", format!("{cert_file}, {key_file}: {text}")),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A plain text answer.
pub(crate) fn plain(status: u16, text: impl Into<String>) -> Response {
    Response {
        status,
        headers: vec![
            ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()),
            ("X-Content-Type-Options".to_owned(), "nosniff".to_owned()),
        ],
        body: text.into().into_bytes(),
        ..Response::default()
    }
}

/// The answer to a verb that is not allowed.
fn incorrect_method() -> Response {
    plain(405, "Incorrect method\n")
}

/// Verbs that are told from others.
fn allows(verbs: &[String], method: &str) -> bool {
    verbs.iter().any(|verb| verb.eq_ignore_ascii_case(method))
}
