//! Requests for threads that may wait, with nothing but what they are given.

use std::time::Duration;

use bytes::Bytes;
use plan::{BuildError, Services};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};

use super::client::library;
use super::config::Common;
use super::transport::{Outgoing, exchange_here};

/// A client of its own.
#[derive(Clone)]
pub(crate) struct Simple(reqwest::Client);

impl Simple {
    /// A client with the usual options.
    ///
    /// # Errors
    /// When the library has none.
    pub(crate) fn new(services: &dyn Services) -> Result<Self, BuildError> {
        library(&Common::default(), services).map(Simple)
    }

    /// Sends a request and waits for the answer; never called on a shard.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn exchange(
        &self,
        url: &str,
        headers: &[(String, String)],
        method: &str,
        body: String,
        timeout: Duration,
    ) -> Result<(u16, Bytes), String> {
        let verb = if method.is_empty() { "GET" } else { method };
        let made = Method::from_bytes(verb.as_bytes());
        let made = made.map_err(|_| format!("net/http: invalid method {verb:?}"))?;
        let target = Url::parse(url).map_err(|e| format!("parse {url:?}: {e}"))?;
        let mut request = Request::new(made, target);
        for (name, value) in headers {
            put(request.headers_mut(), name, value)?;
        }
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        // A limit of nothing would be none.
        let timeout = timeout.max(Duration::from_millis(1));
        let answer = exchange_here(Outgoing { client: self.0.clone(), request, timeout });
        let answer = answer.map_err(|failure| {
            let (first, rest) = verb.split_at(verb.len().min(1));
            format!("{first}{} {url:?}: {}", rest.to_lowercase(), failure.text)
        })?;
        Ok((answer.status, answer.body))
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let key = HeaderName::from_bytes(name.as_bytes());
    let key = key.map_err(|_| format!("net/http: invalid header field name {name:?}"))?;
    let value = HeaderValue::from_str(value);
    let value = value.map_err(|_| format!("net/http: invalid header field value for {name:?}"))?;
    headers.append(key, value);
    Ok(())
}
