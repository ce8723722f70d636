use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use plan::{Json, Sink, SinkError, Source, SourceContext, SourceError};
use rt::net::{ListenOptions, Stream, TcpListener};
use serde_json::json;
use wire::http1::{Event, RequestDecoder, RequestHead};
use wire::websocket::{Codec, Ending, Kind, Side, accept_key};

use super::{Credentials, Dialer, Place, Rc};
use crate::http_client::tls::Tls;
use crate::testing::{Fake, TestEnv, batch, both_modes};

fn listen() -> (TcpListener, u16) {
    let options = ListenOptions::default();
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into(), options).unwrap();
    let port = listener.local_addr().port();
    (listener, port)
}

/// Reads the head of a request.
async fn head(stream: &mut Stream) -> RequestHead {
    let mut decoder = RequestDecoder::new(0);
    loop {
        if let Some(Event::Head(head)) = decoder.next_event().unwrap() {
            return head;
        }
        let (count, bytes) = stream.read(Vec::with_capacity(4096)).await;
        assert!(count.unwrap() > 0, "a whole head");
        decoder.feed(&bytes);
    }
}

/// A server that has agreed.
struct Peer {
    stream: Stream,
    codec: Codec,
    head: RequestHead,
}

impl Peer {
    async fn agree(mut stream: Stream) -> Peer {
        let head = head(&mut stream).await;
        let accept = accept_key(head.headers.get("sec-websocket-key").unwrap());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.into_bytes()).await.0.unwrap();
        Peer { stream, codec: Codec::new(Side::Server), head }
    }

    async fn flush(&mut self) {
        let output = self.codec.take_output();
        if !output.is_empty() {
            let _ = self.stream.write_all(output).await;
        }
    }

    async fn send(&mut self, text: &str) {
        self.codec.send(Kind::Text, text.as_bytes()).unwrap();
        self.flush().await;
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes.to_vec()).await.0.unwrap();
    }

    async fn next(&mut self) -> Result<Bytes, Ending> {
        loop {
            let next = self.codec.next_message();
            self.flush().await;
            if let Some(message) = next? {
                return Ok(message);
            }
            let (count, bytes) = self.stream.read(Vec::with_capacity(4096)).await;
            match count {
                Ok(0) | Err(_) => self.codec.finish(),
                Ok(_) => self.codec.feed(&bytes),
            }
        }
    }
}

