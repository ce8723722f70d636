//! `http_server` as source and sink: requests to a path of the process become messages, and
//! messages are handed out to requests (spec/benthos-streams-api.md §8).
//!
//! The front end owns the listeners. It hands requests over through a port of the process and
//! sends the answers back.

pub mod input;
pub mod multipart;
pub mod output;
mod path;
mod sniff;
mod sync;

use plan::env::Response;

/// A plain text answer.
fn plain(status: u16, text: impl Into<String>) -> Response {
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
