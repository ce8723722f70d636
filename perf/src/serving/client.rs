//! One connection that takes one request after another.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use wire::http1::{BodyLength, Event, ResponseDecoder, write_request_head};

use crate::error::{Error, Result};

/// Largest answer; a list of all streams is some 40 KB.
const BODY_MAX: u64 = 16 << 20;

/// A connection to a server under measurement.
pub(crate) struct Client {
    stream: TcpStream,
    answers: ResponseDecoder,
    request: Vec<u8>,
    chunk: Vec<u8>,
}

fn failed(what: impl std::fmt::Display) -> Error {
    Error(format!("HTTP: {what}"))
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) fn connect(address: SocketAddr, timeout: Duration) -> Result<Self> {
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(timeout)).map_err(failed)?;
        let answers = ResponseDecoder::new(BODY_MAX);
        Ok(Client { stream, answers, request: Vec::new(), chunk: vec![0; 64 << 10] })
    }

    /// Sends a request and returns the body of its answer.
    ///
    /// # Errors
    /// The connection failed, or the answer is none of success.
    pub(crate) fn ask(&mut self, verb: &str, target: &str, body: &str) -> Result<Vec<u8>> {
        self.request.clear();
        let length = BodyLength::Bytes(body.len() as u64);
        let head = write_request_head(&mut self.request, verb, target, &[("Host", "perf")], length);
        head.map_err(|e| failed(e.0))?;
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).map_err(failed)?;
        let (mut status, mut answer) = (0, Vec::new());
        loop {
            match self.answers.next_event().map_err(failed)? {
                Some(Event::Head(head)) => status = head.status,
                Some(Event::Body(bytes)) => answer.extend_from_slice(bytes),
                Some(Event::End) if status == 200 => return Ok(answer),
                Some(Event::End) => {
                    let text = String::from_utf8_lossy(&answer).into_owned();
                    return Err(Error(format!("{verb} {target}: {status} {}", text.trim())));
                }
                None => {
                    let count = self.stream.read(&mut self.chunk).map_err(failed)?;
                    if count == 0 {
                        return Err(failed("the connection was closed"));
                    }
                    self.answers.feed(self.chunk.get(..count).unwrap_or_default());
                }
            }
        }
    }
}
