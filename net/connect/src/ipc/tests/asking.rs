//! What clients may ask for.

use super::*;
use crate::ipc::{Port, Said};

/// A callback `upd`, a variable `out`, a function `.f`, and perhaps an evaluator.
struct Everything {
    upd: flume::Sender<Request>,
    evaluates: bool,
}

impl Router for Everything {
    fn port(&self, name: &str) -> Option<Port> {
        (name == "upd").then(|| self.upd.clone().into())
    }

    fn read(&self, text: &[u8]) -> Result<Option<Said>, String> {
        let text = String::from_utf8_lossy(text).into_owned();
        Ok(match text.split_once(' ') {
            _ if text.contains('+') => None,
            _ if text == "long" => return Err("limit".to_owned()),
            None => Some(Said::Name(text)),
            Some((name, _)) => Some(Said::Call(name.to_owned(), vec![K::long(7)])),
        })
    }

    fn variable<'a>(
        &'a self,
        name: &'a str,
    ) -> plan::LocalBoxFuture<'a, Result<Option<K>, String>> {
        let value = match name {
            "busy" => Err("the engine is busy".to_owned()),
            name => Ok((name == "out").then(|| K::long(42))),
        };
        Box::pin(std::future::ready(value))
    }

    fn function<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [K],
    ) -> plan::LocalBoxFuture<'a, Option<Result<K, String>>> {
        let answer = (name == ".f").then(|| Ok(K::list(arguments.to_vec())));
        Box::pin(std::future::ready(answer))
    }

    fn evaluate<'a>(&'a self, _: &'a K) -> plan::LocalBoxFuture<'a, Option<Result<K, String>>> {
        let answer = self.evaluates.then(|| Ok(K::str("evaluated")));
        Box::pin(std::future::ready(answer))
    }
}

/// What a listener with everything answers to one request.
fn asked(evaluates: bool, requests: &[K]) -> Vec<Body> {
    let (upd, receiver) = flume::bounded(16);
    let router = move || Everything { upd, evaluates };
    let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
    let accepted = accept(receiver);
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    let answers = requests.iter().map(|request| client.ask(request)).collect();
    drop((client, listening));
    accepted.join().unwrap();
    answers
}

#[test]
fn variables_and_functions_are_asked_for_and_everything_else_is_refused() {
    let lambda = K::list(vec![K::str("{x}"), K::long(1)]);
    let requests = [
        K::sym("out"),
        K::str("out"),
        K::str("upd 7"),
        call(".f", K::Null),
        K::str(".f 7"),
        // What there is not, as q says it.
        K::sym("nope"),
        K::str("nope"),
        call("nope", K::long(1)),
        K::str("nope 7"),
        // What there is and may not be had.
        K::sym("upd"),
        call("out", K::long(0)),
        K::str("1+1"),
        lambda.clone(),
        K::long(1),
        K::Null,
        // What cannot be found out.
        K::str("long"),
        K::sym("busy"),
    ];
    let value = Body::Value;
    let error = |text: &str| Body::Error(text.to_owned());
    let answers = [
        value(K::long(42)),
        value(K::long(42)),
        value(K::Null),
        value(K::list(vec![K::Null])),
        value(K::list(vec![K::long(7)])),
        error("nope"),
        error("nope"),
        error("nope"),
        error("nope"),
        error("access"),
        error("access"),
        error("access"),
        error("access"),
        error("access"),
        error("access"),
        error("limit"),
        error("the engine is busy"),
    ];
    for ((request, got), want) in requests.iter().zip(asked(false, &requests)).zip(answers) {
        assert_eq!(got, want, "{request:?}");
    }
    let evaluated = asked(true, &[K::str("1+1"), lambda, K::sym("nope"), K::sym("out")]);
    let text = || value(K::str("evaluated"));
    assert_eq!(evaluated, [text(), text(), text(), value(K::long(42))]);
}

#[test]
fn a_question_is_asked_when_what_came_before_is_answered() {
    let (upd, requests) = flume::bounded(16);
    let router = move || Everything { upd, evaluates: false };
    let listening = start("127.0.0.1:0", IoMode::Auto, Options::default(), router).unwrap();
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    client.send(Kind::Async, &call("upd", K::long(1)));
    client.send(Kind::Sync, &K::sym("out"));
    client.send(Kind::Sync, &call("upd", K::long(2)));
    let first = requests.recv().unwrap();
    let pause = Duration::from_millis(50);
    assert!(requests.recv_timeout(pause).is_err(), "the second call is behind the question");
    refuse(&first, "type");
    refuse(&requests.recv().unwrap(), "length");
    assert_eq!(client.receive(), Body::Value(K::long(42)));
    assert_eq!(client.receive(), Body::Error("length".to_owned()));
}
