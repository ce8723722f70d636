use std::time::Duration;

use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{Fake, TestEnv, batch, both_modes};

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn source(network: &str, address: &str) -> Box<dyn Source> {
    let config = json!({"network": network, "address": address});
    (SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn sink(network: &str, address: &str) -> Box<dyn plan::Sink> {
    let config = json!({"network": network, "address": address});
    (super::super::output::SPEC.build)(&config, &TestEnv::new()).unwrap()
}

async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    for _ in 0..500 {
        if check() {
            return;
        }
        rt::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

/// Starts a source; the task ends when the fake is stopped.
fn start(mut source: Box<dyn Source>, fake: &Rc<Fake>) -> rt::JoinHandle<Result<(), SourceError>> {
    let fake = fake.clone();
    rt::spawn(async move { source.run(fake).await })
}

async fn open(sink: &dyn plan::Sink) {
    for _ in 0..200 {
        if sink.open().await.is_ok() {
            return;
        }
        rt::sleep(Duration::from_millis(5)).await;
    }
    panic!("cannot connect");
}

#[test]
fn several_connections_and_a_stop() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let unix = dir.join("s.sock").to_str().unwrap().to_owned();
        for (network, address) in
            [("tcp", format!("127.0.0.1:{}", free_port())), ("unix", unix.clone())]
        {
            let fake = Fake::new();
            let running = start(source(network, &address), &fake);
            let (a, b) = (sink(network, &address), sink(network, &address));
            open(&*a).await;
            open(&*b).await;
            a.write(&batch(&["a1"])).await.unwrap();
            b.write(&batch(&["b1", "b2"])).await.unwrap();
            eventually("three lines", || fake.texts().len() == 3).await;
            a.write(&batch(&["a2"])).await.unwrap();
            a.close().await.unwrap();
            eventually("the last line", || fake.texts().contains(&"a2".to_owned())).await;
            fake.stop();
            assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
        }
        assert!(!std::path::Path::new(&unix).exists());
    });
}

#[test]
fn an_unterminated_line_counts_when_the_peer_closes() {
    both_modes(|| async {
        let address = format!("127.0.0.1:{}", free_port());
        let fake = Fake::new();
        let running = start(source("tcp", &address), &fake);
        let config = json!({"network": "tcp", "address": address, "codec": "append"});
        let sink = (super::super::output::SPEC.build)(&config, &TestEnv::new()).unwrap();
        open(&*sink).await;
        sink.write(&batch(&["a\nb"])).await.unwrap();
        sink.close().await.unwrap();
        eventually("both", || fake.texts() == ["a", "b"]).await;
        fake.stop();
        running.await.unwrap().unwrap_err();
    });
}

#[test]
fn datagrams() {
    both_modes(|| async {
        let address = format!("127.0.0.1:{}", free_port());
        let fake = Fake::new();
        let running = start(source("udp", &address), &fake);
        let sink = sink("udp", &address);
        sink.open().await.unwrap();
        for _ in 0..200 {
            sink.write(&batch(&["x", "y"])).await.ok();
            rt::sleep(Duration::from_millis(5)).await;
            if !fake.texts().is_empty() {
                break;
            }
            let _ = sink.open().await;
        }
        eventually("both", || fake.texts().ends_with(&["x".into(), "y".into()])).await;
        fake.stop();
        running.await.unwrap().unwrap_err();
    });
}

#[test]
fn a_port_in_use_is_named() {
    both_modes(|| async {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let result = source("tcp", &address).run(Fake::new()).await;
        let wanted = format!("listen tcp {address}: bind: address already in use");
        assert_eq!(result, Err(SourceError::Retry(wanted)));
    });
}

