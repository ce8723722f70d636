//! Calls that are there together become one request, and nobody can tell.

use proptest::prelude::*;

use super::*;
use crate::ipc::{GATHERED_MAX, Port};

/// Callbacks of some names, and a function `hold` that says when it is called and then waits.
struct Hall {
    names: &'static [&'static str],
    port: flume::Sender<Request>,
    called: flume::Sender<()>,
    go_on: flume::Receiver<()>,
}

impl Router for Hall {
    fn port(&self, name: &str) -> Option<Port> {
        self.names.contains(&name).then(|| self.port.clone().into())
    }

    fn function<'a>(
        &'a self,
        name: &'a str,
        _: &'a [K],
    ) -> plan::LocalBoxFuture<'a, Option<Result<K, String>>> {
        Box::pin(async move {
            if name != "hold" {
                return None;
            }
            self.called.send(()).unwrap();
            self.go_on.recv_async().await.unwrap();
            Some(Ok(K::Null))
        })
    }
}

/// A listener with the callbacks, and a client that can send while the listener does not read.
struct Talk {
    client: Client,
    requests: flume::Receiver<Request>,
    called: flume::Receiver<()>,
    go_on: flume::Sender<()>,
    _listening: Listening,
}

impl Talk {
    fn with(names: &'static [&'static str]) -> Talk {
        let (port, requests) = flume::bounded(16);
        let (call, called) = flume::bounded(1);
        let (go_on, goes_on) = flume::bounded(1);
        let router = move || Hall { names, port, called: call, go_on: goes_on };
        let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
        let client = Client::new(listening.address(), b"me\x03\0").unwrap();
        Talk { client, requests, called, go_on, _listening: listening }
    }

    /// Sends bytes that are all there when the listener reads the first of them.
    fn send_at_once(&mut self, bytes: &[u8]) {
        self.client.send(Kind::Async, &call("hold", K::Null));
        self.called.recv().unwrap();
        self.client.stream.write_all(bytes).unwrap();
        self.go_on.send(()).unwrap();
    }

    fn next(&self) -> Request {
        self.requests.recv_timeout(Duration::from_secs(5)).unwrap()
    }
}

fn written(kind: Kind, value: &K) -> Vec<u8> {
    let mut out = Vec::new();
    write_message(kind, Endian::Little, value, &mut out).unwrap();
    out
}

fn ok() -> plan::env::Response {
    plan::env::Response { status: 200, ..Default::default() }
}

#[test]
fn so_many_calls_become_one_request_and_each_is_answered() {
    let mut talk = Talk::with(&["upd"]);
    let all = GATHERED_MAX as i64 + 2;
    let kind = |n: i64| if n % 3 == 0 { Kind::Sync } else { Kind::Async };
    let messages: Vec<u8> =
        (0..all).flat_map(|n| written(kind(n), &call("upd", K::long(n)))).collect();
    talk.send_at_once(&messages);
    let (first, second) = (talk.next(), talk.next());
    assert_eq!(values(&first).len(), GATHERED_MAX);
    assert_eq!(values(&second), [K::long(all - 2), K::long(all - 1)]);
    // The later one first; some in the middle are refused.
    for one in ones(second).into_iter().chain(ones(first)) {
        let error = one.number().to_string();
        one.answer((one.number() % 2 == 0).then_some(&error));
    }
    for n in (0..all).step_by(3) {
        let want = if n % 2 == 0 { Body::Error(n.to_string()) } else { Body::Value(K::Null) };
        assert_eq!(talk.client.receive(), want);
    }
}

#[test]
fn calls_of_others_and_questions_keep_calls_apart() {
    let mut talk = Talk::with(&["upd", "key"]);
    let text = |argument: K| K::list(vec![K::str("key"), argument]);
    let messages = [
        call("upd", K::long(1)),
        call("upd", K::long(2)),
        text(K::long(3)),
        text(K::long(4)),
        // What a stock client asks begins as the calls before it do.
        text(K::sym(".q")),
        text(K::sym(".r")),
        call("nope", K::long(5)),
        call("upd", K::long(6)),
        call("upd", K::long(7)),
    ];
    let bytes: Vec<u8> = messages.iter().flat_map(|m| written(Kind::Sync, m)).collect();
    talk.send_at_once(&bytes);
    let longs = |items: &[i64]| items.iter().map(|n| K::long(*n)).collect::<Vec<_>>();
    let wanted = [
        ("upd", longs(&[1, 2])),
        ("key", longs(&[3, 4])),
        ("key", vec![K::sym(".r")]),
        ("upd", longs(&[6, 7])),
    ];
    for (name, want) in wanted {
        let request = talk.next();
        assert_eq!((request.path.as_str(), values(&request)), (name, want));
        request.reply.send(ok()).unwrap();
    }
    let null = || Body::Value(K::Null);
    let mut answers: Vec<Body> = (0..9).map(|_| null()).collect();
    answers[4] = Body::Value(K::syms(vec![]));
    answers[6] = Body::Error("nope".to_owned());
    for want in answers {
        assert_eq!(talk.client.receive(), want);
    }
}

#[test]
fn calls_that_nobody_answers_are_told_so_one_by_one() {
    let mut talk = Talk::with(&["upd"]);
    talk.send_at_once(&written(Kind::Sync, &call("upd", K::long(1))).repeat(3));
    let request = talk.next();
    assert_eq!(values(&request).len(), 3);
    drop(request);
    for _ in 0..3 {
        assert_eq!(talk.client.receive(), Body::Error("upd is not running".to_owned()));
    }
}

