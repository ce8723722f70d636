use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use plan::{Json, Sink, Source, SourceError};
use rt::net::{ListenOptions, TcpListener};
use serde_json::json;

use super::peer::Peer;
use super::{Network, input, output, server};
use crate::http_client::tls::Tls;
use crate::link::{self, Link};
use crate::testing::{Fake, TestEnv, TestServices, batch, both_modes};

fn source(config: &Json) -> Result<Box<dyn Source>, String> {
    (input::SPEC.build)(config, &TestEnv::new()).map_err(|error| error.text)
}

fn sink(config: &Json) -> Result<Box<dyn Sink>, String> {
    (output::SPEC.build)(config, &TestEnv::new()).map_err(|error| error.text)
}

fn listener() -> (TcpListener, String) {
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = TcpListener::bind(any, ListenOptions::default()).unwrap();
    let address = listener.local_addr().to_string();
    (listener, address)
}

/// A certificate for these names and its key, PEM.
fn certificate(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// The next client, once both agree on TLS.
async fn welcome(listener: &TcpListener, (cert, key): &(String, String)) -> std::io::Result<Link> {
    let config = wire::tls::server(cert.as_bytes(), key.as_bytes()).unwrap();
    let stream = listener.accept().await.unwrap();
    link::tls::server(stream, Arc::new(config)).await.map(|(link, _)| link)
}

/// All that a client says until it ends.
async fn heard(link: &mut Link) -> String {
    let mut all = Vec::new();
    loop {
        let (count, bytes) = link.0.read(all).await;
        all = bytes;
        if count.unwrap_or_default() == 0 {
            return String::from_utf8(all).unwrap();
        }
    }
}

#[test]
fn a_client_with_tls_reads_and_writes_and_knows_its_server() {
    both_modes(|| async {
        let (listener, address) = listener();
        let own = certificate(&["127.0.0.1"]);
        let tls = json!({"enabled": true, "root_cas": own.0});
        let config = json!({"network": "tcp", "address": address, "tls": tls, "codec": "lines"});

        let sink = sink(&config).unwrap();
        let server = async {
            let mut link = welcome(&listener, &own).await.unwrap();
            heard(&mut link).await
        };
        let client = async {
            sink.open().await.unwrap();
            sink.write(&batch(&["a", "b"])).await.unwrap();
            sink.close().await.unwrap();
        };
        let (text, ()) = futures_util::join!(server, client);
        assert_eq!(text, "a\nb\n");

        let (mut source, fake) = (source(&config).unwrap(), Fake::new());
        let server = async {
            let mut link = welcome(&listener, &own).await.unwrap();
            link.1.send(b"c\nd\n".to_vec()).await.unwrap();
            link.1.end().await;
        };
        let (ended, ()) = futures_util::join!(source.run(fake.clone()), server);
        assert!(matches!(ended, Err(SourceError::Retry(_))), "{ended:?}");
        assert_eq!(fake.texts(), ["c", "d"]);
    });
}

#[test]
fn a_server_with_another_name_or_none_to_vouch_for_it_is_left() {
    both_modes(|| async {
        let (listener, address) = listener();
        let (own, other) = (certificate(&["127.0.0.1"]), certificate(&["elsewhere"]));
        for (shown, tls, good) in [
            (&other, json!({"enabled": true, "root_cas": other.0}), false),
            (&own, json!({"enabled": true}), false),
            (&other, json!({"enabled": true, "skip_cert_verify": true}), true),
        ] {
            let config = json!({"network": "tcp", "address": address, "tls": tls});
            let sink = sink(&config).unwrap();
            let (opened, _) = futures_util::join!(sink.open(), welcome(&listener, shown));
            match opened {
                Ok(()) => assert!(good, "{tls}"),
                Err(fault) => assert!(!good && fault.text.starts_with("tls: "), "{}", fault.text),
            }
        }
    });
}

#[test]
fn a_server_that_does_not_agree_on_tls_is_not_waited_for() {
    both_modes(|| async {
        let (_listener, address) = listener();
        let tls: Tls = serde_json::from_value(json!({"enabled": true})).unwrap();
        let mut peer = Peer::new(Network::Tcp, address, &tls, &TestServices::default()).unwrap();
        peer.patience = Duration::from_millis(20);
        assert_eq!(peer.connect().await.err().unwrap(), "tls: handshake: i/o timeout");
    });
}

#[test]
fn datagrams_with_tls_are_refused() {
    let config = json!({"network": "udp", "address": "127.0.0.1:1", "tls": {"enabled": true}});
    assert_eq!(sink(&config).err().unwrap(), "field 'tls': datagrams cannot be encrypted");
}

/// A client that greets with what a mapping gives.
fn greeting(address: &str, mapping: &str) -> Box<dyn Source> {
    let code = json!({"lang": "bloblang", "text": mapping});
    source(&json!({"network": "tcp", "address": address, "open_message_mapping": code})).unwrap()
}

#[test]
fn a_server_is_greeted_before_anything_is_read() {
    both_modes(|| async {
        let (listener, address) = listener();
        let (mut source, fake) = (greeting(&address, r#"root = "user," + "pass""#), Fake::new());
        let server = async {
            let mut stream = listener.accept().await.unwrap();
            let (count, bytes) = stream.read(Vec::with_capacity(64)).await;
            assert_eq!((count.unwrap(), &*bytes), (9, &b"user,pass"[..]));
            stream.write_all(b"a\n".to_vec()).await.0.unwrap();
        };
        let (_, ()) = futures_util::join!(source.run(fake.clone()), server);
        assert_eq!(fake.texts(), ["a"]);
    });
}

#[test]
fn a_greeting_that_is_none_is_told_and_nothing_is_read() {
    both_modes(|| async {
        let (listener, address) = listener();
        for (mapping, text) in [
            (r#"root = """#, "open message mapping returned empty string"),
            ("root = [1]", "open message mapping returned non-string result: []interface {}"),
            ("root = 5", "open message mapping returned non-string result: int64"),
            ("root = null", "open message mapping returned non-string result: <nil>"),
            ("root = deleted()", "open message mapping returned non-string result: <nil>"),
            (
                r#"root = throw("no")"#,
                "open message mapping failed: failed assignment (line 1): no",
            ),
        ] {
            let (mut source, fake) = (greeting(&address, mapping), Fake::new());
            let server = async { listener.accept().await.map(drop).unwrap() };
            let (ended, ()) = futures_util::join!(source.run(fake.clone()), server);
            assert_eq!(ended, Err(SourceError::Retry(text.to_owned())), "{mapping}");
        }
    });
}

#[test]
fn each_message_that_is_all_there_is_has_a_connection_of_its_own() {
    both_modes(|| async {
        let (listener, address) = listener();
        let config = json!({"network": "tcp", "address": address, "codec": "all-bytes"});
        let sink = sink(&config).unwrap();
        let server = async {
            let mut texts = Vec::new();
            while texts.len() < 3 {
                let mut link = link::plain(listener.accept().await.unwrap());
                texts.push(heard(&mut link).await);
            }
            texts
        };
        let client = async {
            sink.open().await.unwrap();
            sink.write(&batch(&["a\n", "b"])).await.unwrap();
            sink.write(&batch(&["c"])).await.unwrap();
        };
        let (texts, ()) = futures_util::join!(server, client);
        assert_eq!(texts, ["a\n", "b", "c"]);
        drop(listener);
        rt::yield_now().await;
        let gone = sink.write(&batch(&["d"])).await;
        assert!(matches!(gone, Err(plan::SinkError::NotConnected(_))), "{gone:?}");
    });
}

#[test]
fn codecs_of_old_configurations_cut_what_is_read() {
    both_modes(|| async {
        let (listener, address) = listener();
        let config = json!({"network": "tcp", "address": address, "codec": "delim:;",
            "max_buffer": 3});
        let (mut source, fake) = (source(&config).unwrap(), Fake::new());
        let server = async {
            let mut stream = listener.accept().await.unwrap();
            stream.write_all(b"a;b\n;toolong;".to_vec()).await.0.unwrap();
        };
        let (ended, ()) = futures_util::join!(source.run(fake.clone()), server);
        let Err(SourceError::Retry(why)) = ended else { panic!("{ended:?}") };
        assert!(why.ends_with("token too long"), "{why}");
        assert_eq!(fake.texts(), ["a", "b\n"]);
    });
    let wrong = json!({"network": "tcp", "address": "127.0.0.1:0", "codec": "nonsense"});
    for build in [input::SPEC.build, server::SPEC.build] {
        let error = build(&wrong, &TestEnv::new()).err().unwrap();
        assert_eq!(error.text, "codec was not recognised: nonsense");
    }
}

#[test]
fn listeners_share_a_port_where_all_of_them_want_to() {
    both_modes(|| async {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let run = |shares: bool| {
            let config = json!({"network": "tcp", "address": free.to_string(),
                "tcp": {"reuse_addr": true, "reuse_port": shares}});
            let mut source = (server::SPEC.build)(&config, &TestEnv::new()).unwrap();
            let fake = Fake::new();
            let context: Rc<Fake> = fake.clone();
            (fake, rt::spawn(async move { source.run(context).await }))
        };
        let reached = async || {
            while std::net::TcpStream::connect(free).is_err() {
                rt::sleep(Duration::from_millis(2)).await;
            }
        };
        let (first, one) = run(true);
        reached().await;
        let (second, two) = run(true);
        let (_, refused) = run(false);
        assert!(matches!(refused.await.unwrap(), Err(SourceError::Retry(_))));
        first.stop();
        assert_eq!(one.await.unwrap(), Err(SourceError::Stopped));
        reached().await;
        second.stop();
        assert_eq!(two.await.unwrap(), Err(SourceError::Stopped));
    });
}
