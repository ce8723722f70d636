//! Datagrams: each one is a short stream of its own.

use std::rc::Rc;

use plan::{Batch, SourceContext, SourceError};
use rt::net::{UdpSocket, UnixDatagram};

use crate::reader::loosen;
use crate::scanners::{self, Stream};
use crate::text::io_text;
use crate::wait::{Ended, until_stopping};

/// Largest datagram there is.
const DATAGRAM_BYTES: usize = 65_536;

/// What receives datagrams.
pub(super) enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    /// One datagram, and who sent it.
    async fn receive(&self, buffer: Vec<u8>) -> (std::io::Result<String>, Vec<u8>) {
        match self {
            Socket::Udp(socket) => {
                let (received, buffer) = socket.recv_from(buffer).await;
                (received.map(|(_, from)| from.to_string()), buffer)
            }
            Socket::Unix(socket) => {
                let (received, buffer) = socket.recv(buffer).await;
                (received.map(|_| "a process".to_owned()), buffer)
            }
        }
    }
}

/// Reads datagrams until the source must stop.
pub(super) async fn receive(
    socket: &Socket,
    scanner: &scanners::Config,
    context: &Rc<dyn SourceContext>,
) -> Result<(), SourceError> {
    let mut buffer = Vec::with_capacity(DATAGRAM_BYTES);
    let mut found = Vec::new();
    loop {
        let received = match until_stopping(context, socket.receive(buffer)).await {
            Ended::Stopping => return Err(SourceError::Stopped),
            Ended::Done((received, back)) => {
                buffer = back;
                received
            }
        };
        let from = match received {
            Ok(from) => from,
            Err(error) => return Err(SourceError::Retry(io_text(&error))),
        };
        let stream = Stream { name: "", block_bytes: buffer.len().max(1) };
        let mut scanner = scanner.open(stream).map_err(|e| SourceError::Fatal(e.text))?;
        let mut bytes = scanner.buffer();
        bytes.extend_from_slice(&buffer);
        buffer.clear();
        if let Err(error) = scanner.scan(bytes, true, &mut found) {
            context.error(&format!("datagram from {from}: {error}"));
        }
        for mut data in found.drain(..) {
            loosen(&mut data);
            drop(context.emit(Batch::new(data)).await?);
        }
    }
}