#[test]
fn what_came_before_garbage_is_called() {
    // The argument of a call that begins as the one before it does, and is cut.
    let mut cut = written(Kind::Async, &call("upd", K::long(2)));
    cut.truncate(cut.len() - 1);
    cut[4] -= 1;
    let garbage = [cut, framed(Kind::Sync, false, &[200]), b"GET / HTTP/1.1\r\n".to_vec()];
    for garbage in garbage {
        let mut talk = Talk::with(&["upd"]);
        let mut bytes = written(Kind::Async, &call("upd", K::long(1)));
        bytes.extend(garbage);
        talk.send_at_once(&bytes);
        assert_eq!(values(&talk.next()), [K::long(1)]);
        assert!(closed(&mut talk.client.stream));
    }
}

#[test]
fn a_call_is_sent_before_room_for_the_next_is_waited_for() {
    let mut talk = Talk::with(&["upd"]);
    let all = crate::ipc::IN_FLIGHT_MAX + 3;
    talk.send_at_once(&written(Kind::Async, &call("upd", K::long(1))).repeat(all));
    let mut waiting = Vec::new();
    while waiting.iter().map(|request| values(request).len()).sum::<usize>() < all - 3 {
        waiting.push(talk.next());
    }
    for request in waiting {
        request.reply.send(ok()).unwrap();
    }
    let mut left = 3;
    while left > 0 {
        let request = talk.next();
        left -= values(&request).len();
        request.reply.send(ok()).unwrap();
    }
}

/// Something that a client sends.
#[derive(Clone, Debug)]
enum Sent {
    /// A call of the first or the second callback, which refuses numbers that 5 divides.
    Call { second: bool, sync: bool, number: i64 },
    /// A call by a text, of a list that becomes a vector.
    List(i64),
    /// A question that is answered here.
    Question,
    /// A call of what there is not.
    Missing,
}

impl Sent {
    fn message(&self) -> Vec<u8> {
        match self {
            Sent::Call { second, sync, number } => {
                let name = if *second { "more" } else { "upd" };
                let kind = if *sync { Kind::Sync } else { Kind::Async };
                written(kind, &call(name, K::long(*number)))
            }
            Sent::List(number) => {
                let list = K::list(vec![K::long(*number)]);
                written(Kind::Sync, &K::list(vec![K::str("upd"), list]))
            }
            Sent::Question => written(Kind::Sync, &K::list(vec![K::str("key"), K::sym(".q")])),
            Sent::Missing => written(Kind::Sync, &call("nope", K::long(1))),
        }
    }

    /// What the callbacks see of it.
    fn seen(&self) -> Option<(&'static str, K)> {
        match self {
            Sent::Call { second, number, .. } => {
                Some((if *second { "more" } else { "upd" }, K::long(*number)))
            }
            Sent::List(number) => Some(("upd", K::longs(vec![*number]))),
            Sent::Question | Sent::Missing => None,
        }
    }

    /// What it is answered.
    fn answer(&self) -> Option<Body> {
        match self {
            Sent::Call { sync: false, .. } => None,
            Sent::Call { number, .. } => Some(match refused(&K::long(*number)) {
                Some(text) => Body::Error(text),
                None => Body::Value(K::Null),
            }),
            Sent::List(_) => Some(Body::Value(K::Null)),
            Sent::Question => Some(Body::Value(K::syms(vec![]))),
            Sent::Missing => Some(Body::Error("nope".to_owned())),
        }
    }
}

fn refused(value: &K) -> Option<String> {
    value.as_long().filter(|n| n % 5 == 0).map(|n| format!("no {n}"))
}

/// Answers whatever comes, and gives it back in order.
fn serve(requests: flume::Receiver<Request>) -> std::thread::JoinHandle<Vec<(String, K)>> {
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        for request in requests.iter() {
            let name = request.path.clone();
            for one in ones(request) {
                one.answer(refused(&one.value).as_deref());
                seen.push((name.clone(), one.value));
            }
        }
        seen
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let call = || {
        let parts = (any::<bool>(), any::<bool>(), 0i64..30);
        parts.prop_map(|(second, sync, number)| Sent::Call { second, sync, number })
    };
    let upd = (any::<bool>(), 0i64..30).prop_map(|(sync, number)| Sent::Call {
        second: false,
        sync,
        number,
    });
    prop_oneof![
        6 => upd,
        2 => call(),
        1 => (0i64..30).prop_map(Sent::List),
        1 => Just(Sent::Question),
        1 => Just(Sent::Missing),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However what a client sends is cut, and whatever becomes one request by that, the callbacks
    /// see the same and the client is answered the same.
    #[test]
    fn together_or_not_gives_the_same(
        all in prop::collection::vec(sent(), 1..400),
        cuts in prop::collection::vec(1usize..3000, 1..20),
    ) {
        let (sender, receiver) = flume::bounded(1);
        let router = move || {
            move |name: &str| ["upd", "more"].contains(&name).then(|| sender.clone())
        };
        let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
        let served = serve(receiver);
        let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
        let bytes: Vec<u8> = all.iter().flat_map(Sent::message).collect();
        let (mut rest, mut cuts) = (bytes.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            client.stream.write_all(head).unwrap();
            rest = tail;
        }
        for want in all.iter().filter_map(Sent::answer) {
            prop_assert_eq!(client.receive(), want);
        }
        // Everything before this was called.
        client.ask(&call("nope", K::Null));
        drop((client, listening));
        let want: Vec<_> =
            all.iter().filter_map(Sent::seen).map(|(name, k)| (name.to_owned(), k)).collect();
        prop_assert_eq!(served.join().unwrap(), want);
    }
}
