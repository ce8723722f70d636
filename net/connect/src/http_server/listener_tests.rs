use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use plan::{Batch, Sink, Source};
use rustls::pki_types::ServerName;
use rustls::version::TLS12;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use super::listener::{BODY_BYTES_MAX, Limits, Listener, Route, listen};
use super::*;
use crate::link::Tcp;
use crate::testing::{Fake, TestEnv, batch, both_modes};

/// A certificate of its own, in an environment with its files, and a client that trusts it.
struct Made {
    env: TestEnv,
    trusts: ClientConfig,
}

fn made() -> Made {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let env = TestEnv::new();
    let file = |name: &str, text: String| {
        env.services.files.borrow_mut().insert(name.to_owned(), text.into_bytes());
    };
    file("cert.pem", made.cert.pem());
    file("key.pem", made.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    file("other.pem", other.signing_key.serialize_pem());
    file("empty.pem", String::new());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The older version, to which the other tests do not come.
    let trusts = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Made { env, trusts }
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn connected(address: SocketAddr) -> TcpStream {
    let mut attempts = (0..400).map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        TcpStream::connect(address)
    });
    let stream = attempts.find_map(Result::ok).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// What a server answers to some bytes.
fn plainly(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connected(address);
    let mut answer = Vec::new();
    let _ = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The same over TLS.
fn secretly(trusts: &ClientConfig, address: SocketAddr, bytes: &[u8]) -> String {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(trusts.clone()), name).unwrap();
    let mut stream = StreamOwned::new(client, connected(address));
    let mut answer = Vec::new();
    stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer)).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(verb: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("{verb} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
    format!("{head}connection: close\r\n\r\n{body}").into_bytes()
}

#[test]
fn a_request_over_tls_is_answered_and_one_without_refused() {
    both_modes(|| async {
        let Made { env, trusts } = made();
        let address = free();
        let config = json!({
            "address": address.to_string(), "cert_file": "cert.pem", "key_file": "key.pem",
        });
        let mut source: Box<dyn Source> = (input::SPEC.build)(&config, &env).unwrap();
        let fake = Fake::new();
        let context: Rc<Fake> = Rc::clone(&fake);
        let running = rt::spawn(async move { source.run(context).await });
        // More than one record, and more than one read.
        let long = "x".repeat(300_000);
        let sent = long.clone();
        let asked = rt::blocking(move || {
            let hint = "HTTP/1.0 400 Bad Request\r\n\r\n\
                        Client sent an HTTP request to an HTTPS server.\n";
            assert_eq!(plainly(address, &request("POST", "/post", "a")), hint);
            // What is no HTTP either gets an alert, or nothing.
            assert!(!plainly(address, &[0; 64]).contains("HTTP"));
            secretly(&trusts, address, &request("POST", "/post", &sent))
        });
        assert!(asked.await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(fake.texts(), [long]);
        assert_eq!(fake.meta("http_server_tls_version"), ["TLSv1.2"]);
        let suite = fake.meta("http_server_tls_cipher_suite");
        assert!(suite[0].starts_with("TLS_ECDHE_ECDSA_WITH_"), "{suite:?}");
        fake.stop();
        let _ = running.await;
    });
}

#[test]
fn an_endless_answer_goes_over_tls() {
    both_modes(|| async {
        let Made { env, trusts } = made();
        let address = free();
        let config = json!({
            "address": address.to_string(), "cert_file": "cert.pem", "key_file": "key.pem",
        });
        let sink: Box<dyn Sink> = (output::SPEC.build)(&config, &env).unwrap();
        sink.open().await.unwrap();
        let long = "y".repeat(300_000);
        let asked = rt::spawn(rt::blocking(move || {
            secretly(&trusts, address, &request("GET", "/get/stream", ""))
        }));
        let some: [Batch; 2] = [batch(&["1"]), batch(&[&long])];
        for one in &some {
            assert!(sink.write(one).await.is_ok());
        }
        sink.close().await.unwrap();
        let answer = asked.await.unwrap().unwrap();
        assert!(answer.contains("\r\n2\r\n1\n\r\n493e1\r\n"), "{}", &answer[..300]);
        assert!(answer.ends_with("y\n\r\n0\r\n\r\n"));
    });
}

#[test]
fn a_websocket_goes_over_tls() {
    both_modes(|| async {
        let env = made().env;
        let address = free();
        let config = json!({
            "address": address.to_string(), "cert_file": "cert.pem", "key_file": "key.pem",
        });
        let mut source: Box<dyn Source> = (input::SPEC.build)(&config, &env).unwrap();
        let fake = Fake::new();
        let context: Rc<Fake> = Rc::clone(&fake);
        let running = rt::spawn(async move { source.run(context).await });
        let config = json!({
            "url": format!("wss://localhost:{}/post/ws", address.port()),
            "tls": {"enabled": true, "root_cas_file": "cert.pem"},
        });
        let sink: Box<dyn Sink> = (crate::websocket::output::SPEC.build)(&config, &env).unwrap();
        while sink.open().await.is_err() {
            rt::sleep(Duration::from_millis(5)).await;
        }
        let long = "z".repeat(300_000);
        assert!(sink.write(&batch(&["1", &long])).await.is_ok());
        sink.close().await.unwrap();
        while fake.texts().len() < 2 {
            rt::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(fake.texts(), ["1".to_owned(), long]);
        fake.stop();
        let _ = running.await;
    });
}

#[test]
fn files_that_are_none_are_named() {
    let env = made().env;
    let error = |cert: &str, key: &str| {
        let config = json!({"address": "x:1", "cert_file": cert, "key_file": key});
        let text = (input::SPEC.build)(&config, &env).err().unwrap().text;
        assert_eq!((output::SPEC.build)(&config, &env).err().unwrap().text, text);
        text
    };
    let both = "both cert_file and key_file must be specified, or neither";
    assert_eq!(error("cert.pem", ""), format!("field 'key_file': {both}"));
    assert_eq!(error("", "key.pem"), format!("field 'cert_file': {both}"));
    assert!(error("a.pem", "key.pem").starts_with("field 'cert_file': open a.pem: "));
    assert!(error("cert.pem", "b.pem").starts_with("field 'key_file': open b.pem: "));
    let none = error("empty.pem", "key.pem");
    assert_eq!(none, "field 'cert_file': empty.pem: no certificate in PEM");
    assert!(
        error("cert.pem", "cert.pem").starts_with("field 'key_file': cert.pem: no private key")
    );
    let foreign = error("cert.pem", "other.pem");
    assert!(foreign.starts_with("field 'key_file': cert.pem, other.pem: "), "{foreign}");
    // The server of the process has a certificate of its own or none.
    let config = json!({"cert_file": "a.pem"});
    assert!((input::SPEC.build)(&config, &env).is_ok());
    assert!(env.services.logs.borrow()[0].contains("only count with an address of its own"));
}

async fn own(tls: Option<Arc<ServerConfig>>, routes: Vec<Route>, limits: Limits) -> Listener {
    listen("127.0.0.1:0", Tcp::default(), tls, routes, limits).await.unwrap()
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    both_modes(|| async {
        let made = made();
        let config = tls("cert.pem", "key.pem", &*made.env.services).unwrap();
        let (short, long) = (Duration::from_millis(30), Duration::from_secs(3600));
        let silent = Limits { idle: short, handshake: long, ..Limits::default() };
        let halfway = Limits { idle: long, handshake: short, ..Limits::default() };
        for (tls, limits) in [(None, silent), (Some(config), halfway)] {
            let listener = own(tls, Vec::new(), limits).await;
            let address = listener.address();
            // The connection ends though its client does not.
            let ended = rt::blocking(move || connected(address).read(&mut [0; 9])).await.unwrap();
            assert_eq!(ended.unwrap(), 0);
        }
    });
}

#[test]
fn connections_of_a_listener_are_bounded() {
    both_modes(|| async {
        let limits = Limits { connections: 2, ..Limits::default() };
        // Connections stay as long as somebody takes requests.
        let (sender, _requests) = flume::bounded(1);
        let listener = own(None, vec![("/x".to_owned(), sender.downgrade())], limits).await;
        let address = listener.address();
        let asked = rt::blocking(move || {
            let mut two = vec![connected(address), connected(address)];
            // Both are taken when they are answered.
            for stream in &mut two {
                stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
                assert!(stream.read(&mut [0; 999]).unwrap() > 0);
            }
            let mut third = connected(address);
            third.write_all(&request("GET", "/", "")).unwrap();
            third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            assert!(third.read(&mut [0; 999]).is_err(), "it waits");
            two.pop();
            third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            assert!(third.read(&mut [0; 999]).unwrap() > 0);
        });
        asked.await.unwrap();
    });
}

#[test]
fn bodies_have_a_limit() {
    both_modes(|| async {
        let listener = own(None, Vec::new(), Limits::default()).await;
        let address = listener.address();
        let asked = rt::blocking(move || {
            let fits = "x".repeat(BODY_BYTES_MAX as usize);
            let fits = plainly(address, &request("POST", "/", &fits));
            assert!(fits.starts_with("HTTP/1.1 404 "), "{fits}");
            let more = BODY_BYTES_MAX + 1;
            let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {more}\r\n\r\n");
            let more = plainly(address, head.as_bytes());
            assert!(more.starts_with("HTTP/1.1 413 "), "{more}");
        });
        asked.await.unwrap();
    });
}

#[test]
fn requests_that_wait_for_a_server_of_its_own_are_bounded() {
    let port = Port::kept("/");
    let sender = port.sender.unwrap();
    for _ in 0..QUEUE_MAX {
        sender.try_send(super::testing::request("/").0).unwrap();
    }
    assert!(sender.try_send(super::testing::request("/").0).is_err());
}

#[test]
fn a_listener_that_closes_does_not_wait_for_ever_for_an_answer() {
    both_modes(|| async {
        let limits = Limits { close: Duration::from_millis(30), ..Limits::default() };
        let (sender, requests) = flume::bounded(1);
        let listener = own(None, vec![("/".to_owned(), sender.downgrade())], limits).await;
        let address = listener.address();
        let client = rt::blocking(move || {
            let mut stream = connected(address);
            stream.write_all(&request("GET", "/", "")).unwrap();
            stream
        });
        let _stream = client.await.unwrap();
        // Nobody answers this one.
        let _held = requests.recv_async().await.unwrap();
        let closed = rt::timeout(Duration::from_secs(20), listener.close()).await;
        assert!(closed.is_ok());
    });
}
