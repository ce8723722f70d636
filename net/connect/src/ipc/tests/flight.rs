//! How many requests of a client are on the way.

use super::*;
use crate::ipc::{IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX};

/// A listener whose port has room for everything that a client may have on the way.
fn roomy() -> (Listening, flume::Receiver<Request>) {
    let (sender, receiver) = flume::bounded(2 * IN_FLIGHT_MAX);
    let router = move || move |name: &str| (name == "upd").then(|| sender.clone());
    let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
    (listening, receiver)
}

#[test]
fn many_requests_are_on_the_way_and_answered_in_order() {
    let (listening, requests) = roomy();
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    let all = IN_FLIGHT_MAX as i64 + 44;
    for n in 0..all {
        // Those that are not answered count, too.
        let kind = if n % 2 == 0 { Kind::Sync } else { Kind::Async };
        client.send(kind, &call("upd", K::long(n)));
    }
    let mut waiting = Vec::new();
    while waiting.len() < IN_FLIGHT_MAX {
        waiting.extend(ones(requests.recv().unwrap()));
    }
    let numbers: Vec<i64> = waiting.iter().map(One::number).collect();
    assert_eq!(numbers, (0..256).collect::<Vec<_>>());
    let pause = Duration::from_millis(50);
    assert!(requests.recv_timeout(pause).is_err(), "as many as may be are on the way");
    // The last first: the answers come in the order of the requests all the same.
    while let Some(one) = waiting.pop() {
        one.answer(Some(&one.number().to_string()));
    }
    let late = std::thread::spawn(move || {
        for one in requests.iter().flat_map(ones) {
            one.answer(Some(&one.number().to_string()));
        }
    });
    for n in (0..all).step_by(2) {
        assert_eq!(client.receive(), Body::Error(n.to_string()));
    }
    drop((client, listening));
    late.join().unwrap();
}

#[test]
fn bytes_on_the_way_are_limited() {
    let (listening, requests) = roomy();
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    let half = K::longs(vec![0; IN_FLIGHT_BYTES_MAX / 16]);
    let sending = std::thread::spawn(move || {
        for _ in 0..3 {
            client.send(Kind::Async, &call("upd", half.clone()));
        }
        client
    });
    let first = requests.recv().unwrap();
    let pause = Duration::from_millis(50);
    assert!(requests.recv_timeout(pause).is_err(), "a second one would be too much");
    refuse(&first, "type");
    let second = requests.recv().unwrap();
    refuse(&second, "type");
    refuse(&requests.recv().unwrap(), "type");
    drop(sending.join().unwrap());
}

#[test]
fn who_asks_for_the_end_is_answered() {
    let (upd, requests) = flume::bounded(16);
    let router = move || move |name: &str| (name == "upd").then(|| upd.clone());
    let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    client.send(Kind::Sync, &call("upd", K::long(1)));
    let request = requests.recv().unwrap();
    let ending = std::thread::spawn(move || drop(listening));
    std::thread::sleep(Duration::from_millis(20));
    refuse(&request, "ends");
    assert_eq!(client.receive(), Body::Error("ends".to_owned()));
    ending.join().unwrap();
}
