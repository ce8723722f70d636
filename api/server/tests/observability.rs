//! Metrics, debug endpoints and encryption of the service, over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[allow(dead_code, reason = "what other tests use of it")]
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use common::{Answer, Running, Scratch};
use config::service::metrics::Prometheus;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use server::Tls;
use server::dialects::benthos::{MetricsFormat, Renames};

const STREAM: &str = "input: {ticks: {count: 3}}\noutput: {drop: {}}\n";

fn metrics_until(running: &Running, part: &str) -> Answer {
    for _ in 0..500 {
        let answer = running.ask("GET", "/metrics", "");
        if answer.text().contains(part) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no {part} in {}", running.ask("GET", "/metrics", "").text());
}

#[test]
fn prometheus_reads_the_metrics_of_streams_and_process() {
    let running = Running::with_options(|options| {
        options.metrics = MetricsFormat::Prometheus;
        options.prometheus = Prometheus {
            use_histogram_timing: true,
            add_process_metrics: true,
            histogram_buckets: vec![0.5, 2.0],
            ..Prometheus::default()
        };
    });
    assert_eq!(running.ask("POST", "/streams/s", STREAM).status, 200);
    let labels = "{label=\"\",path=\"root.input\",stream=\"s\"}";
    let answer = metrics_until(&running, &format!("input_received{labels} 3\n"));
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for part in [
        "# TYPE input_received counter\n",
        "# TYPE input_latency_ns histogram\n",
        "input_latency_ns_bucket{label=\"\",path=\"root.input\",stream=\"s\",le=\"+Inf\"} ",
        "# TYPE process_cpu_seconds_total counter\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Each line is a comment or a name, perhaps labels, and a number.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && !series.is_empty(), "{line}");
    }
    let stats = running.ask("GET", "/stats", "");
    assert_eq!(stats.header("content-type"), kind);
    running.stop();
}

#[test]
fn series_are_shown_under_the_names_they_are_given() {
    let running = Running::with_options(|options| {
        options.metrics = MetricsFormat::Json;
        options.renames = Some(Renames::new(Arc::new(|name, labels| {
            let hostile = ("note".to_owned(), "a\"b\\c\nd".to_owned());
            let labels = labels.iter().filter(|(key, _)| key != "label").cloned();
            let labels = labels.chain([hostile]).collect();
            name.starts_with("input").then(|| (name.to_uppercase(), labels))
        })));
    });
    assert_eq!(running.ask("POST", "/streams/s", STREAM).status, 200);
    let name = "INPUT_RECEIVED{note=\"a\\\"b\\\\c\\nd\",path=\"root.input\",stream=\"s\"}";
    let answer = metrics_until(&running, "INPUT_RECEIVED");
    let all = answer.json();
    let keys: Vec<&String> = all.as_object().unwrap().keys().collect();
    assert!(all.get(name).is_some(), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("INPUT_") || *key == "uptime_ns"), "{keys:?}");
    running.stop();
}

#[test]
fn debug_endpoints_are_there_when_they_are_wanted() {
    let closed = Running::start();
    for path in ["/debug/config/json", "/debug/config/yaml", "/debug/stack", "/debug/pprof/heap"] {
        assert_eq!(closed.ask("GET", path, "").status, 404, "{path}");
    }
    assert_eq!(closed.ask("GET", "/endpoints", "").json().get("/debug/stack"), None);
    closed.stop();
    let running = Running::with_options(|options| {
        options.http.debug_endpoints = true;
        options.settings = json!({"http": {"enabled": true, "root_path": "5"}});
    });
    let answer = running.ask("GET", "/debug/config/json", "");
    assert_eq!(answer.json(), json!({"http": {"enabled": true, "root_path": "5"}}));
    let answer = running.ask("GET", "/benthos/debug/config/yaml", "");
    assert_eq!(answer.text(), "http:\n  enabled: true\n  root_path: \"5\"\n");
    let answer = running.ask("GET", "/debug/stack", "");
    assert!(answer.status == 200 && answer.text().contains(" rest ["), "{}", answer.text());
    let answer = running.ask("GET", "/debug/pprof/heap", "");
    assert!(answer.status == 501 && answer.text().contains("perf"), "{}", answer.text());
    assert_eq!(running.ask("GET", "/debug/pprof/nope", "").status, 404);
    assert!(running.ask("GET", "/endpoints", "").json()["/debug/stack"].is_string());
    running.stop();
}