#[test]
fn a_peer_that_is_away_is_named() {
    both_modes(|| async {
        let address = format!("127.0.0.1:{}", free_port());
        let refused = format!("dial tcp {address}: connect: connection refused");
        let fault = sink("tcp", &address).open().await.unwrap_err();
        assert_eq!(fault.text, refused);
        let config = json!({"network": "tcp", "address": address});
        let mut client = (super::super::input::SPEC.build)(&config, &TestEnv::new()).unwrap();
        assert_eq!(client.run(Fake::new()).await, Err(SourceError::Retry(refused)));
        let fault = sink("unix", "/nowhere/s").open().await.unwrap_err();
        assert_eq!(fault.text, "dial unix /nowhere/s: connect: no such file or directory");
    });
}

#[test]
fn a_peer_that_stops_reading_blocks_only_its_own_write() {
    both_modes(|| async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sink = sink("tcp", &address);
        sink.open().await.unwrap();
        let (_peer, _) = listener.accept().unwrap();
        let big = "x".repeat(64 << 20);
        let some = batch(&[&big]);
        let start = rt::now();
        assert!(rt::timeout(Duration::from_millis(100), sink.write(&some)).await.is_err());
        assert!(rt::now().since(start) < Duration::from_secs(2));
        // What is left of the connection is not used again.
        match sink.write(&batch(&["y"])).await {
            Err(plan::SinkError::NotConnected(fault)) => {
                assert_eq!(fault.text, "not connected to target output");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_client_reads_and_connects_again() {
    both_modes(|| async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            for text in ["one\n", "two\n"] {
                use std::io::Write;
                let (mut peer, _) = listener.accept().unwrap();
                peer.write_all(text.as_bytes()).unwrap();
            }
        });
        let config = json!({"network": "tcp", "address": address});
        let mut client = (super::super::input::SPEC.build)(&config, &TestEnv::new()).unwrap();
        let fake = Fake::new();
        for _ in 0..2 {
            let ended = client.run(fake.clone()).await;
            assert!(matches!(ended, Err(SourceError::Retry(_))), "{ended:?}");
        }
        assert_eq!(fake.texts(), ["one", "two"]);
        server.join().unwrap();
    });
}

#[test]
fn bad_configurations() {
    let error = |config| (SPEC.build)(&config, &TestEnv::new()).err().map(|e| e.text).unwrap();
    assert!(error(json!({"network": "carrier", "address": "x"})).contains("carrier"));
    assert!(error(json!({"network": "tcp"})).contains("address"));
}

/// A server with TLS, and what it hears.
fn secured(more: &plan::Json, address: &str) -> Result<Box<dyn Source>, String> {
    let config = json!({"network": "tls", "address": address, "tls": more});
    (SPEC.build)(&config, &TestEnv::new()).map_err(|error| error.text)
}

/// Sends lines with TLS; the client does not look at whom it talks to.
async fn send(address: &str, lines: &str, certs: plan::Json) -> io::Result<()> {
    let tls = json!({"enabled": true, "skip_cert_verify": true, "client_certs": certs});
    let tls: crate::http_client::tls::Tls = plan::serde_json::from_value(tls).unwrap();
    let config = tls.client(&[], &crate::testing::TestServices::default()).unwrap();
    let stream = loop {
        match Stream::connect(address.parse().unwrap()).await {
            Ok(stream) => break stream,
            Err(_) => rt::sleep(Duration::from_millis(5)).await,
        }
    };
    let (mut read, mut write) = link::tls::client(stream, "localhost", Arc::new(config)).await?;
    write.send(lines.as_bytes().to_vec()).await?;
    write.end().await;
    // A server that refuses the certificate says so now.
    read.read(Vec::with_capacity(64)).await.0.map(drop)
}

#[test]
fn clients_with_tls_are_read_and_others_are_left() {
    both_modes(|| async {
        let address = format!("127.0.0.1:{}", free_port());
        let fake = Fake::new();
        let running = start(secured(&json!({"self_signed": true}), &address).unwrap(), &fake);
        send(&address, "a\nb\n", json!([])).await.unwrap();
        eventually("two lines", || fake.texts() == ["a", "b"]).await;
        let plain = sink("tcp", &address);
        open(&*plain).await;
        plain.write(&batch(&["not encrypted"])).await.unwrap();
        eventually("a complaint", || !fake.errors().is_empty()).await;
        assert!(fake.errors()[0].contains("TLS handshake: "), "{:?}", fake.errors());
        send(&address, "c", json!([])).await.unwrap();
        eventually("the third", || fake.texts() == ["a", "b", "c"]).await;
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
    });
}

#[test]
fn clients_show_certificates_where_that_is_wanted() {
    both_modes(|| async {
        let own = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
        let (cert, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        for (auth, without, with) in [
            ("no", true, true),
            ("request", true, true),
            ("require_any", false, true),
            ("verify_if_given", true, false),
            ("require_valid", false, false),
        ] {
            let address = format!("127.0.0.1:{}", free_port());
            let fake = Fake::new();
            let config = json!({"self_signed": true, "client_auth": auth});
            let Ok(source) = secured(&config, &address) else {
                assert!(auth.contains("v"), "{auth}: this system has authorities, or not");
                continue;
            };
            let running = start(source, &fake);
            let certs = json!([{"cert": cert, "key": key}]);
            for (certs, good, line) in [(json!([]), without, "without\n"), (certs, with, "with\n")]
            {
                let sent = send(&address, line, certs).await;
                assert!(sent.is_ok() || !good, "{auth} {line}: {sent:?}");
                let heard = || fake.texts().iter().any(|text| text == line.trim());
                let told = || !fake.errors().is_empty();
                if good {
                    eventually("the line", heard).await;
                } else {
                    eventually("a complaint", told).await;
                    assert!(!heard(), "{auth} {line}");
                }
                fake.errors.borrow_mut().clear();
            }
            fake.stop();
            assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
        }
    });
}

#[test]
fn a_server_with_tls_needs_a_certificate() {
    let wrong = |tls: plan::Json| secured(&tls, "127.0.0.1:0").err().unwrap();
    let none = "must specify either a certificate file or enable self signed";
    assert_eq!(wrong(json!({})), none);
    assert_eq!(wrong(json!({"cert_file": "a.pem"})), none);
    let files = json!({"cert_file": "a.pem", "key_file": "b.pem"});
    assert_eq!(wrong(files), "field 'tls': a.pem: no file a.pem");
}

#[test]
fn datagrams_of_a_path_are_messages() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let path = dir.join("d.sock");
        let fake = Fake::new();
        let running = start(source("unixgram", path.to_str().unwrap()), &fake);
        let sender = std::os::unix::net::UnixDatagram::unbound().unwrap();
        eventually("a socket", || sender.send_to(b"a\nb", &path).is_ok()).await;
        eventually("two lines", || fake.texts() == ["a", "b"]).await;
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
        assert!(!path.exists());
    });
}

#[test]
fn so_many_connections_are_read_and_the_next_waits_until_one_ends() {
    both_modes(|| async {
        let address = format!("127.0.0.1:{}", free_port());
        let config = json!({"network": "tcp", "address": address});
        let mut server = made(&config, &TestEnv::new()).unwrap();
        server.connections_max = 1;
        let fake = Fake::new();
        let running = start(Box::new(server), &fake);
        let (first, second) = (sink("tcp", &address), sink("tcp", &address));
        open(&*first).await;
        first.write(&batch(&["a"])).await.unwrap();
        eventually("the first", || fake.texts() == ["a"]).await;
        open(&*second).await;
        second.write(&batch(&["b"])).await.unwrap();
        rt::sleep(Duration::from_millis(30)).await;
        first.write(&batch(&["c"])).await.unwrap();
        eventually("the third", || fake.texts() == ["a", "c"]).await;
        first.close().await.unwrap();
        eventually("the second", || fake.texts() == ["a", "c", "b"]).await;
        fake.stop();
        assert_eq!(running.await.unwrap(), Err(SourceError::Stopped));
    });
}
