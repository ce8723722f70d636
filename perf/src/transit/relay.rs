//! The plain relay that latencies are compared with: it reads a line and writes it.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use crate::error::{Error, Result};

/// Takes one connection after the other; all lines go over a single one.
///
/// # Errors
/// A connection failed.
pub(crate) fn run(address: SocketAddr, to: SocketAddr) -> Result<()> {
    let failed = |e: std::io::Error| Error(format!("relay: {e}"));
    let all = runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    all.block_on(relay(address, to)).map_err(failed)
}

async fn relay(address: SocketAddr, to: SocketAddr) -> std::io::Result<()> {
    let mut out = TcpStream::connect(to).await?;
    out.set_nodelay(true)?;
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (mut lines, mut line) = (BufReader::new(stream), Vec::new());
        while lines.read_until(b'\n', &mut line).await? > 0 {
            out.write_all(&line).await?;
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::serving::server::free_address;

    #[test]
    fn lines_of_all_connections_go_over_one() {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, to) = (free_address().unwrap(), target.local_addr().unwrap());
        std::thread::spawn(move || super::run(address, to));
        let (mut out, _) = target.accept().unwrap();
        for text in [&b"one\ntwo\n"[..], b"three\n"] {
            let stream = std::iter::repeat_with(|| std::net::TcpStream::connect(address));
            let mut stream = stream.flatten().next().unwrap();
            stream.write_all(text).unwrap();
            let mut got = vec![0; text.len()];
            out.read_exact(&mut got).unwrap();
            assert_eq!(got, text);
        }
    }
}
