//! How a connection becomes a websocket.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::http1::{BodyLength, InvalidHeader, ResponseHead, write_request_head};

/// What is hashed with a key (RFC 6455 §1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a key.
const KEY_BYTES: usize = 16;

const NO_CONNECTION: &str = "websocket: the client is not using the websocket protocol: \
     'upgrade' token not found in 'Connection' header";
const NO_UPGRADE: &str = "websocket: the client is not using the websocket protocol: \
     'websocket' token not found in 'Upgrade' header";
const NO_GET: &str =
    "websocket: the client is not using the websocket protocol: request method is not GET";
const NO_VERSION: &str =
    "websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header";
const OTHER_ORIGIN: &str = "websocket: request origin not allowed by Upgrader.CheckOrigin";
const NO_KEY: &str = "websocket: not a websocket handshake: 'Sec-WebSocket-Key' header must be \
     Base64 encoded value of 16-byte in length";

/// What proves that the other side has read the key.
#[must_use]
pub fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(MAGIC).finalize())
}

/// Appends the request of a client. `random` becomes the key, which is returned; `headers` are
/// those that a websocket does not need.
///
/// # Errors
/// As [`write_request_head`].
pub fn write_request(
    out: &mut Vec<u8>,
    host: &str,
    target: &str,
    headers: &[(&str, &str)],
    random: u128,
) -> Result<String, InvalidHeader> {
    let key = STANDARD.encode(random.to_be_bytes());
    let mut all = vec![("Host", host)];
    all.extend_from_slice(headers);
    all.extend([
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", &*key),
        ("Sec-WebSocket-Version", "13"),
        ("Upgrade", "websocket"),
    ]);
    write_request_head(out, "GET", target, &all, BodyLength::None)?;
    Ok(key)
}

/// Whether a server agreed to the request with this key.
#[must_use]
pub fn accepts(head: &ResponseHead, key: &str) -> bool {
    let has = |name, wanted| {
        let values = head.headers.all(name).filter_map(|value| std::str::from_utf8(value).ok());
        values.into_iter().any(|value| has_token(value, wanted))
    };
    head.status == 101
        && has("upgrade", "websocket")
        && has("connection", "upgrade")
        && head.headers.get("sec-websocket-accept") == Some(&*accept_key(key))
        // What was not asked for cannot be agreed to.
        && head.headers.get("sec-websocket-extensions").is_none()
}

fn has_token(value: &str, wanted: &str) -> bool {
    value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

/// Why a request is no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status that says so.
    pub status: u16,
    /// What is missing, for the log.
    pub why: &'static str,
}

/// Values of a header in any case.
fn values<'a>(
    headers: &'a [(String, String)],
    name: &'a str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let same = move |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
    headers.iter().filter(same).map(|(_, value)| value.as_str())
}

/// Whether a request asks for a websocket, rightly or not: what follows its head is no body.
#[must_use]
pub fn asks(headers: &[(String, String)]) -> bool {
    values(headers, "connection").any(|value| has_token(value, "upgrade"))
        && values(headers, "upgrade").any(|value| has_token(value, "websocket"))
}

/// Why a server cannot agree to a request; nothing when it can. A page of another origin than the
/// server is refused, because a browser would let it speak for its user.
#[must_use]
pub fn refusal(method: &str, headers: &[(String, String)]) -> Option<Refusal> {
    let refused = |status, why| Some(Refusal { status, why });
    let first = |name: &'static str| values(headers, name).next().unwrap_or_default();
    if !values(headers, "connection").any(|value| has_token(value, "upgrade")) {
        return refused(400, NO_CONNECTION);
    }
    if !values(headers, "upgrade").any(|value| has_token(value, "websocket")) {
        return refused(400, NO_UPGRADE);
    }
    if method != "GET" {
        return refused(405, NO_GET);
    }
    if !values(headers, "sec-websocket-version").any(|value| has_token(value, "13")) {
        return refused(400, NO_VERSION);
    }
    let origin = first("origin");
    if !origin.is_empty() && !host_of(origin).eq_ignore_ascii_case(first("host")) {
        return refused(403, OTHER_ORIGIN);
    }
    let key = STANDARD.decode(first("sec-websocket-key").trim());
    if key.is_ok_and(|key| key.len() == KEY_BYTES) {
        return None;
    }
    refused(400, NO_KEY)
}

/// Host and port of an origin.
fn host_of(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
