//! A client that sends everything over one connection and closes it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

fn failed(error: std::io::Error) -> Error {
    Error(format!("TCP: {error}"))
}

/// Sends the bytes; returns the time until the server has read them to the end, which is when it
/// closes the connection in turn.
///
/// # Errors
/// The connection failed, or the server does not read or close in time.
pub(super) fn send(address: SocketAddr, bytes: &[u8], late: Duration) -> Result<Duration> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(late)).map_err(failed)?;
    stream.set_write_timeout(Some(late)).map_err(failed)?;
    stream.write_all(bytes).map_err(failed)?;
    stream.shutdown(Shutdown::Write).map_err(failed)?;
    match stream.read(&mut [0]).map_err(failed)? {
        0 => Ok(begin.elapsed()),
        _ => Err(Error("TCP: the server sent something".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn the_time_ends_when_the_server_has_read_everything() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut all = Vec::new();
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_to_end(&mut all).unwrap();
            thread::sleep(Duration::from_millis(20));
            drop(stream);
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"?").unwrap();
            all
        });
        let took = send(address, b"one\ntwo\n", Duration::from_secs(60)).unwrap();
        assert!(took >= Duration::from_millis(20));
        assert!(send(address, b"", Duration::from_secs(60)).is_err());
        assert_eq!(server.join().unwrap(), b"one\ntwo\n");
    }
}
