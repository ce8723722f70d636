//! A client of kdb+ IPC.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use formats::k::K;
use formats::k::ipc::{Body, Endian, decode_body};
use wire::kdb::{HEADER_BYTES, Kind, MESSAGE_MAX, write_message};

use crate::error::{Error, Result};

/// Nobody's name, and what this client can do: as a stock client does.
const LOGIN: &[u8] = b"perf\x03\0";

fn failed(what: impl std::fmt::Display) -> Error {
    Error(format!("kdb+ IPC: {what}"))
}

/// Appends the message of a call of `name` with one argument.
///
/// # Errors
/// An argument that has no bytes.
pub(super) fn write_call(kind: Kind, name: &str, argument: K, out: &mut Vec<u8>) -> Result<()> {
    let call = K::list(vec![K::sym(name), argument]);
    write_message(kind, Endian::Little, &call, out).map_err(failed)
}

/// A connection that was let in.
pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Nobody listens there, or it does not let in.
    pub(super) fn connect(address: SocketAddr, timeout: Duration) -> Result<Self> {
        let mut stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(timeout)).map_err(failed)?;
        stream.set_write_timeout(Some(timeout)).map_err(failed)?;
        stream.write_all(LOGIN).map_err(failed)?;
        stream.read_exact(&mut [0]).map_err(failed)?;
        Ok(Self { stream })
    }

    /// Sends messages that nobody answers.
    ///
    /// # Errors
    /// The connection failed, or the server does not read.
    pub(super) fn send(&mut self, messages: &[u8]) -> Result<()> {
        self.stream.write_all(messages).map_err(failed)
    }

    /// Calls `name` with one argument and waits for the answer.
    ///
    /// # Errors
    /// The connection failed, or the answer is an error.
    pub(super) fn call(&mut self, name: &str, argument: K) -> Result<K> {
        let mut message = Vec::new();
        write_call(Kind::Sync, name, argument, &mut message)?;
        self.send(&message)?;
        let mut header = [0; HEADER_BYTES];
        self.stream.read_exact(&mut header).map_err(failed)?;
        let [1, 2, 0, 0, a, b, c, d] = header else {
            return Err(failed(format_args!("an answer that begins with {header:02x?}")));
        };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let length = length.checked_sub(HEADER_BYTES).filter(|length| *length <= MESSAGE_MAX);
        let mut body = vec![0; length.ok_or_else(|| failed("an answer of no such length"))?];
        self.stream.read_exact(&mut body).map_err(failed)?;
        match decode_body(&body, Endian::Little).map_err(failed)? {
            Body::Value(value) => Ok(value),
            Body::Error(text) => Err(failed(format_args!("'{text}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use wire::kdb::{Event, Server, write_error};

    use super::*;

    /// Answers the messages of one client that are to be answered with how many came before, or
    /// with an error to one that has no symbol in front.
    fn serve(listener: &TcpListener) -> usize {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut server, mut chunk, mut count) = (Server::default(), [0; 50], 0);
        loop {
            let length = stream.read(&mut chunk).unwrap();
            if length == 0 {
                return count;
            }
            server.feed(&chunk[..length]);
            while let Some(event) = server.event().unwrap() {
                let mut out = Vec::new();
                match event {
                    Event::Login { capability, .. } => out.extend(Server::accept(capability)),
                    Event::Message { kind: Kind::Sync, body, .. } => {
                        let body = decode_body(&body, Endian::Little).unwrap();
                        let Body::Value(call) = body else { panic!("{body:?}") };
                        match call.at(1) {
                            K::Null => write_error("type", Endian::Little, &mut out),
                            _ => {
                                let count = K::long(count as i64);
                                write_message(Kind::Response, Endian::Little, &count, &mut out)
                                    .unwrap();
                            }
                        }
                    }
                    Event::Message { .. } => count += 1,
                }
                stream.write_all(&out).unwrap();
            }
        }
    }

    #[test]
    fn a_call_is_answered_after_what_was_sent_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || serve(&listener));
        let mut client = Client::connect(address, Duration::from_secs(60)).unwrap();
        let mut messages = Vec::new();
        for n in 0..5 {
            write_call(Kind::Async, "upd", K::longs(vec![n; 9]), &mut messages).unwrap();
        }
        client.send(&messages).unwrap();
        assert_eq!(client.call("upd", K::long(1)).unwrap(), K::long(5));
        assert_eq!(client.call("upd", K::Null).unwrap_err().0, "kdb+ IPC: 'type");
        drop(client);
        assert_eq!(server.join().unwrap(), 5);
    }
}
