//! A server that speaks HTTP/2, as far as it takes to see that its clients do and what they bear.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};

use super::client::{HEAD_BYTES_MAX, library, library_within};
use super::config::Common;
use super::tls::Tls;
use super::transport::{Answer, Outgoing, exchange};
use crate::testing::{TestServices, both_modes};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
/// The flag of settings that were read, and of a stream that has ended.
const DONE: u8 = 1;
const END_HEADERS: u8 = 4;
/// Bytes that one frame may have.
const FRAME_BYTES_MAX: usize = 16 << 10;
/// Bytes that each header counts for: name, value, and 32 more.
const HEADER_BYTES: usize = 7 + 100 + 32;

type Socket = StreamOwned<ServerConnection, TcpStream>;

fn write(socket: &mut Socket, kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Option<()> {
    let [_, a, b, c] = u32::try_from(payload.len()).ok()?.to_be_bytes();
    let head = [&[a, b, c, kind, flags], &stream[..]].concat();
    socket.write_all(&[&head, payload].concat()).ok()
}

/// A status of 200 and so many headers, none of them packed.
fn block(headers: usize) -> Vec<u8> {
    let mut block = vec![0x88];
    for number in 0..headers {
        let name = format!("x-{number:05}");
        block.extend([0, 7]);
        block.extend(name.as_bytes());
        block.push(100);
        block.extend([b'v'; 100]);
    }
    block
}

/// Answers requests of one connection with so many headers.
fn serve(mut socket: Socket, headers: usize) -> Option<()> {
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).ok()?;
    assert_eq!(preface, PREFACE);
    write(&mut socket, SETTINGS, 0, [0; 4], &[])?;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        socket.read_exact(&mut payload).ok()?;
        if kind == SETTINGS && flags & DONE == 0 {
            write(&mut socket, SETTINGS, DONE, [0; 4], &[])?;
        }
        if kind != HEADERS {
            continue;
        }
        let block = block(headers);
        let last = block.len().div_ceil(FRAME_BYTES_MAX) - 1;
        for (at, part) in block.chunks(FRAME_BYTES_MAX).enumerate() {
            let (kind, done) = if at == 0 { (HEADERS, DONE) } else { (CONTINUATION, 0) };
            let flags = if at == last { done | END_HEADERS } else { done };
            write(&mut socket, kind, flags, stream, part)?;
        }
    }
}

/// Starts a server that answers with so many headers; it ends with the process.
fn start(headers: usize) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let mut config = wire::tls::server(made.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            std::thread::spawn(move || serve(StreamOwned::new(connection, stream), headers));
        }
    });
    url
}

fn trusting() -> Common {
    let tls = Tls { enabled: true, skip_cert_verify: true, ..Tls::default() };
    Common { tls, ..Common::default() }
}

async fn get(client: reqwest::Client, url: &str) -> Result<Answer, String> {
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    let outgoing = Outgoing { client, request, timeout: Duration::from_secs(20) };
    exchange(outgoing).await.map_err(|failure| failure.text)
}

#[test]
fn heads_by_http2_have_a_limit() {
    let max = HEAD_BYTES_MAX as usize / HEADER_BYTES;
    let (fits, more) = (start(max - 10), start(max + 10));
    both_modes(move || {
        let (fits, more) = (fits.clone(), more.clone());
        async move {
            let client = || library(&trusting(), &TestServices::default()).unwrap();
            let answer = get(client(), &fits).await.unwrap();
            assert_eq!((answer.status, answer.headers.len()), (200, max - 10));
            get(client(), &more).await.expect_err("the head is too long");
        }
    });
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    both_modes(move || {
        let url = url.clone();
        async move {
            let short = Duration::from_millis(50);
            let client = library_within(&trusting(), short, &TestServices::default()).unwrap();
            let began = rt::now();
            get(client, &url).await.expect_err("nobody agrees on TLS");
            assert!(rt::now().since(began) < Duration::from_secs(10));
        }
    });
}
