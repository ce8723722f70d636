use std::io::{Read, Write};
use std::net::TcpListener;

use plan::env::{Payload, Request, Response};
use rt::IoMode;
use serde_json::json;

use super::*;
use crate::ipc::testing::{Listening, start};
use crate::ipc::{Options, Users};
use crate::testing::{TestEnv, both_modes};

/// A listener whose callback is `upd`; what it is called with arrives at the receiver. Symbols are
/// refused.
fn listening(options: Options) -> (Listening, Receiver<K>) {
    let (port, requests) = flume::bounded::<Request>(16);
    let (seen, values) = flume::unbounded();
    std::thread::spawn(move || {
        for request in requests.iter() {
            let values = match request.payload {
                Payload::Value(value) => vec![value],
                Payload::Values(values) => values,
                Payload::Bytes(_) => panic!("values"),
            };
            let symbols = values.iter().enumerate().filter(|(_, value)| value.as_sym().is_some());
            let refused = symbols.map(|(place, _)| (place, "no symbols".to_owned())).collect();
            let response = Response { status: 200, refused, ..Response::default() };
            let _ = request.reply.send(response);
            values.into_iter().for_each(|value| drop(seen.send(value)));
        }
    });
    let router = move || move |name: &str| (name == "upd").then(|| port.clone());
    (start("127.0.0.1:0", IoMode::Auto, options, router).unwrap(), values)
}

fn sink(config: &Json) -> Box<dyn Sink> {
    (SPEC.build)(config, &TestEnv::new()).unwrap()
}

fn call(argument: K) -> Batch {
    Batch::new(Data::Value(K::list(vec![K::sym("upd"), argument])))
}

async fn next(values: &Receiver<K>) -> K {
    let wait = rt::timeout(Duration::from_secs(10), values.recv_async());
    wait.await.expect("it comes").expect("a value")
}

#[test]
fn calls_arrive_in_order_and_are_answered_where_that_is_wanted() {
    both_modes(|| async {
        let (listening, values) = listening(Options::default());
        for sync in [false, true] {
            let config = json!({"address": listening.address().to_string(), "sync": sync});
            let sink = sink(&config);
            sink.open().await.unwrap();
            for i in 0..100 {
                sink.write(&call(K::longs(vec![i, sync.into()]))).await.unwrap();
            }
            for i in 0..100 {
                assert_eq!(next(&values).await, K::longs(vec![i, sync.into()]));
            }
            sink.close().await.unwrap();
        }
    });
}

#[test]
fn an_error_of_the_process_refuses_the_value_and_keeps_the_connection() {
    both_modes(|| async {
        let (listening, values) = listening(Options::default());
        let address = listening.address().to_string();
        let sink = sink(&json!({"address": address, "sync": true}));
        sink.open().await.unwrap();
        for (batch, want) in [
            (call(K::sym("a")), "'no symbols"),
            (Batch::new(Data::Value(K::str("2+2"))), "'access"),
        ] {
            let Err(SinkError::Refused(fault)) = sink.write(&batch).await else {
                panic!("refused")
            };
            assert_eq!(fault.text, format!("kdb+ IPC {address}: {want}"));
        }
        sink.write(&call(K::long(1))).await.unwrap();
        assert_eq!([next(&values).await, next(&values).await], [K::sym("a"), K::long(1)]);
    });
}

#[test]
fn it_comes_with_name_and_password_and_connects_again() {
    both_modes(|| async {
        let options = || {
            let users = Some(Users::read("bob:p:w").unwrap());
            Options { users, ..Options::default() }
        };
        let (first, values) = listening(options());
        let address = first.address().to_string();
        let wrong = sink(&json!({"address": address, "user": "bob", "password": "x"}));
        let fault = wrong.open().await.unwrap_err();
        assert!(fault.text.ends_with("the process did not let us in"), "{}", fault.text);
        let sink =
            sink(&json!({"address": address, "user": "bob", "password": "p:w", "sync": true}));
        assert!(matches!(sink.write(&call(K::long(0))).await, Err(SinkError::NotConnected(_))));
        sink.open().await.unwrap();
        sink.write(&call(K::long(1))).await.unwrap();
        assert_eq!(next(&values).await, K::long(1));
        drop(first);
        assert!(matches!(sink.write(&call(K::long(2))).await, Err(SinkError::NotConnected(_))));
        assert!(sink.open().await.is_err(), "nobody is there");
    });
}

