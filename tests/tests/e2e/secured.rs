//! Who may ask the service and how: encryption, passwords, and pages of other origins.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tests::program::{Answer, Folder, PATIENCE, Program, http, try_http_with, until};

const SERVER: &str = "input: {http_server: {path: /in}}\noutput: {drop: {}}\n";

/// A service with a stream that takes requests, and its address.
fn start(folder: &Folder, http: &str, args: &[&str]) -> (Program, String) {
    let settings = format!("http: {{address: '127.0.0.1:0', debug_endpoints: true, {http}}}\n");
    let service = folder.write("service.yaml", settings);
    let stream = folder.write("s.yaml", SERVER);
    let program = Program::start(&[&["streams", "-o", &service, &stream], args].concat());
    let address = program.address("HTTP requests");
    (program, address)
}

/// A client that trusts one certificate.
fn trusting(der: rustls::pki_types::CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(der).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn ask(config: &Arc<ClientConfig>, address: &str, verb: &str, target: &str) -> String {
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::clone(config), name).expect("a client");
    let socket = TcpStream::connect(address).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("is set");
    let mut stream = StreamOwned::new(client, socket);
    let head = format!(
        "{verb} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: \
         close\r\n\r\n"
    );
    let mut bytes = Vec::new();
    // A peer that closes without a last word is fine once the answer is there.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_certificate_encrypts_everything() {
    let folder = Folder::new("tls");
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("is made");
    let (made, other) = (make(), make());
    let cert = folder.write("cert.pem", made.cert.pem());
    let key = folder.write("key.pem", made.signing_key.serialize_pem());
    let (_program, address) = start(&folder, &format!("cert_file: {cert}, key_file: {key}"), &[]);
    let trusts = trusting(made.cert.der().clone());
    let ready = until(|| ask(&trusts, &address, "POST", "/s/in").contains(" 200 ").then_some(()));
    assert!(ready.is_some(), "streams are asked over TLS");
    let pong = ask(&trusts, &address, "GET", "/ping");
    assert!(pong.starts_with("HTTP/1.1 200") && pong.ends_with("pong"), "{pong}");
    assert!(ask(&trusts, &address, "GET", "/streams/s").contains("\"active\":true"));
    // Neither who does not encrypt nor who trusts another certificate gets an answer.
    let plain = try_http_with(&address, "GET", "/ping", &[], "");
    assert!(!plain.is_ok_and(|answer| answer.text().contains("pong")));
    assert_eq!(ask(&trusting(other.cert.der().clone()), &address, "GET", "/ping"), "");
    // What does not fit together is refused.
    let other = folder.write("other.pem", other.signing_key.serialize_pem());
    for (http, why) in [
        (format!("cert_file: {cert}"), "both cert_file and key_file"),
        (format!("key_file: {key}"), "both cert_file and key_file"),
        (format!("cert_file: {cert}, key_file: {other}"), "http: "),
        (format!("cert_file: {key}, key_file: {key}"), key.as_str()),
    ] {
        let service =
            folder.write("wrong.yaml", format!("http: {{address: '127.0.0.1:0', {http}}}\n"));
        let mut program = Program::start(&["streams", "-o", &service]);
        assert_eq!(program.wait().and_then(|status| status.code()), Some(1), "{http}");
        assert!(program.log().contains(why), "{http}: {}", program.log());
    }
}

/// What is configured and the digest of the password `secret`.
fn algorithms() -> [(&'static str, String, &'static str); 4] {
    let bcrypt = STANDARD.encode(bcrypt::hash("secret", 4).expect("is made"));
    [
        ("md5", "Xr4ilOzQ4PCOq3aQ0qbuaQ==".to_owned(), ""),
        ("sha256", "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=".to_owned(), ""),
        ("bcrypt", bcrypt, ""),
        ("scrypt", "/iwU1Cll0pIBl1W396+t5YVBINB4BpUaI+5SyOgRauo=".to_owned(), "c2FsdA=="),
    ]
}

fn with(address: &str, verb: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = try_http_with(address, verb, target, headers, "");
    answer.unwrap_or_else(|e| panic!("{verb} {target}: {e}"))
}

