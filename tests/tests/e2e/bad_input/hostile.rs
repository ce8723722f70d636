//! Requests that mean harm: none of them stops the process or a running stream.

use std::fmt::Write as _;
use std::io::Write;
use std::net::TcpStream;

use serde_json::json;
use tests::program::{Answer, http};

use super::{Served, post, query_body, send, serve, spec_body};

const BODY_BYTES_MAX: usize = 64 << 20;

fn refused(answer: &Answer, status: u16, what: &str) {
    let text: String = answer.text().chars().take(500).collect();
    assert_eq!(answer.status, status, "{what}: {text}");
}

fn unharmed(served: &Served, before: &[(String, String)]) {
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn a_body_above_the_limit_is_refused_before_it_is_read() {
    let served = serve();
    let before = served.names();
    let length = BODY_BYTES_MAX + 1;
    for (address, target) in [
        (&served.benthos, "/streams/bad"),
        (&served.kdb, "/pipeline/create"),
        (&served.nes, "/v1/nes/query/execute-query"),
    ] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let answer = send(address, head.as_bytes(), true);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{target}: {answer}");
    }
    unharmed(&served, &before);
}

#[test]
fn a_body_that_grows_above_the_limit_is_refused() {
    let served = serve();
    let before = served.names();
    // Its length is not told in advance; a comment would be a fine body otherwise.
    let mut request = b"POST /streams/bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                        Connection: close\r\n\r\n"
        .to_vec();
    let chunk = vec![b'#'; 1 << 20];
    for _ in 0..BODY_BYTES_MAX / chunk.len() {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(&chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"1\r\n#");
    let answer = send(&served.benthos, &request, false);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    unharmed(&served, &before);
}

#[test]
fn what_is_no_http_is_refused() {
    let served = serve();
    let before = served.names();
    let noise: Vec<u8> =
        (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let endless = [&b"GET /ping HTTP/1.1\r\nX-Long: "[..], &vec![b'a'; 4 << 20]].concat();
    let mut many = b"GET /ping HTTP/1.1\r\n".to_vec();
    (0..100_000).for_each(|n| many.extend_from_slice(format!("X-{n}: a\r\n").as_bytes()));
    let target = [&b"GET /"[..], &vec![b'a'; 4 << 20], b" HTTP/1.1\r\n\r\n"].concat();
    let head = "POST /streams/bad HTTP/1.1\r\nHost: a\r\n";
    // What is in front of it would be a fine body.
    let chunks = "13\r\ninput:\n  stdin: {}\n\r\nzz\r\n";
    let broken = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    for (what, bytes) in [
        ("noise", noise),
        ("a null", b"\0\r\n\r\n".to_vec()),
        ("an endless header", endless),
        ("endless headers", many),
        ("an endless path", target),
        ("a negative length", format!("{head}Content-Length: -1\r\n\r\n").into_bytes()),
        (
            "an impossible length",
            format!("{head}Content-Length: {}\r\n\r\n", "9".repeat(40)).into(),
        ),
        ("a broken chunk", broken.into_bytes()),
    ] {
        for address in [&served.benthos, &served.kdb, &served.nes] {
            let answer = String::from_utf8_lossy(&send(address, &bytes, true)).into_owned();
            let fine = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
            assert!(fine, "{what}: {answer}");
        }
    }
    unharmed(&served, &before);
}

#[test]
fn a_body_shorter_than_its_length_creates_nothing() {
    let served = serve();
    let before = served.names();
    let request = b"POST /streams/bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n\
                    input:\n  stdin: {}\n";
    let answer = String::from_utf8_lossy(&send(&served.benthos, request, true)).into_owned();
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    // Those who do not go away do not hold up the others either.
    let open = (0..100).map(|_| {
        let mut stream = TcpStream::connect(&served.benthos).expect("connects");
        stream.write_all(request).expect("sends");
        stream
    });
    let open: Vec<TcpStream> = open.collect();
    assert_eq!(http(&served.benthos, "GET", "/ping", "").text(), "pong");
    unharmed(&served, &before);
    drop(open);
}

#[test]
fn nesting_without_end_is_refused() {
    let served = serve();
    let before = served.names();
    let stairs = (0..1000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{}a:", " ".repeat(n));
        text
    });
    for body in ["[", "{\"a\":", "- ", "? ", "!", "&a ", "\"", "| "] {
        let body = body.repeat(100_000);
        refused(&http(&served.benthos, "POST", "/streams/bad", &body), 400, &body[..4]);
        refused(&http(&served.kdb, "POST", "/pipeline/create", &body), 400, &body[..4]);
        let target = "/v1/nes/query/execute-query";
        refused(&http(&served.nes, "POST", target, &body), 400, &body[..4]);
    }
    refused(&http(&served.benthos, "POST", "/streams/bad", &stairs), 400, "stairs");
    for code in ["(", "[", "{", "!", "if ", "a.map_each(", "match {", "a.(", "(1+", "a.b."] {
        let mapping = format!("root = {}", code.repeat(50_000));
        let config = json!({"input": {"generate": {"mapping": mapping}}}).to_string();
        refused(&http(&served.benthos, "POST", "/streams/bad", &config), 400, code);
    }
    // These end, so that it is only their depth that can be refused.
    for (open, close) in [("(", ")"), ("[", "]")] {
        let mapping = format!("root = {}1{}", open.repeat(50_000), close.repeat(50_000));
        let config = json!({"input": {"generate": {"mapping": mapping}}}).to_string();
        let answer = http(&served.benthos, "POST", "/streams/bad", &config);
        refused(&answer, 400, open);
        assert!(answer.text().contains("nested deeper"), "{open}: {}", answer.text());
    }
    for code in ["(", "{", "[", "1+", "f[", "$[1;", "select from ", "f "] {
        let spec = spec_body(&code.repeat(50_000));
        refused(&http(&served.kdb, "POST", "/pipeline/create", &spec), 400, code);
    }
    for code in ["(", "!", "Attribute(\"v\")+", "Query::from(\"default_logical\").unionWith("] {
        let query = format!("Query::from(\"default_logical\").filter({}", code.repeat(20_000));
        let target = "/v1/nes/query/execute-query";
        refused(&http(&served.nes, "POST", target, &query_body(&query)), 400, code);
    }
    unharmed(&served, &before);
}

#[test]
fn aliases_that_multiply_are_refused() {
    let served = serve();
    let before = served.names();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let inner = vec![format!("*a{}", n - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{n}: &a{n} [{inner}]");
    }
    let answer = http(&served.benthos, "POST", "/streams/bad", &bomb);
    refused(&answer, 400, "a bomb of lists");
    assert!(answer.text().contains("aliases expanded"), "{}", answer.text());
    let mut merges = "a0: &a0 {k: 1}\n".to_owned();
    for n in 1..30 {
        let inner = vec![format!("*a{}", n - 1); 10].join(", ");
        let _ = writeln!(merges, "a{n}: &a{n} {{<<: [{inner}], k{n}: 1}}");
    }
    refused(&http(&served.benthos, "POST", "/streams/bad", &merges), 400, "a bomb of merges");
    let circle = "input: {generate: {mapping: root = 1}}\npipeline: {processors: &a [*a]}\n\
                  output: {drop: {}}\n";
    let answer = http(&served.benthos, "POST", "/streams/bad", circle);
    refused(&answer, 400, "a circle");
    assert!(answer.text().contains("contains itself"), "{}", answer.text());
    unharmed(&served, &before);
}

#[test]
fn a_document_of_very_many_keys_is_answered() {
    let served = serve();
    let before = served.names();
    let mut keys = String::new();
    (0..200_000).for_each(|n| _ = writeln!(keys, "  k{n}: 1"));
    let merged = format!("a: &a\n{keys}b:\n  <<: *a\n");
    for (what, body) in [("merged", merged), ("wide", keys.clone()), ("set", keys)] {
        let target = if what == "set" { "/streams" } else { "/streams/bad" };
        refused(&http(&served.benthos, "POST", target, &body), 400, what);
    }
    let missing = (0..200_000).fold(String::new(), |mut text, n| {
        let _ = write!(text, "${{MISSING{n}}}");
        text
    });
    refused(&http(&served.benthos, "POST", "/streams/bad", &missing), 400, "variables");
    unharmed(&served, &before);
}

#[test]
fn a_spec_that_never_ends_loading_is_stopped() {
    let served = serve();
    let id = served.spec("while[1b; a:1]");
    let status = http(&served.kdb, "GET", &format!("/pipeline/status/{id}"), "").json();
    assert_eq!(status["state"], "Errored", "{status}");
    assert_ne!(status["error"], "", "{status}");
    served.others_go_on();
}

#[test]
fn bytes_that_are_no_text_are_refused_everywhere() {
    let served = serve();
    let before = served.names();
    let noise: Vec<u8> =
        (0..50_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (address, target) in [
        (&served.benthos, "/streams/bad"),
        (&served.benthos, "/streams"),
        (&served.benthos, "/resources/cache/bad"),
        (&served.kdb, "/pipeline/create"),
        (&served.nes, "/v1/nes/query/execute-query"),
        (&served.nes, "/v1/nes/sourceCatalog/addLogicalSource"),
        (&served.nes, "/v1/nes/sourceCatalog/addLogicalSource-ex"),
        (&served.nes, "/v1/nes/topology/addParent"),
    ] {
        refused(&post(address, target, &noise), 400, target);
    }
    unharmed(&served, &before);
}