#[test]
fn connections_are_encrypted_with_the_certificate() {
    let scratch = Scratch::new();
    let names = ["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let file = |name: &str, text: String| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cert = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let running = Running::with_tls(Tls::load(&cert, &key).unwrap());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(running.address()).unwrap();
    let mut stream = StreamOwned::new(client, socket);
    stream.write_all(b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    // A peer that closes without a last word is fine once the answer is there.
    let _ = stream.read_to_end(&mut bytes);
    let answer = String::from_utf8_lossy(&bytes).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("pong"), "{answer}");
    // Who does not encrypt gets no answer.
    let mut plain = TcpStream::connect(running.address()).unwrap();
    plain.write_all(b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!String::from_utf8_lossy(&bytes).contains("pong"));
    running.stop();
}

/// A stream with a processor that starts only with the right key.
fn keyed(text: &str, key: &str) -> String {
    let tag = json!({"tag": {"text": text, "key": key}});
    json!({"input": {"ticks": {}}, "pipeline": {"processors": [tag]}, "output": {"drop": {}}})
        .to_string()
}

#[test]
fn secrets_are_not_shown_and_what_is_shown_can_come_back() {
    const MARK: &str = "!!!SECRET_SCRUBBED!!!";
    let state = Scratch::new();
    let running = Running::with_state(state.path());
    let done = |verb: &str, path: &str, body: &str| {
        let answer = running.ask(verb, path, body);
        assert_eq!((answer.status, answer.text()), (200, ""), "{verb} {path} {body}");
    };
    let refused = |verb: &str, path: &str, body: &str, status: u16| {
        let answer = running.ask(verb, path, body);
        assert_eq!(answer.status, status, "{verb} {path} {body}: {}", answer.text());
        assert!(!answer.text().contains("hush"), "{verb} {path}: {}", answer.text());
    };
    let shows = |running: &Running, text: &str| {
        for path in ["/streams", "/v1/pipelines", "/v1/pipelines/streams/s", "/stats", "/metrics"] {
            assert!(!running.ask("GET", path, "").text().contains("hush"), "{path}");
        }
        let plan = running.ask("GET", "/v1/pipelines/streams/s/plan", "");
        assert!(plan.text().contains(MARK) && !plan.text().contains("hush"), "{}", plan.text());
        let shown = running.ask("GET", "/streams/s", "").json();
        let want: serde_json::Value = serde_json::from_str(&keyed(text, MARK)).unwrap();
        assert_eq!((&shown["config"], &shown["active"]), (&want, &json!(true)));
        shown["config"].to_string()
    };
    done("POST", "/streams/s", &keyed("one", "hush"));
    let shown = shows(&running, "one");
    done("PUT", "/streams/s", &shown);
    done("PUT", "/streams/s", &keyed("two", MARK));
    shows(&running, "two");
    done("PATCH", "/streams/s", &keyed("three", MARK));
    done("PATCH", "/streams/s", "output: {drop: {}}");
    let shown = shows(&running, "three");
    done("POST", "/streams", &format!("{{\"s\": {shown}}}"));
    shows(&running, "three");
    // A mark that stands for nothing is refused, and a wrong key is not said.
    refused("POST", "/streams/new", &keyed("one", MARK), 400);
    refused("POST", "/streams", &format!("{{\"s\": {shown}, \"new\": {shown}}}"), 400);
    refused("PUT", "/streams/s", &keyed("one", "hush, hush"), 502);
    refused("PUT", "/streams/s", &keyed("one", "hush").replace("\"hush\"", "[\"hush\"]"), 400);
    refused("POST", "/streams/new", &keyed("one", "hush, hush"), 502);
    shows(&running, "three");
    running.stop();
    let running = Running::with_state(state.path());
    shows(&running, "three");
    running.stop();
}
