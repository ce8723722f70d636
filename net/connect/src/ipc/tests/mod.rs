mod asking;
mod flight;
mod gathering;
mod moving;
mod shared;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpStream;

use formats::k::K;
use formats::k::ipc::{Body, Endian, decode_body, encode};
use plan::env::{Payload, Request};
use rt::IoMode;
use serde_json::json;
use wire::kdb::{Event, Kind, Server, write_message};

use super::*;
use crate::ipc::testing::{Listening, start};
use crate::testing::{Fake, TestEnv, both_modes};

struct Client {
    stream: TcpStream,
    server: Server,
}

impl Client {
    fn new(address: SocketAddr, login: &[u8]) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(login)?;
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        assert_eq!(byte, [3]);
        // The codec reads what a server is sent; answers look the same after a login.
        let mut server = Server::default();
        server.feed(b"x\x03\0");
        server.event().unwrap();
        Ok(Client { stream, server })
    }

    fn send(&mut self, kind: Kind, value: &K) {
        let mut out = Vec::new();
        write_message(kind, Endian::Little, value, &mut out).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    fn ask(&mut self, value: &K) -> Body {
        self.send(Kind::Sync, value);
        self.receive()
    }

    fn receive(&mut self) -> Body {
        loop {
            if let Some(Event::Message { body, endian, .. }) = self.server.event().unwrap() {
                return decode_body(&body, endian).unwrap();
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the connection was closed");
            self.server.feed(&bytes[..count]);
        }
    }
}

fn call(name: &str, argument: K) -> K {
    K::list(vec![K::sym(name), argument])
}

/// A listener whose only callback is `upd`; what it is sent arrives at the receiver.
fn listening(options: Options) -> (Listening, flume::Receiver<Request>) {
    let (sender, receiver) = flume::bounded(16);
    let router = move || move |name: &str| (name == "upd").then(|| sender.clone());
    let listening = start("127.0.0.1:0", IoMode::Auto, options, router).unwrap();
    (listening, receiver)
}

/// The values of a request.
fn values(request: &Request) -> Vec<K> {
    match &request.payload {
        Payload::Value(value) => vec![value.clone()],
        Payload::Values(values) => values.clone(),
        Payload::Bytes(_) => panic!("values"),
    }
}

/// Answers everything with 200 and collects it.
fn accept(requests: flume::Receiver<Request>) -> std::thread::JoinHandle<Vec<K>> {
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        for request in requests.iter() {
            seen.extend(values(&request));
            let ok = plan::env::Response { status: 200, ..Default::default() };
            request.reply.send(ok).unwrap();
        }
        seen
    })
}

/// A call of a request that may have several, which are answered when each of them is.
struct One {
    value: K,
    place: usize,
    request: Rc<Waiting>,
}

struct Waiting {
    reply: flume::Sender<plan::env::Response>,
    left: Cell<usize>,
    refused: RefCell<Vec<(usize, String)>>,
}

/// The calls of a request.
fn ones(request: Request) -> Vec<One> {
    let values = values(&request);
    let left = Cell::new(values.len());
    let reply = request.reply;
    let waiting = Rc::new(Waiting { reply, left, refused: RefCell::default() });
    let one = |(place, value)| One { value, place, request: Rc::clone(&waiting) };
    values.into_iter().enumerate().map(one).collect()
}

impl One {
    fn number(&self) -> i64 {
        self.value.as_long().unwrap()
    }

    /// This one is answered with an error, or not.
    fn answer(&self, error: Option<&str>) {
        let Waiting { reply, left, refused } = &*self.request;
        refused.borrow_mut().extend(error.map(|text| (self.place, text.to_owned())));
        left.set(left.get() - 1);
        if left.get() == 0 {
            let mut refused = refused.take();
            refused.sort_unstable();
            let response = plan::env::Response { status: 200, refused, ..Default::default() };
            reply.send(response).unwrap();
        }
    }
}

/// A request of a client is answered with an error of this text.
fn refuse(request: &Request, text: &str) {
    let response = plan::env::Response {
        status: 400,
        body: text.as_bytes().to_vec(),
        ..plan::env::Response::default()
    };
    request.reply.send(response).unwrap();
}