fn source(config: Json) -> Box<dyn Source> {
    (super::input::SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn sink(config: Json) -> Rc<dyn Sink> {
    Rc::from((super::output::SPEC.build)(&config, &TestEnv::new()).unwrap())
}

/// What a source says about the end of a connection to a server that does this.
async fn ended<F: Future<Output = ()>>(more: Json, server: impl FnOnce(Stream) -> F) -> String {
    let (listener, port) = listen();
    let mut config = json!({"url": format!("ws://127.0.0.1:{port}/x")});
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    let mut source = source(config);
    let fake: Rc<dyn SourceContext> = Fake::new();
    let serving = async {
        let stream = listener.accept().await.unwrap();
        server(stream).await;
    };
    let (ended, ()) = futures_util::join!(source.run(fake), serving);
    match ended {
        Err(SourceError::Retry(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_arrive_and_a_connection_that_ended_is_made_again() {
    both_modes(|| async {
        let (listener, port) = listen();
        let mut source = source(json!({
            "url": format!("ws://127.0.0.1:{port}/feed?x=1"), "open_message": "hey",
            "basic_auth": {"enabled": true, "username": "u", "password": "p"},
        }));
        let fake = Fake::new();
        let stopper = Rc::clone(&fake);
        let serving = async {
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            assert_eq!(peer.head.target, "/feed?x=1");
            assert_eq!(peer.head.headers.get("host"), Some(&*format!("127.0.0.1:{port}")));
            assert_eq!(peer.head.headers.get("authorization"), Some("Basic dTpw"));
            assert_eq!(peer.next().await.unwrap(), "hey");
            peer.send("a").await;
            // A ping between two pieces of a message.
            peer.raw(b"\x01\x01b\x89\x01p\x80\x01c").await;
            peer.codec.close(1000);
            peer.flush().await;
            assert_eq!(peer.next().await, Err(Ending::Closed(1000, String::new())));
            drop(peer);
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            assert_eq!(peer.next().await.unwrap(), "hey");
            peer.send("d").await;
            let ending = peer.next().await;
            assert_eq!(ending, Err(Ending::Closed(1000, String::new())));
        };
        let reading = async {
            let context: Rc<dyn SourceContext> = fake.clone();
            let why = source.run(context.clone()).await;
            let text = "websocket: close 1000 (normal)";
            assert_eq!(why, Err(SourceError::Retry(text.to_owned())));
            let watching = async {
                while fake.texts().len() < 3 {
                    rt::sleep(Duration::from_millis(2)).await;
                }
                stopper.stop();
            };
            let (why, ()) = futures_util::join!(source.run(context), watching);
            assert_eq!(why, Err(SourceError::Stopped));
        };
        futures_util::join!(serving, reading);
        assert_eq!(fake.texts(), ["a", "bc", "d"]);
    });
}

#[test]
fn servers_that_break_off_or_break_rules_are_left_with_a_reason() {
    both_modes(|| async {
        let says = |text: &'static str| {
            ended(json!({}), move |mut stream| async move {
                head(&mut stream).await;
                let _ = stream.write_all(text.as_bytes().to_vec()).await;
            })
        };
        assert_eq!(says("").await, "unexpected EOF");
        assert_eq!(says("garbage\r\n\r\n").await, "malformed HTTP response \"garbage\"");
        // Of what is long a part is shown.
        let long: &'static str = Box::leak(("x".repeat(999) + "\r\n\r\n").into_boxed_str());
        let shown = "x".repeat(64);
        assert_eq!(says(long).await, format!("malformed HTTP response {shown:?}"));
        let bad = "websocket: bad handshake";
        assert_eq!(says("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await, bad);
        let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert_eq!(says(wrong).await, bad);
        let sends = |bytes: &'static [u8]| {
            ended(json!({}), move |stream| async move {
                let mut peer = Peer::agree(stream).await;
                peer.raw(bytes).await;
                // Unless it is heard, nothing more is said.
                let _ = rt::timeout(Duration::from_millis(50), peer.next()).await;
            })
        };
        let cut = "websocket: close 1006 (abnormal closure): unexpected EOF";
        assert_eq!(sends(b"\x82\x05ab").await, cut);
        assert_eq!(sends(b"\x82\x7f\0\0\0\0\xff\0\0\0").await, "websocket: read limit exceeded");
        assert!(sends(b"\x81\x81abcdx").await.starts_with("websocket: "));
        let text = sends(b"\x88\x05\x03\xe9bye").await;
        assert_eq!(text, "websocket: close 1001 (going away): bye");
    });
}

#[test]
fn a_server_that_never_answers_does_not_hold_up_a_stop() {
    both_modes(|| async {
        let (listener, port) = listen();
        let mut source = source(json!({"url": format!("ws://127.0.0.1:{port}")}));
        let fake = Fake::new();
        let context: Rc<dyn SourceContext> = fake.clone();
        let serving = async {
            let mut stream = listener.accept().await.unwrap();
            assert_eq!(head(&mut stream).await.target, "/");
            fake.stop();
            stream
        };
        let (why, _stream) = futures_util::join!(source.run(context), serving);
        assert_eq!(why, Err(SourceError::Stopped));
    });
}

#[test]
fn a_server_that_does_not_agree_is_not_waited_for() {
    both_modes(|| async {
        // It listens and takes nobody; or it says less than all of it.
        for says in ["", "HTTP/1.1 101 Switching Protocols\r\n"] {
            for scheme in ["ws", "wss"] {
                let (listener, port) = listen();
                let place = Place { url: format!("{scheme}://127.0.0.1:{port}"), proxy_url: None };
                let services = TestEnv::new().services;
                let mut dialer =
                    Dialer::new(place, &Tls::default(), &Credentials::default(), services).unwrap();
                assert_eq!(dialer.patience, Duration::from_secs(45));
                dialer.patience = Duration::from_millis(30);
                let serving = async {
                    let mut stream = listener.accept().await.unwrap();
                    let _ = stream.write_all(says.as_bytes()).await;
                    std::future::pending::<()>().await;
                };
                let dialed = std::pin::pin!(dialer.dial());
                let serving = std::pin::pin!(serving);
                let both = futures_util::future::select(dialed, serving);
                let both = rt::timeout(Duration::from_secs(20), both).await.expect("it ends");
                let futures_util::future::Either::Left((dialed, _)) = both else { return };
                let why = dialed.err().unwrap();
                // What is no TLS at all is found out at once.
                let timeout = format!("dial tcp 127.0.0.1:{port}: i/o timeout");
                assert!(why == timeout || why.starts_with("tls: "), "{why}");
                assert!(why == timeout || !says.is_empty(), "{why}");
            }
        }
    });
}

#[test]
fn an_input_that_was_told_to_give_up_ends() {
    both_modes(|| async {
        // Nobody has listened at this port on this reactor.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let url = format!("ws://127.0.0.1:{port}");
        let mut source = source(json!({"url": url, "connection": {"max_retries": 2}}));
        let context: Rc<dyn SourceContext> = Fake::new();
        let refused = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
        for _ in 0..2 {
            let why = source.run(Rc::clone(&context)).await;
            assert_eq!(why, Err(SourceError::Retry(refused.clone())));
        }
        assert_eq!(source.run(context).await, Ok(()));
    });
}

#[test]
fn addresses_that_are_none_of_a_websocket_are_found_out_when_connecting() {
    both_modes(|| async {
        for url in ["", "http://localhost/x", "ws://u:p@localhost/x", "::::", "ws://"] {
            let sink = sink(json!({"url": url}));
            let fault = sink.open().await.unwrap_err();
            assert_eq!(fault.text, "malformed ws or wss URL", "{url}");
        }
    });
}

#[test]
fn a_proxy_is_asked_for_a_way_to_the_server() {
    both_modes(|| async {
        let (listener, port) = listen();
        let sink = sink(json!({
            "url": "ws://far.example:81/x", "proxy_url": format!("http://u:p@127.0.0.1:{port}"),
        }));
        let serving = async {
            let mut stream = listener.accept().await.unwrap();
            let asked = head(&mut stream).await;
            assert_eq!((&*asked.method, &*asked.target), ("CONNECT", "far.example:81"));
            assert_eq!(asked.headers.get("proxy-authorization"), Some("Basic dTpw"));
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()).await.0.unwrap();
            let mut stream = listener.accept().await.unwrap();
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()).await.0.unwrap();
            let mut peer = Peer::agree(stream).await;
            assert_eq!(peer.head.headers.get("host"), Some("far.example:81"));
            assert_eq!(peer.next().await.unwrap(), "m");
        };
        let writing = async {
            assert_eq!(sink.open().await.unwrap_err().text, "Forbidden");
            sink.open().await.unwrap();
            sink.write(&batch(&["m"])).await.unwrap();
        };
        futures_util::join!(serving, writing);
        let other = super::Place {
            url: "ws://far.example/".to_owned(),
            proxy_url: Some("socks4://127.0.0.1:1".to_owned()),
        };
        let env = TestEnv::new();
        let dialer: Rc<Dialer> =
            super::dialer(other, &Default::default(), &Default::default(), &env).unwrap();
        let text = dialer.dial().await.err().unwrap();
        assert_eq!(text, "proxy: unknown scheme: socks4");
    });
}

#[test]
fn what_is_sent_arrives_before_the_close_is_answered() {
    both_modes(|| async {
        let (listener, port) = listen();
        let sink = sink(json!({"url": format!("ws://127.0.0.1:{port}")}));
        let arrived = RefCell::new(VecDeque::new());
        let serving = async {
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            loop {
                match peer.next().await {
                    Ok(message) => arrived.borrow_mut().push_back(message),
                    Err(ending) => break ending,
                }
            }
        };
        let writing = async {
            sink.open().await.unwrap();
            sink.write(&batch(&["1", "2"])).await.unwrap();
            sink.write(&batch(&["3"])).await.unwrap();
            sink.close().await.unwrap();
        };
        let (ending, ()) = futures_util::join!(serving, writing);
        assert_eq!(ending, Ending::Closed(1000, String::new()));
        assert_eq!(arrived.into_inner(), ["1", "2", "3"]);
    });
}

#[test]
fn a_server_that_never_answers_a_close_is_left() {
    both_modes(|| async {
        let (listener, port) = listen();
        let sink = sink(json!({"url": format!("ws://127.0.0.1:{port}")}));
        let serving = rt::spawn(async move {
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            loop {
                // It hears everything, and has nothing to say to it.
                if !matches!(peer.stream.read(Vec::with_capacity(4096)).await.0, Ok(1..)) {
                    std::future::pending::<()>().await;
                }
            }
        })
        .abort_on_drop();
        sink.open().await.unwrap();
        sink.write(&batch(&["1"])).await.unwrap();
        assert!(rt::timeout(Duration::from_secs(60), sink.close()).await.is_ok());
        drop(serving);
    });
}

#[test]
fn a_server_that_is_gone_gets_nothing_more_and_is_said_to_be_gone() {
    both_modes(|| async {
        let (listener, port) = listen();
        let sink = sink(json!({"url": format!("ws://127.0.0.1:{port}")}));
        let serving = async {
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            assert_eq!(peer.next().await.unwrap(), "1");
            peer.codec.close(1001);
            peer.flush().await;
            assert!(peer.next().await.is_err());
        };
        let writing = async {
            sink.open().await.unwrap();
            sink.write(&batch(&["1"])).await.unwrap();
        };
        futures_util::join!(serving, writing);
        rt::sleep(Duration::from_millis(20)).await;
        let lost = sink.write(&batch(&["2"])).await;
        assert!(matches!(lost, Err(SinkError::NotConnected(_))), "{lost:?}");
    });
}

#[test]
fn a_server_that_talks_back_before_it_listens_holds_nothing_up() {
    both_modes(|| async {
        let (listener, port) = listen();
        let sink = sink(json!({"url": format!("ws://127.0.0.1:{port}")}));
        // More than all buffers of the system hold.
        let large = "x".repeat(32 << 20);
        let serving = async {
            let mut peer = Peer::agree(listener.accept().await.unwrap()).await;
            peer.send(&large).await;
            assert_eq!(peer.next().await.unwrap().len(), large.len());
        };
        let writing = async {
            sink.open().await.unwrap();
            sink.write(&batch(&[&large])).await.unwrap();
        };
        futures_util::join!(serving, writing);
    });
}
