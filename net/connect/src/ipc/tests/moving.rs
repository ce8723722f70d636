//! Clients that move to the reactor of what they call.

use super::*;
use crate::ipc::Port;

/// Callbacks `a` of the first reactor and `b` of the second. Whoever asks for one tells on which
/// thread.
struct Two {
    ports: [flume::Sender<Request>; 2],
    asked: flume::Sender<String>,
}

impl Router for Two {
    fn port(&self, name: &str) -> Option<Port> {
        let number = ["a", "b"].iter().position(|known| *known == name)?;
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = self.asked.send(thread);
        Some(Port { requests: self.ports[number].clone(), home: Some(number) })
    }
}

/// A listener on two reactors, what is called there, and the threads on which ports are asked for.
struct Ground {
    listening: Listening,
    called: std::thread::JoinHandle<Vec<(String, K)>>,
    asked: flume::Receiver<String>,
}

fn ground(options: &Options) -> Ground {
    let (port, requests) = flume::bounded(4);
    let (tell, asked) = flume::unbounded();
    let router = move || Two { ports: [port.clone(), port.clone()], asked: tell.clone() };
    let listening = Listening::on(2, "127.0.0.1:0", IoMode::Auto, options, router).unwrap();
    let called = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for request in requests.iter() {
            let name = request.path.clone();
            seen.extend(values(&request).into_iter().map(|value| (name.clone(), value)));
            let ok = plan::env::Response { status: 200, ..Default::default() };
            request.reply.send(ok).unwrap();
        }
        seen
    });
    Ground { listening, called, asked }
}

#[test]
fn a_client_moves_to_the_reactor_of_what_it_calls_and_back() {
    let Ground { listening, called, asked } = ground(&Options::default());
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    let mut threads = Vec::new();
    for (name, count) in [("b", 10), ("a", 10), ("b", 1), ("a", 10)] {
        for number in 0..count {
            assert_eq!(client.ask(&call(name, K::long(number))), Body::Value(K::Null));
            threads.push(asked.recv().unwrap());
        }
    }
    let place = |number: usize| threads[number].as_str();
    assert_eq!((place(0), place(9)), ("reactor-0", "reactor-1"));
    assert_eq!((place(10), place(19)), ("reactor-1", "reactor-0"));
    assert!((19..31).all(|number| place(number) == "reactor-0"), "one call is none too many");
    drop((client, listening));
    assert_eq!(called.join().unwrap().len(), 31);
}

#[test]
fn nothing_is_lost_or_out_of_order_while_a_client_moves() {
    let Ground { listening, called, asked } = ground(&Options::default());
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    let (mut bytes, mut want) = (Vec::new(), Vec::new());
    for number in 0..20_000 {
        let name = if number / 3_000 % 2 == 0 { "b" } else { "a" };
        let kind = if number % 1_000 == 0 { Kind::Sync } else { Kind::Async };
        write_message(kind, Endian::Little, &call(name, K::long(number)), &mut bytes).unwrap();
        want.push((name.to_owned(), K::long(number)));
    }
    let mut stream = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || stream.write_all(&bytes).unwrap());
    for _ in 0..20 {
        assert_eq!(client.receive(), Body::Value(K::Null));
    }
    sending.join().unwrap();
    client.ask(&call("nope", K::Null));
    drop((client, listening));
    assert!(called.join().unwrap() == want);
    let threads: std::collections::HashSet<String> = asked.iter().collect();
    assert_eq!(threads.len(), 2, "it has moved");
}

#[test]
fn a_client_that_has_moved_counts_and_is_ended_with_the_listener() {
    let options = Options { connections_max: 1, ..Options::default() };
    let Ground { listening, called, .. } = ground(&options);
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    for number in 0..10 {
        client.ask(&call("b", K::long(number)));
    }
    assert!(Client::new(listening.address(), b"me\x03\0").is_err(), "a second client");
    drop(listening);
    assert!(closed(&mut client.stream));
    assert_eq!(called.join().unwrap().len(), 10);
}
