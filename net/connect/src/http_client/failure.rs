//! Why a request has no answer, or not the one that was hoped for, in the words that users know.

use std::error::Error;
use std::io;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::transport::{Answer, BODY_BYTES_MAX};
use crate::text::io_text;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) text: String,
    /// Whether the time was over before there was a head.
    pub(super) timed_out: bool,
    /// Whether there was a head, and not all of the body.
    pub(super) in_body: bool,
}

impl Failure {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Failure { text: text.into(), timed_out: false, in_body: false }
    }

    pub(super) fn no_head() -> Self {
        let text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
        Failure { timed_out: true, ..Failure::text(text) }
    }

    pub(super) fn no_body() -> Self {
        Failure::in_body(
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
        )
    }

    pub(super) fn too_large() -> Self {
        Failure::in_body(format!("the response is larger than the limit of {BODY_BYTES_MAX} bytes"))
    }

    fn in_body(text: impl Into<String>) -> Self {
        Failure { in_body: true, ..Failure::text(text) }
    }

    /// From what the library says.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut causes = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = error.source();
        while let Some(cause) = next {
            causes.push(cause);
            next = cause.source();
        }
        let said: Vec<String> = causes.iter().map(|cause| cause.to_string()).collect();
        let has = |word: &str| said.iter().any(|text| text.contains(word));
        let last = || said.last().cloned().unwrap_or_else(|| error.to_string());
        let io = causes.iter().rev().find_map(|cause| cause.downcast_ref::<io::Error>());
        let url = error.url();
        let host = url.and_then(reqwest::Url::host_str).unwrap_or_default();
        let port = url.and_then(reqwest::Url::port_or_known_default).unwrap_or_default();
        let text = if error.is_redirect() {
            last()
        } else if has("dns error") {
            format!("dial tcp: lookup {host}: no such host")
        } else if has("proxy authorization required") {
            "Proxy Authentication Required".to_owned()
        } else if has("connection closed before message completed") {
            "EOF".to_owned()
        } else if let (true, Some(io)) = (error.is_connect(), io) {
            match has("tcp connect error") {
                true => format!("dial tcp {host}:{port}: connect: {}", io_text(io)),
                false => format!("tls: {}", io_text(io)),
            }
        } else if let Some(io) = io {
            format!("read tcp {host}:{port}: read: {}", io_text(io))
        } else {
            last()
        };
        Failure { in_body: error.is_body() || error.is_decode(), ..Failure::text(text) }
    }
}

/// What a request failed with in the end.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) text: String,
    /// The answer, if there was one: its status and headers.
    pub(super) answer: Option<(u16, HeaderMap)>,
    /// Whether the time was over before there was a head.
    pub(super) timed_out: bool,
}

impl Refusal {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Refusal { text: text.into(), answer: None, timed_out: false }
    }

    /// No answer to a request with this verb.
    pub(super) fn no_answer(verb: &str, url: &str, failure: Failure) -> Self {
        if failure.in_body {
            return Refusal::text(failure.text);
        }
        let text = on_the_way(verb, url, &failure.text);
        Refusal { timed_out: failure.timed_out, ..Refusal::text(text) }
    }

    /// An answer with a status that is not hoped for.
    pub(super) fn status(url: &str, answer: Answer) -> Self {
        let Answer { status, headers, body } = answer;
        let body = String::from_utf8_lossy(&body).replace('\n', "");
        let line = status_line(status);
        let text = format!(
            "{url}: HTTP request returned unexpected response code ({status}): {line}, \
             Error: {body}"
        );
        Refusal { answer: Some((status, headers)), ..Refusal::text(text) }
    }
}

/// The text of what went wrong with a request before there was an answer.
pub(super) fn on_the_way(verb: &str, url: &str, what: &str) -> String {
    format!("{url}: {} \"{url}\": {what}", titled(verb))
}

/// A status and what it is called.
pub(super) fn status_line(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    format!("{status} {}", known.unwrap_or_default())
}

/// A verb as it stands in texts: `Post`.
fn titled(verb: &str) -> String {
    let mut chars = verb.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => "Get".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_that_users_know() {
        let failed = Refusal::no_answer("POST", "http://x/", Failure::text("EOF"));
        assert_eq!(failed.text, "http://x/: Post \"http://x/\": EOF");
        let late = Refusal::no_answer("", "http://x/", Failure::no_head());
        assert!(late.timed_out && late.text.starts_with("http://x/: Get \"http://x/\": context"));
        let cut = Refusal::no_answer("GET", "http://x/", Failure::no_body());
        assert!(cut.text.starts_with("context deadline exceeded (Client.Timeout or"));
        let body = "a\nb".into();
        let refused = Answer { status: 404, headers: HeaderMap::new(), body };
        assert_eq!(
            Refusal::status("http://x/", refused).text,
            "http://x/: HTTP request returned unexpected response code (404): 404 Not Found, \
             Error: ab"
        );
    }
}
