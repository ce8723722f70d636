//! Why a message was refused, and the status that says so.

/// A message that cannot be taken. The connection is of no use afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// 400: what was sent is not HTTP, or contradicts itself. The text says what.
    Malformed(&'static str),
    /// 413: the body is longer than the limit.
    BodyTooLarge,
    /// 417: an expectation other than `100-continue`.
    Expectation,
    /// 431: the head is longer than [`super::HEAD_MAX`] or has more than [`super::HEADERS_MAX`]
    /// lines.
    HeadTooLarge,
    /// 501: a transfer encoding other than `chunked`.
    Encoding,
    /// 400: the connection ended inside a message.
    Incomplete,
}

impl HttpError {
    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Incomplete => 400,
            Self::BodyTooLarge => 413,
            Self::Expectation => 417,
            Self::HeadTooLarge => 431,
            Self::Encoding => 501,
        }
    }
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed(what) => what,
            Self::BodyTooLarge => "the body is larger than the limit",
            Self::Expectation => "the expectation is not 100-continue",
            Self::HeadTooLarge => "the head is larger than the limit",
            Self::Encoding => "the transfer encoding is not chunked",
            Self::Incomplete => "the connection ended inside a message",
        })
    }
}

impl std::error::Error for HttpError {}