#[test]
fn an_asynchronous_call_to_a_process_that_is_gone_is_not_delivered() {
    both_modes(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut login = [0; 2];
            stream.read_exact(&mut login).unwrap();
            // An answer that nobody waits for and that is no object, and then it ends.
            stream.write_all(&[3, 1, 2, 0, 0, 9, 0, 0, 0, 128]).unwrap();
            login
        });
        let sink = sink(&json!({"address": address}));
        sink.open().await.unwrap();
        assert_eq!(peer.join().unwrap(), [3, 0]);
        // It is gone; that is known before long.
        let mut lost = false;
        for _ in 0..10_000 {
            lost = matches!(sink.write(&call(K::long(1))).await, Err(SinkError::NotConnected(_)));
            if lost {
                break;
            }
            rt::sleep(Duration::from_millis(1)).await;
        }
        assert!(lost);
    });
}

/// A response: the atom 1.
const ANSWER: [u8; 17] = [1, 2, 0, 0, 17, 0, 0, 0, 0xf9, 1, 0, 0, 0, 0, 0, 0, 0];

/// A process that lets a sink in, reads so many bytes, sends answers and waits for the end; and the
/// sink.
fn answering(reads: usize, answers: usize) -> (Ipc, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
        stream.write_all(&[3]).unwrap();
        stream.read_exact(&mut vec![0; reads]).unwrap();
        stream.write_all(&ANSWER.repeat(answers)).unwrap();
        let _ = stream.read_to_end(&mut Vec::new()); // it may be reset
    });
    let config = serde_json::from_value(json!({"address": address, "sync": true})).unwrap();
    (Ipc::new(Component::default(), config), peer)
}

/// Waits until the sink has closed its connection, and tries to write all the same.
async fn write_when_closed(sink: &Ipc, peer: std::thread::JoinHandle<()>) -> String {
    while sink.connection.borrow().is_ok() || !peer.is_finished() {
        rt::sleep(Duration::from_millis(1)).await;
    }
    peer.join().unwrap();
    match sink.write(&call(K::long(2))).await {
        Err(SinkError::NotConnected(fault)) => fault.text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_nobody_has_asked_for_ends_the_connection() {
    both_modes(|| async {
        let why = ": the process has answered without being asked";
        let (sink, peer) = answering(0, 1);
        sink.open().await.unwrap();
        let text = write_when_closed(&sink, peer).await;
        assert!(text.ends_with(why), "it is not taken for the answer to the call: {text}");
        // The second of two answers to one call.
        let (sink, peer) = answering(8, 2);
        sink.open().await.unwrap();
        sink.write(&call(K::long(1))).await.unwrap();
        let text = write_when_closed(&sink, peer).await;
        assert!(text.ends_with(why), "{text}");
    });
}

#[test]
fn what_cannot_be_sent_is_refused() {
    both_modes(|| async {
        let (listening, _values) = listening(Options::default());
        let sink = sink(&json!({"address": listening.address().to_string()}));
        sink.open().await.unwrap();
        let long = K::vec(formats::k::Type::Byte, vec![0u8; MESSAGE_MAX + 1]);
        let raw = plan::RawBlock { bytes: "a".into(), meta: None, offset: 0, only: None };
        for data in [Data::Value(long), Data::Raw(raw)] {
            let refused = sink.write(&Batch::new(data)).await;
            assert!(matches!(refused, Err(SinkError::Refused(_))), "{refused:?}");
        }
        sink.write(&call(K::long(1))).await.unwrap();
    });
    for (config, text) in [
        (json!({"address": "host"}), "field 'address': must be host:port"),
        (json!({"address": "h:1", "user": "a:b"}), "they cannot be sent"),
        (json!({"address": "h:1", "password": "a\0"}), "they cannot be sent"),
        (json!({"address": "h:1", "user": "u".repeat(CREDENTIALS_MAX)}), "they are too long"),
    ] {
        let error = (SPEC.build)(&config, &TestEnv::new()).err().unwrap();
        assert!(error.text.ends_with(text), "{}", error.text);
    }
}
