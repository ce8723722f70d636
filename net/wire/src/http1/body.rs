//! Where a body ends.

use super::{CHUNK_LINE_MAX, HttpError, TRAILERS_MAX};

/// The state of a body that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks (RFC 9112 §7.1).
    Chunked(Chunk),
    /// To the end of the connection.
    UntilEnd,
}

/// Where the decoder stands in a chunked body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Before a line with a size.
    Size,
    /// Inside a chunk, with so many bytes still to come.
    Data(u64),
    /// Before the line end of a chunk.
    DataEnd,
    /// In the trailers, of which so many bytes were read.
    Trailers(usize),
}

/// What the next bytes of a body are.
pub(super) enum Step {
    /// The first so many bytes belong to the body.
    Data(usize),
    /// The first so many bytes are framing.
    Skip(usize),
    /// The body ends after so many bytes of framing.
    End(usize),
    /// More input is needed.
    More,
}

impl Framing {
    pub(super) fn length(length: u64) -> Self {
        if length == 0 { Self::None } else { Self::Length(length) }
    }

    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunk::Size)
    }

    /// How many bytes are known to follow before more framing is read.
    pub(super) fn announced(&self) -> u64 {
        match self {
            Self::Length(left) | Self::Chunked(Chunk::Data(left)) => *left,
            _ => 0,
        }
    }

    /// Looks at the next bytes and moves on.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, HttpError> {
        match self {
            Self::None | Self::Length(0) => Ok(Step::End(0)),
            _ if bytes.is_empty() => Ok(Step::More),
            Self::UntilEnd => Ok(Step::Data(bytes.len())),
            Self::Length(left) => Ok(Step::Data(take(left, bytes.len()))),
            Self::Chunked(chunk) => chunk.step(bytes),
        }
    }
}

fn take(left: &mut u64, available: usize) -> usize {
    let count = usize::try_from(*left).map_or(available, |left| left.min(available));
    *left -= count as u64;
    count
}

impl Chunk {
    fn step(&mut self, bytes: &[u8]) -> Result<Step, HttpError> {
        match self {
            Self::Size => {
                let Some(line) = line(bytes, CHUNK_LINE_MAX)? else { return Ok(Step::More) };
                *self = match chunk_size(line)? {
                    0 => Self::Trailers(0),
                    size => Self::Data(size),
                };
                Ok(Step::Skip(line.len() + 2))
            }
            Self::Data(left) => {
                let count = take(left, bytes.len());
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                Ok(Step::Data(count))
            }
            Self::DataEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(Step::Skip(2))
                }
                [b'\r'] => Ok(Step::More),
                _ => Err(HttpError::Malformed("a chunk is longer than its size")),
            },
            Self::Trailers(read) => {
                let room = TRAILERS_MAX.saturating_sub(*read).min(CHUNK_LINE_MAX);
                let Some(line) = line(bytes, room)? else { return Ok(Step::More) };
                *read += line.len() + 2;
                if line.is_empty() { Ok(Step::End(2)) } else { Ok(Step::Skip(line.len() + 2)) }
            }
        }
    }
}

/// The first line, without its `\r\n`. A `\n` alone ends no line here: programs that disagree about
/// it can be made to disagree about where a request ends.
fn line(bytes: &[u8], max: usize) -> Result<Option<&[u8]>, HttpError> {
    let window = bytes.get(..max).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        if bytes.len() >= max {
            return Err(HttpError::Malformed("a line of a chunked body is too long"));
        }
        return Ok(None);
    };
    match window.get(..end) {
        Some([line @ .., b'\r']) if !line.contains(&b'\r') => Ok(Some(line)),
        _ => Err(HttpError::Malformed("malformed line end in a chunked body")),
    }
}

/// The size in front of the extensions: hexadecimal digits, at most 16 of them.
fn chunk_size(line: &[u8]) -> Result<u64, HttpError> {
    const WRONG: HttpError = HttpError::Malformed("malformed chunk size");
    let text = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = text.trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(WRONG);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
    u64::from_str_radix(digits, 16).map_err(|_| WRONG)
}
