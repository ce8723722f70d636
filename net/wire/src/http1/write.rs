//! Heads and bodies to bytes.

use std::io::Write;

use super::HttpError;

/// The answer that tells a client to send its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A header that would break the message: a name that is no token, a value with a line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidHeader(pub String);

impl std::fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "header `{}` cannot be sent", self.0.escape_debug())
    }
}

impl std::error::Error for InvalidHeader {}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none, and nothing is said about it (1xx, 204, 304, requests such as `GET`).
    None,
    /// So many bytes follow.
    Bytes(u64),
    /// Chunks follow: [`write_chunk`], then [`write_last_chunk`].
    Chunked,
}

/// The usual text beside a status code.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}

fn is_token(text: &str) -> bool {
    let mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}

fn write_headers(
    out: &mut Vec<u8>,
    headers: &[(&str, &str)],
    body: BodyLength,
) -> Result<(), InvalidHeader> {
    for (name, value) in headers {
        if !is_token(name) || value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(InvalidHeader((*name).to_owned()));
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match body {
        BodyLength::None => {}
        BodyLength::Bytes(length) => {
            let _ = write!(out, "Content-Length: {length}\r\n"); // a vector takes everything
        }
        BodyLength::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    Ok(())
}

/// Appends a response's head. `headers` hold neither length nor `Connection`: they follow from
/// `body` and `keep_alive`.
///
/// # Errors
/// [`InvalidHeader`]; `out` is as it was.
pub fn write_response_head(
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&str, &str)],
    body: BodyLength,
    keep_alive: bool,
) -> Result<(), InvalidHeader> {
    let start = out.len();
    let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason(status)); // a vector takes everything
    if let Err(error) = write_headers(out, headers, body) {
        out.truncate(start);
        return Err(error);
    }
    if !keep_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a whole response with its body.
///
/// # Errors
/// As [`write_response_head`].
pub fn write_response(
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    keep_alive: bool,
) -> Result<(), InvalidHeader> {
    let empty = body.is_empty() && matches!(status, 100..=199 | 204 | 304);
    let length = if empty { BodyLength::None } else { BodyLength::Bytes(body.len() as u64) };
    write_response_head(out, status, headers, length, keep_alive)?;
    out.extend_from_slice(body);
    Ok(())
}

/// Appends the answer to a request that was refused; the connection is closed after it.
pub fn write_error(out: &mut Vec<u8>, error: &HttpError) {
    let text = format!("{} {}: {error}\n", error.status(), reason(error.status()));
    let headers = [("Content-Type", "text/plain; charset=utf-8")];
    // The one header is fixed and valid.
    let _ = write_response(out, error.status(), &headers, text.as_bytes(), false);
}

/// Appends a request's head. `headers` hold `Host` and no length.
///
/// # Errors
/// [`InvalidHeader`] for a header, method or target that would break the head; `out` is as it was.
pub fn write_request_head(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: BodyLength,
) -> Result<(), InvalidHeader> {
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|b| b > b' ' && b != 0x7f);
    if !is_token(method) || !visible(target) {
        return Err(InvalidHeader(format!("{method} {target}")));
    }
    let start = out.len();
    let _ = write!(out, "{method} {target} HTTP/1.1\r\n"); // a vector takes everything
    if let Err(error) = write_headers(out, headers, body) {
        out.truncate(start);
        return Err(error);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a chunk of a chunked body. An empty one is left out: it would end the body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let _ = write!(out, "{:x}\r\n", data.len()); // a vector takes everything
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunked body.
pub fn write_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}
