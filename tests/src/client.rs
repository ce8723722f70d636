//! An HTTP client that keeps its connection, for tests that send a lot.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;

use crate::program::PATIENCE;

/// Bytes that one read asks for.
const READ_BYTES: usize = 16 << 10;

/// A connection that is used again and again.
pub struct Connection {
    stream: TcpStream,
    address: String,
    /// What was read and is not part of an answer yet.
    read: Vec<u8>,
}

impl Connection {
    /// Connects; every answer is waited for as long as patience allows.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream, address: address.to_owned(), read: Vec::new() })
    }

    /// Posts a body and returns the status of the answer.
    ///
    /// # Errors
    /// The connection ended before the answer was there. [`hangs`] tells whether patience did.
    pub fn post(&mut self, target: &str, body: &str) -> Result<u16> {
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n"
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<u16> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        let wrong = || Error::new(ErrorKind::InvalidData, head.clone());
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|l| l.trim().parse().ok()).ok_or_else(wrong)?;
        while self.read.len() < end + length {
            self.more()?;
        }
        self.read.drain(..end + length);
        Ok(status)
    }

    fn more(&mut self) -> Result<()> {
        let mut chunk = [0; READ_BYTES];
        match self.stream.read(&mut chunk)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.read.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }
}

/// Whether an error says that the other side kept a connection open and did not answer.
#[must_use]
pub fn hangs(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