#[test]
fn passwords_are_asked_for_on_every_path() {
    let folder = Folder::new("auth");
    for (algorithm, digest, salt) in algorithms() {
        let salt = if salt.is_empty() { String::new() } else { format!(", salt: '{salt}'") };
        let auth = format!(
            "basic_auth: {{enabled: true, realm: 'a \"b\"', username: ann, algorithm: {algorithm}, \
             password_hash: '{digest}'{salt}}}, cors: {{enabled: true, allowed_origins: ['http://a']}}"
        );
        let (mut program, address) = start(&folder, &auth, &["--log.level", "trace"]);
        let right = ("Authorization", "Basic YW5uOnNlY3JldA==");
        let there =
            until(|| (with(&address, "POST", "/s/in", &[right]).status == 200).then_some(()));
        assert!(there.is_some(), "{algorithm}: who may ask a stream may");
        for (verb, target) in [
            ("GET", "/ping"),
            ("GET", "/benthos/streams"),
            ("DELETE", "/streams/s"),
            ("POST", "/s/in"),
            ("GET", "/s/ready"),
            ("GET", "/debug/config/json"),
            ("GET", "/v1/pipelines"),
        ] {
            for wrong in [None, Some("Basic YW5uOndyb25n"), Some("Bearer x"), Some("Basic !")] {
                let headers: Vec<_> =
                    wrong.map(|text| ("Authorization", text)).into_iter().collect();
                let origin = [&headers[..], &[("Origin", "http://a")]].concat();
                let answer = with(&address, verb, target, &origin);
                assert_eq!((answer.status, answer.text().as_str()), (401, "Unauthorized\n"));
                let challenge = "www-authenticate: Basic realm=\"a \\\"b\\\"\", charset=\"UTF-8\"";
                let head = answer.head.replace("WWW-Authenticate", "www-authenticate");
                assert!(head.contains(challenge), "{head}");
                let allowed = head.to_ascii_lowercase();
                assert!(allowed.contains("access-control-allow-origin: http://a"), "{head}");
            }
        }
        assert_eq!(with(&address, "GET", "/nope", &[]).status, 404, "unknown paths are unknown");
        assert_eq!(with(&address, "GET", "/streams/s", &[right]).status, 200, "it is still there");
        hides(&mut program, &address, right, &[&digest]);
    }
}

/// What is secret is neither in what is asked for nor in the log.
fn hides(program: &mut Program, address: &str, right: (&str, &str), secrets: &[&str]) {
    for target in ["/debug/config/json", "/debug/config/yaml", "/streams", "/v1/pipelines"] {
        let text = with(address, "GET", target, &[right]).text();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{target}: {text}");
        assert!(!target.contains("config") || text.contains("!!!SECRET_SCRUBBED!!!"), "{text}");
    }
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()));
    let log = program.log();
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn pages_of_other_origins_may_ask_where_it_says_so() {
    let folder = Folder::new("cors");
    let cors = "cors: {enabled: true, allowed_origins: ['http://a', 'http://b']}";
    let (_program, address) = start(&folder, cors, &[]);
    let allowed = |origin: &str, verb: &str, target: &str, more: &[(&str, &str)]| {
        let answer = with(&address, verb, target, &[&[("Origin", origin)], more].concat());
        let head = answer.head.to_ascii_lowercase();
        (answer.status, head.contains(&format!("access-control-allow-origin: {origin}")))
    };
    assert_eq!(allowed("http://b", "GET", "/streams", &[]), (200, true));
    assert_eq!(allowed("http://c", "GET", "/streams", &[]), (200, false));
    let preflight = [("Access-Control-Request-Method", "DELETE")];
    assert_eq!(allowed("http://a", "OPTIONS", "/streams/s", &preflight), (200, true));
    assert_eq!(allowed("http://a", "OPTIONS", "/s/in", &preflight), (200, true));
    assert!(!allowed("http://c", "OPTIONS", "/streams/s", &preflight).1);
    assert_eq!(http(&address, "GET", "/streams/s", "").status, 200, "nothing was deleted");
}
