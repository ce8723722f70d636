//! `http_server` as source and sink: requests to a path of the process become messages, and
//! messages are handed out to requests (spec/benthos-streams-api.md §8).
//!
//! The front end owns the listeners. It hands requests over through a port of the process and
//! sends the answers back.

pub mod input;
mod listener;
pub mod multipart;
pub mod output;
pub(crate) mod path;
mod sniff;
mod sync;

use flume::{Receiver, Sender};
use plan::env::{Request, Response};
use plan::{BuildError, Env, Json};

/// Requests that wait for a server of its own.
const QUEUE_MAX: usize = 1024;

/// Where requests come from: the server of the process, or one of its own that is yet to listen.
struct Endpoint {
    requests: Receiver<Request>,
    own: Option<(String, Sender<Request>)>,
    path: String,
}

impl Endpoint {
    /// Opens the port of the process unless there is an address of its own.
    fn new(
        address: &str,
        path: &str,
        options: &Json,
        description: &str,
        env: &dyn Env,
    ) -> Result<Self, BuildError> {
        let path = path.to_owned();
        if !address.is_empty() {
            let (sender, requests) = flume::bounded(QUEUE_MAX);
            return Ok(Endpoint { requests, own: Some((address.to_owned(), sender)), path });
        }
        let mut options = options.clone();
        if let Some(options) = options.as_object_mut() {
            options.insert("description".to_owned(), description.into());
        }
        let requests = env.services().open_port("http", &path, &options)?;
        Ok(Endpoint { requests, own: None, path })
    }

    /// Listens, where it has an address of its own.
    async fn listen(&self) -> Result<Option<listener::Listener>, String> {
        match &self.own {
            None => Ok(None),
            Some((address, sender)) => {
                listener::listen(address, &self.path, sender.downgrade()).await.map(Some)
            }
        }
    }
}

/// Refuses a certificate: connections are not encrypted.
fn no_tls(cert_file: &str, key_file: &str) -> Result<(), BuildError> {
    if cert_file.is_empty() && key_file.is_empty() {
        return Ok(());
    }
    Err(BuildError::new("field 'cert_file': tls is not supported yet"))
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
