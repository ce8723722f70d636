//! Heads of requests and responses, and what they say about the body that follows.

use super::body::Framing;
use super::{HEADERS_MAX, HttpError};

/// Header lines in the order and spelling of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Box<[u8]>)>);

impl Headers {
    fn of(lines: &[httparse::Header<'_>]) -> Self {
        Self(lines.iter().map(|line| (line.name.to_owned(), line.value.into())).collect())
    }

    /// The first value of `name` (any case), when it is UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All values of `name` (any case), as sent.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let same = move |line: &&'a (String, Box<[u8]>)| line.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|line| &*line.1)
    }

    /// All lines: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// The comma-separated elements of all lines `name`, trimmed, empty ones left out.
    fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let parts = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
    }

    fn has_element(&self, name: &str, wanted: &[u8]) -> bool {
        self.elements(name).any(|part| part.eq_ignore_ascii_case(wanted))
    }

    /// Whether the connection stays open after the message (RFC 9112 §9.3).
    fn keep_alive(&self, minor: u8) -> bool {
        if self.has_element("connection", b"close") {
            return false;
        }
        minor >= 1 || self.has_element("connection", b"keep-alive")
    }

    /// The body's length, when the head gives one. Equal repetitions are one (RFC 9112 §6.3).
    fn content_length(&self) -> Result<Option<u64>, HttpError> {
        let mut found = None;
        for value in self.all("content-length").flat_map(|v| v.split(|byte| *byte == b',')) {
            let length = decimal(value.trim_ascii())
                .ok_or(HttpError::Malformed("Content-Length is not a number"))?;
            if found.is_some_and(|other| other != length) {
                return Err(HttpError::Malformed("Content-Length is given twice"));
            }
            found = Some(length);
        }
        Ok(found)
    }

    /// Length or chunks; `None` when the head gives neither.
    fn framing(&self, minor: u8) -> Result<Option<Framing>, HttpError> {
        let length = self.content_length()?;
        let mut encodings = self.elements("transfer-encoding");
        let Some(first) = encodings.next() else { return Ok(length.map(Framing::length)) };
        if minor == 0 {
            return Err(HttpError::Malformed("Transfer-Encoding in HTTP/1.0"));
        }
        if length.is_some() {
            return Err(HttpError::Malformed("Content-Length beside Transfer-Encoding"));
        }
        if !first.eq_ignore_ascii_case(b"chunked") || encodings.next().is_some() {
            return Err(HttpError::Encoding);
        }
        Ok(Some(Framing::chunked()))
    }
}

/// Digits only: no sign, no space, no overflow.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The first line and headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, in the spelling of the request.
    pub method: String,
    /// The request target: path and query, or whatever the client sent in its place.
    pub target: String,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor: u8,
    /// The header lines.
    pub headers: Headers,
    /// Whether the client wants to go on after this request.
    pub keep_alive: bool,
    /// Whether the client waits for [`super::CONTINUE`] before it sends the body.
    pub expect_continue: bool,
    /// The body's length when it is known beforehand.
    pub content_length: Option<u64>,
}

/// The first line and headers of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor: u8,
    /// The header lines.
    pub headers: Headers,
    /// Whether the server goes on after this response.
    pub keep_alive: bool,
    /// The body's length when it is known beforehand.
    pub content_length: Option<u64>,
}

mod sealed {
    use super::{Framing, HttpError};

    /// What the decoder needs from a kind of head.
    pub trait Parse: Sized {
        /// Parses a whole head. `bodiless` says that the request was `HEAD` (responses only).
        fn parse(bytes: &[u8], bodiless: bool) -> Result<(Self, Framing), HttpError>;
        /// Whether another message may follow.
        fn keeps_alive(&self) -> bool;
        /// Whether this is only a note before the real message (status 1xx).
        fn is_interim(&self) -> bool;
    }
}

pub(super) use sealed::Parse;

/// A kind of message: [`RequestHead`] or [`ResponseHead`].
pub trait Message: Parse {}
impl Message for RequestHead {}
impl Message for ResponseHead {}

fn refused(error: httparse::Error) -> HttpError {
    match error {
        httparse::Error::TooManyHeaders => HttpError::HeadTooLarge,
        httparse::Error::HeaderName => HttpError::Malformed("malformed header name"),
        httparse::Error::HeaderValue => HttpError::Malformed("malformed header value"),
        httparse::Error::NewLine => HttpError::Malformed("malformed line end"),
        httparse::Error::Status => HttpError::Malformed("malformed status"),
        httparse::Error::Token => HttpError::Malformed("malformed first line"),
        httparse::Error::Version => HttpError::Malformed("not HTTP/1.0 or HTTP/1.1"),
    }
}

impl Parse for RequestHead {
    fn parse(bytes: &[u8], _bodiless: bool) -> Result<(Self, Framing), HttpError> {
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut lines);
        let status = request.parse(bytes).map_err(refused)?;
        let (httparse::Status::Complete(_), Some(method), Some(target), Some(minor)) =
            (status, request.method, request.path, request.version)
        else {
            return Err(HttpError::Malformed("malformed request"));
        };
        let headers = Headers::of(request.headers);
        let hosts = headers.all("host").count();
        if hosts > 1 || (hosts == 0 && minor == 1) {
            return Err(HttpError::Malformed("a request has one Host header"));
        }
        let expect_continue = match headers.elements("expect").next() {
            None => false,
            Some(what) if what.eq_ignore_ascii_case(b"100-continue") => minor == 1,
            Some(_) => return Err(HttpError::Expectation),
        };
        let content_length = headers.content_length()?;
        let framing = headers.framing(minor)?.unwrap_or(Framing::None);
        let keep_alive = headers.keep_alive(minor);
        let expect_continue = expect_continue && !matches!(framing, Framing::None);
        let (method, target) = (method.to_owned(), target.to_owned());
        let head =
            Self { method, target, minor, headers, keep_alive, expect_continue, content_length };
        Ok((head, framing))
    }

    fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    fn is_interim(&self) -> bool {
        false
    }
}

impl Parse for ResponseHead {
    fn parse(bytes: &[u8], bodiless: bool) -> Result<(Self, Framing), HttpError> {
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut lines);
        let parsed = response.parse(bytes).map_err(refused)?;
        let (httparse::Status::Complete(_), Some(status), Some(minor)) =
            (parsed, response.code, response.version)
        else {
            return Err(HttpError::Malformed("malformed response"));
        };
        let headers = Headers::of(response.headers);
        let content_length = headers.content_length()?;
        let empty = bodiless || matches!(status, 100..=199 | 204 | 304);
        let framing = match headers.framing(minor)? {
            _ if empty => Framing::None,
            Some(framing) => framing,
            None => Framing::UntilEnd,
        };
        let keep_alive = headers.keep_alive(minor) && !matches!(framing, Framing::UntilEnd);
        Ok((Self { status, minor, headers, keep_alive, content_length }, framing))
    }

    fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    fn is_interim(&self) -> bool {
        // 101 hands the connection over to another protocol: it is final.
        matches!(self.status, 100 | 102..=199)
    }
}