#[test]
fn clients_wait_until_they_are_let_in() {
    let (door, opens) = flume::bounded(0);
    let (listening, requests) = listening(Options { opens: Some(opens), ..Options::default() });
    let accepted = accept(requests);
    let address = listening.address();
    let client = std::thread::spawn(move || {
        Client::new(address, b"me\x06\0").unwrap().ask(&call("upd", K::long(1)))
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!client.is_finished(), "it was answered before the door was open");
    drop(door);
    assert_eq!(client.join().unwrap(), Body::Value(K::Null));
    drop(listening);
    assert_eq!(accepted.join().unwrap(), [K::long(1)]);
}

#[test]
fn calls_by_symbol_and_text_sync_and_async() {
    let (listening, requests) = listening(Options::default());
    let accepted = accept(requests);
    let mut client = Client::new(listening.address(), b"me\x06\0").unwrap();
    assert_eq!(client.ask(&call("upd", K::long(1))), Body::Value(K::Null));
    client.send(Kind::Async, &call("upd", K::long(2)));
    let named = K::list(vec![K::str("upd"), K::longs(vec![3])]);
    assert_eq!(client.ask(&named), Body::Value(K::Null));
    drop(client);
    drop(listening);
    assert_eq!(accepted.join().unwrap(), [K::long(1), K::long(2), K::longs(vec![3])]);
}

#[test]
fn nothing_else_can_be_called() {
    let (listening, _requests) = listening(Options::default());
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    for (request, error) in [
        (call("nope", K::long(1)), "nope"),
        (K::str("2+2"), "access"),
        (K::list(vec![K::str("{x}"), K::long(1)]), "access"),
        (K::list(vec![K::sym("upd"), K::sym("t"), K::long(1)]), "rank"),
        (K::long(1), "access"),
    ] {
        assert_eq!(client.ask(&request), Body::Error(error.to_owned()));
    }
}

#[test]
fn a_stock_client_is_satisfied() {
    let (listening, _requests) = listening(Options::default());
    let mut client = Client::new(listening.address(), b"me\x06\0").unwrap();
    let probe = K::list(vec![K::str("k){x:. x;$[99h<@x;...]}"), K::sym(".q")]);
    assert_eq!(client.ask(&probe), Body::Value(K::sym("_pykx_ctx_marker")));
    let keys = K::list(vec![K::str("key"), K::sym(".q")]);
    assert_eq!(client.ask(&keys), Body::Value(K::syms(vec![])));
}

#[test]
fn users_come_in_with_their_passwords_and_nobody_else() {
    let users = Some(Users::read("bob:pw\nopen:\n").unwrap());
    let (listening, _requests) = listening(Options { users, ..Options::default() });
    let login = |text: &[u8]| Client::new(listening.address(), text).is_ok();
    assert!(login(b"bob:pw\x03\0"));
    assert!(login(b"open\x03\0"));
    let wrong = ["bob:px\x03\0", "bob\x03\0", "eve:pw\x03\0", "bob:pw2\x03\0", ":\x03\0"];
    for wrong in wrong {
        assert!(!login(wrong.as_bytes()), "{wrong:?}");
    }
}

#[test]
fn messages_and_clients_are_limited() {
    let options = Options { message_max: 100, connections_max: 1, ..Options::default() };
    let (listening, _requests) = listening(options);
    let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
    assert!(Client::new(listening.address(), b"me\x03\0").is_err(), "a second client");
    client.send(Kind::Sync, &call("upd", K::longs(vec![0; 100])));
    assert_eq!(client.stream.read(&mut [0; 8]).unwrap_or(0), 0, "the connection is closed");
}

/// A message with any body.
fn framed(kind: Kind, packed: bool, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap().to_le_bytes();
    [&[1, kind as u8, u8::from(packed), 0], &length[..], body].concat()
}

/// Waits until the other side has closed the connection.
fn closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 8]) {
        Ok(count) => count == 0,
        // Bytes that nobody read any more were on their way.
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn garbage_closes_only_its_connection() {
    let (listening, _requests) = listening(Options::default());
    let mut good = Client::new(listening.address(), b"me\x03\0").unwrap();
    let nested = [0, 0, 1, 0, 0, 0].repeat(formats::k::ipc::DEPTH_MAX + 1);
    let mut crowd = vec![0, 0];
    let count = formats::k::ipc::OBJECTS_MAX + 1;
    crowd.extend(u32::try_from(count).unwrap().to_le_bytes());
    crowd.extend([101, 0].repeat(count));
    let sync = |body: &[u8]| framed(Kind::Sync, false, body);
    let bad = [
        ("HTTP after the login", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a type that there is not", sync(&[200])),
        ("the same, asynchronous", framed(Kind::Async, false, &[200])),
        ("no object", sync(&[])),
        ("half an atom", sync(&[0xf9, 1, 0, 0])),
        ("a vector that lies", sync(&[7, 0, 0xff, 0xff, 0xff, 0x7f])),
        ("more than an object", sync(&[101, 0, 0])),
        ("halves that differ", sync(&[99, 10, 0, 1, 0, 0, 0, b'a', 10, 0, 0, 0, 0, 0])),
        ("an error", sync(b"\x80type\0")),
        ("a bomb of nested lists", sync(&nested)),
        ("a bomb of values", sync(&crowd)),
        ("a bomb of compression", framed(Kind::Sync, true, &i32::MAX.to_le_bytes())),
        ("broken compression", framed(Kind::Sync, true, &[100, 0, 0, 0, 1, 7, 3])),
        ("a message above the limit", vec![1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        ("a message shorter than its header", vec![1, 1, 0, 0, 7, 0, 0, 0]),
    ];
    for (what, bytes) in bad {
        let mut client = Client::new(listening.address(), b"me\x03\0").unwrap();
        // What is refused by its header is not read to its end.
        let _ = client.stream.write_all(&bytes);
        assert!(closed(&mut client.stream), "{what}");
        assert_eq!(good.ask(&call("nope", K::long(1))), Body::Error("nope".to_owned()), "{what}");
    }
}

#[test]
fn http_is_closed_before_any_login_is_waited_for() {
    let (listening, _requests) = listening(Options::default());
    let mut stream = TcpStream::connect(listening.address()).unwrap();
    stream.set_read_timeout(Some(LOGIN_TIME / 2)).unwrap();
    stream.write_all(b"GET /details HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    assert!(closed(&mut stream));
}

#[test]
fn a_response_that_nobody_waits_for_is_no_call() {
    let (listening, requests) = listening(Options::default());
    let accepted = accept(requests);
    let mut client = Client::new(listening.address(), b"me\x06\0").unwrap();
    client.send(Kind::Response, &call("upd", K::long(1)));
    assert_eq!(client.ask(&call("upd", K::long(2))), Body::Value(K::Null));
    drop(client);
    drop(listening);
    assert_eq!(accepted.join().unwrap(), [K::long(2)]);
}

#[test]
fn arguments_arrive_as_q_would_make_them() {
    let (listening, requests) = listening(Options::default());
    let accepted = accept(requests);
    let mut client = Client::new(listening.address(), b"me\x06\0").unwrap();
    let list = || K::list(vec![K::long(1), K::long(2)]);
    let mixed = || K::list(vec![K::long(1), K::sym("a")]);
    for argument in [list(), mixed(), K::list(vec![list(), mixed()])] {
        assert_eq!(client.ask(&call("upd", argument)), Body::Value(K::Null));
    }
    drop(client);
    drop(listening);
    let vector = || K::longs(vec![1, 2]);
    assert_eq!(accepted.join().unwrap(), [vector(), mixed(), K::list(vec![vector(), mixed()])]);
}

#[test]
fn a_port_in_use_is_named() {
    let (listening, _requests) = listening(Options::default());
    let address = listening.address().to_string();
    let again = start(&address, IoMode::Auto, Options::default(), || |_: &str| None);
    let text = again.err().unwrap();
    assert_eq!(text, format!("cannot listen for kdb+ IPC: {address}: address already in use"));
}

#[test]
fn the_source_emits_what_it_is_sent_and_stops() {
    both_modes(|| async {
        let env = TestEnv::new();
        let config = json!({"name": "upd", "partitions": []});
        let mut source = (crate::ipc::callback::SPEC.build)(&config, &env).unwrap();
        let port = env.services.port("ipc", "upd");
        let fake = Fake::new();
        let stopper = fake.clone();
        let caller = rt::spawn(async move {
            let (reply, answer) = flume::bounded(1);
            let request = Request {
                method: String::new(),
                path: "upd".to_owned(),
                query: Vec::new(),
                headers: Vec::new(),
                remote: String::new(),
                payload: Payload::Value(K::longs(vec![1, 2])),
                incoming: None,
                encryption: None,
                reply,
            };
            port.send_async(request).await.unwrap();
            let response = answer.recv_async().await.unwrap();
            stopper.stop();
            response.status
        });
        let ended = source.run(fake.clone()).await;
        assert_eq!(ended, Err(plan::SourceError::Stopped));
        assert_eq!(caller.await.unwrap(), 200);
        let seen = fake.seen.borrow();
        let plan::Data::Value(value) = &seen[0].data else { panic!("a value") };
        assert_eq!(*value, K::longs(vec![1, 2]));
        let mut bytes = Vec::new();
        encode(value, Endian::Little, &mut bytes).unwrap();
    });
}
