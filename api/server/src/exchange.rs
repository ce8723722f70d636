//! A request and its answer, free of any HTTP library.

use std::sync::Weak;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;

/// Pieces of bytes that come one after another, until their sender is dropped.
#[derive(Clone, Debug)]
pub struct Pieces(pub flume::Receiver<Bytes>);

impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Eq for Pieces {}

/// A request, with its whole body.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Verb.
    pub method: String,
    /// Path as it was sent, still encoded, without the query.
    pub path: String,
    /// Query string as it was sent.
    pub query: String,
    /// Header names in lower case and their values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Address of the peer.
    pub remote: String,
    /// What the client sends after a request that asks for another protocol than HTTP.
    pub incoming: Option<Pieces>,
    /// Held at its other end for as long as the client waits; nothing where nobody can tell.
    pub client: Option<Weak<()>>,
}

impl Request {
    /// The decoded value of a query parameter; the first one counts.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All query parameters, decoded, in order.
    #[must_use]
    pub fn params(&self) -> Vec<(String, String)> {
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8_lossy().into_owned()
        };
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(key), decode(value))
            })
            .collect()
    }

    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The segments of the path, decoded; a segment with an encoded slash keeps it encoded, so
    /// that it cannot pass for two.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        let decode = |segment: &str| {
            let text = percent_decode_str(segment).decode_utf8_lossy().into_owned();
            if text.contains('/') { segment.to_owned() } else { text }
        };
        self.path.split('/').skip(1).map(decode).collect()
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// What follows the body.
    pub rest: Option<Pieces>,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Reply { status, ..Reply::default() }
    }

    /// Plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Reply::empty(status)
            .header("content-type", "text/plain; charset=utf-8")
            .with_body(text.into().into_bytes())
    }

    /// JSON.
    #[must_use]
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        // Only what has keys that are no texts cannot be written.
        Reply::json_text(status, plan::serde_json::to_vec(value).unwrap_or_default())
    }

    /// JSON that is written already.
    #[must_use]
    pub fn json_text(status: u16, body: Vec<u8>) -> Self {
        Reply::empty(status).header("content-type", "application/json").with_body(body)
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// The engine did not answer.
    #[must_use]
    pub fn unavailable() -> Self {
        Reply::text(503, "Service unavailable\n").header("retry-after", "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        let request = Request {
            path: "/streams/a%20b/x%2Fy".into(),
            query: "timeout=1s&q=a+b%26c&flag".into(),
            ..Request::default()
        };
        assert_eq!(request.segments(), ["streams", "a b", "x%2Fy"]);
        assert_eq!(request.param("timeout").as_deref(), Some("1s"));
        assert_eq!(request.param("q").as_deref(), Some("a b&c"));
        assert_eq!(request.param("flag").as_deref(), Some(""));
        assert_eq!(request.param("none"), None);
    }
}
