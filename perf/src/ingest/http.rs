//! Clients that post the same body again and again, each over a connection of its own.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::timeout;
use wire::http1::{BodyLength, Event, ResponseDecoder, write_request_head};

use crate::error::{Error, Result};

/// Connections at once, with one request on its way in each.
pub(super) const CONNECTIONS: usize = 32;
/// Largest answer; that to a posted message is empty.
const BODY_MAX: u64 = 1 << 16;
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 4 << 10;

/// What all clients did together.
pub(super) struct Posted {
    /// Requests that were answered, all of them with success.
    pub(super) answers: u64,
    pub(super) took: Duration,
}

fn failed(what: impl Display) -> Error {
    Error(format!("HTTP: {what}"))
}

/// Posts for so long, and waits for all answers.
///
/// # Errors
/// A connection failed, an answer is none of success, or did not come in time.
pub(super) fn post(
    address: SocketAddr,
    body: &[u8],
    posting: Duration,
    late: Duration,
) -> Result<Posted> {
    let request = request(address, body)?;
    let clients = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let begin = Instant::now();
    let all = async {
        let client = |_| tokio::spawn(client(address, request.clone(), begin + posting));
        let clients: Vec<_> = (0..CONNECTIONS).map(client).collect();
        let mut answers = 0;
        for client in clients {
            answers += client.await.map_err(failed)??;
        }
        Ok(answers)
    };
    let answers = clients.block_on(async { timeout(posting + late, all).await });
    let answers = answers.map_err(|_| failed("answers are missing"))??;
    Ok(Posted { answers, took: begin.elapsed() })
}

/// The bytes of the request.
fn request(address: SocketAddr, body: &[u8]) -> Result<Bytes> {
    let (mut request, host) = (Vec::new(), address.to_string());
    let length = BodyLength::Bytes(body.len() as u64);
    let head = write_request_head(&mut request, "POST", "/post", &[("Host", &host)], length);
    head.map_err(|e| failed(e.0))?;
    request.extend_from_slice(body);
    Ok(request.into())
}

/// One client; returns how many answers it got.
async fn client(address: SocketAddr, request: Bytes, end: Instant) -> Result<u64> {
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let (mut decoder, mut chunk) = (ResponseDecoder::new(BODY_MAX), vec![0; CHUNK_BYTES]);
    let mut count = 0;
    while Instant::now() < end {
        stream.write_all(&request).await.map_err(failed)?;
        answer(&mut stream, &mut decoder, &mut chunk).await?;
        count += 1;
    }
    Ok(count)
}

/// Waits for one whole answer.
async fn answer(
    stream: &mut (impl AsyncRead + Unpin),
    decoder: &mut ResponseDecoder,
    chunk: &mut [u8],
) -> Result<()> {
    loop {
        match decoder.next_event().map_err(failed)? {
            Some(Event::Head(head)) if head.status != 200 => {
                return Err(failed(format_args!("status {}", head.status)));
            }
            Some(Event::Head(_) | Event::Body(_)) => {}
            Some(Event::End) => return Ok(()),
            None => match stream.read(chunk).await.map_err(failed)? {
                0 => return Err(failed("the connection was closed")),
                count => decoder.feed(chunk.get(..count).unwrap_or_default()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn answers(mut bytes: &[u8]) -> Result<usize> {
        let clients = runtime::Builder::new_current_thread().build().unwrap();
        let (mut decoder, mut chunk) = (ResponseDecoder::new(BODY_MAX), vec![0; 7]);
        clients.block_on(async {
            let mut count = 0;
            while !bytes.is_empty() || !decoder.is_idle() {
                answer(&mut bytes, &mut decoder, &mut chunk).await?;
                count += 1;
            }
            Ok(count)
        })
    }

    #[test]
    fn answers_are_told_apart_and_must_be_of_success() {
        let good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\
            Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(answers(good).unwrap(), 2);
        let bad = answers(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(bad.unwrap_err().0, "HTTP: status 503");
        let cut = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh");
        assert_eq!(cut.unwrap_err().0, "HTTP: the connection was closed");
    }

    #[test]
    fn all_clients_post_until_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let length = request(address, b"body\n").unwrap().len();
        let server = std::thread::spawn(move || {
            let serve = |_| {
                let (mut stream, _) = listener.accept().unwrap();
                std::thread::spawn(move || {
                    let (mut count, mut got) = (0, vec![0; length]);
                    while stream.read_exact(&mut got).is_ok() {
                        assert!(got.starts_with(b"POST /post HTTP/1.1\r\n"));
                        assert!(got.ends_with(b"\r\n\r\nbody\n"));
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                        count += 1;
                    }
                    count
                })
            };
            let served: Vec<_> = (0..CONNECTIONS).map(serve).collect();
            served.into_iter().map(|served| served.join().unwrap()).sum::<u64>()
        });
        let for_long = Duration::from_millis(50);
        let posted = post(address, b"body\n", for_long, Duration::from_secs(60)).unwrap();
        assert_eq!(server.join().unwrap(), posted.answers);
        assert!(posted.answers >= CONNECTIONS as u64 && posted.took >= for_long);
    }
}
