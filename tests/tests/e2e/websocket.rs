//! Websockets between the program and clients and servers of another make, and between the program
//! and those who mean it no good.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::program::{Folder, Program, http, until};
use tests::python::{self, run};

fn python() -> Option<String> {
    python::having(&["websockets"])
}

/// A script that runs until it is dropped.
struct Script(Child);

impl Script {
    fn start(python: &str, script: &str, args: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.args(["-c", script]).args(args).stdin(Stdio::null());
        Script(command.spawn().expect("it starts"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> (Program, String) {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0", "--shards", "2"]);
    let address = program.address("requests: benthos");
    (program, address)
}

fn post(address: &str, target: &str, body: &str) {
    let answer = http(address, "POST", target, body);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{target}");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Greeted, it sends a message in one piece and one in three, pings, and reads what is answered.
const CLIENT: &str = r#"
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], compression=None) as ws:
        print(repr(await ws.recv()))
        await ws.send("one")
        print(repr(await ws.recv()))
        await (await ws.ping(b"hi"))
        await ws.send(iter([b"t", b"w", b"o"]))
        print(repr(await ws.recv()))
        await ws.send("x" * 300000)
        print(len(await ws.recv()))
    print(ws.close_code)
asyncio.run(main())
"#;

/// Reads so many messages.
const READER: &str = r#"
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        for _ in range(int(sys.argv[2])):
            print((await ws.recv()).decode())
asyncio.run(main())
"#;

/// Serves: writes what it is sent to a file, one line each, prefixed by the path; says two messages
/// to whoever asks for `/feed` and closes after them.
const SERVER: &str = r#"
import asyncio, ssl, sys, websockets
async def talk(ws):
    path = ws.request.path
    if path == "/feed":
        hello = await ws.recv()
        await ws.send(hello + "!")
        await ws.send(iter(["a", "b"]))
        await ws.close(1001, "later")
        return
    async for message in ws:
        with open(sys.argv[2], "ab") as out:
            out.write(path.encode() + b" " + message + b"\n")
async def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    async with websockets.serve(talk, "127.0.0.1", int(sys.argv[1]), ssl=context):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"#;

const SAID: &str = "b'hello'\n'ONE'\n'TWO'\n300000\n1000\n";

#[test]
fn a_client_of_another_make_speaks_to_both_servers() {
    let Some(python) = python() else { return };
    let folder = Folder::new("ws-server");
    let (_program, address) = start();
    let own = format!("127.0.0.1:{}", free_port());
    for (id, at) in [("process", ""), ("own", &*own)] {
        let stream = format!(
            "input: {{http_server: {{address: '{at}', ws_path: /ws, ws_welcome_message: hello}}}}\n\
             pipeline: {{processors: [{{mapping: 'root = content().uppercase()'}}, \
             {{sync_response: {{}}}}]}}\noutput: {{file: {{path: {}}}}}\n",
            folder.path(id).display()
        );
        post(&address, &format!("/streams/{id}"), &stream);
    }
    assert!(until(|| TcpStream::connect(&own).ok()).is_some(), "its own server listens");
    let said = run(&python, CLIENT, &[&format!("ws://{address}/process/ws")]);
    assert_eq!(said, SAID);
    let said = run(&python, CLIENT, &[&format!("ws://{own}/ws")]);
    assert_eq!(said, SAID);
    for id in ["process", "own"] {
        let lines: Vec<_> = folder.read(id).lines().map(str::len).collect();
        assert_eq!(lines, [3, 3, 300_000], "{id}");
    }
}

#[test]
fn messages_are_read_by_a_client_of_another_make_and_by_an_endless_answer() {
    let Some(python) = python() else { return };
    let (_program, address) = start();
    let own = format!("127.0.0.1:{}", free_port());
    for (id, at) in [("process", ""), ("own", &*own)] {
        let stream = format!(
            "input: {{generate: {{mapping: 'root = counter()', interval: 1ms}}}}\n\
             output: {{http_server: {{address: '{at}'}}}}\n"
        );
        post(&address, &format!("/streams/{id}"), &stream);
    }
    assert!(until(|| TcpStream::connect(&own).ok()).is_some(), "its own server listens");
    for (host, base) in [(&*address, "/process/get"), (&*own, "/get")] {
        let said = run(&python, READER, &[&format!("ws://{host}{base}/ws"), "5"]);
        let numbers: Vec<u32> = said.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(numbers.len() == 5 && numbers.is_sorted(), "{said}");
        let mut endless = TcpStream::connect(host).expect("it listens");
        write!(endless, "GET {base}/stream HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("it reads");
        let mut text = String::new();
        let mut some = [0; 512];
        while text.matches("\n").count() < 40 {
            let count = endless.read(&mut some).expect("it goes on");
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&some[..count]));
        }
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.to_lowercase().contains("transfer-encoding: chunked"), "{text}");
        drop(endless);
        assert_eq!(http(host, "GET", base, "").status, 200);
    }
}

#[test]
fn a_server_of_another_make_feeds_and_is_fed_also_by_tls() {
    let Some(python) = python() else { return };
    let folder = Folder::new("ws-client");
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let cert = folder.write("cert.pem", key.cert.pem());
    let secret = folder.write("key.pem", key.signing_key.serialize_pem());
    let (plain, sealed) = (free_port(), free_port());
    let record = folder.path("served.txt").display().to_string();
    let _server = Script::start(&python, SERVER, &[&plain.to_string(), &record]);
    let port = sealed.to_string();
    let _sealed = Script::start(&python, SERVER, &[&port, &record, &cert, &secret]);
    let (_program, address) = start();
    let trust = format!("tls: {{enabled: true, root_cas_file: '{cert}'}}");
    let places = [
        ("plain", format!("url: 'ws://localhost:{plain}/"), String::new()),
        ("sealed", format!("url: 'wss://localhost:{sealed}/"), format!(", {trust}")),
    ];
    for (id, url, tls) in &places {
        let feed = format!(
            "input: {{websocket: {{{url}feed', open_message: hey, \
             open_message_type: text{tls}}}}}\n\
             output: {{file: {{path: {}}}}}\n",
            folder.path(&format!("{id}.txt")).display()
        );
        post(&address, &format!("/streams/{id}"), &feed);
        let fed =
            until(|| folder.read(&format!("{id}.txt")).starts_with("hey!\nab\nhey!").then_some(()));
        assert!(fed.is_some(), "{id}: {}", folder.read(&format!("{id}.txt")));
        assert_eq!(http(&address, "DELETE", &format!("/streams/{id}"), "").status, 200);
        let large = "y".repeat(200_000);
        let send = format!(
            "input: {{generate: {{mapping: 'root = \"{large}\"', interval: '', count: 3}}}}\n\
             output: {{websocket: {{{url}{id}'{tls}}}}}\n"
        );
        post(&address, &format!("/streams/{id}"), &send);
        let line = format!("/{id} {large}");
        let served = || folder.read("served.txt").lines().filter(|got| *got == line).count();
        assert!(until(|| (served() == 3).then_some(())).is_some(), "{id}: {}", served());
    }
    let stranger = format!("input: {{websocket: {{url: 'wss://localhost:{sealed}/feed'}}}}\n");
    post(&address, "/streams/stranger", &format!("{stranger}output: {{drop: {{}}}}\n"));
    let refused = "Failed to connect to websocket: tls: ";
    assert!(until(|| _program.log().contains(refused).then_some(())).is_some());
}

/// A connection that has just become a websocket.
fn upgraded(address: &str, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .expect("it reads");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).expect("an answer"), 1);
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    stream
}

/// What comes until the end.
fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

#[test]
fn hostile_clients_are_left_and_harm_nobody() {
    let folder = Folder::new("ws-hostile");
    let (_program, address) = start();
    let own = format!("127.0.0.1:{}", free_port());
    for (id, at) in [("process", ""), ("own", &*own)] {
        let stream = format!(
            "input: {{http_server: {{address: '{at}', ws_path: /ws}}}}\n\
             output: {{file: {{path: {}}}}}\n",
            folder.path(id).display()
        );
        post(&address, &format!("/streams/{id}"), &stream);
    }
    assert!(until(|| TcpStream::connect(&own).ok()).is_some(), "its own server listens");
    for (id, host, target) in [("process", &*address, "/process/ws"), ("own", &*own, "/ws")] {
        let stalled: Vec<_> = (0..50).map(|_| upgraded(host, target)).collect();
        let mut cut = upgraded(host, target);
        cut.write_all(b"\x81\xff\0\0").expect("it reads");
        drop(cut);
        let mut garbage = upgraded(host, target);
        garbage.write_all(&b"GET / HTTP/1.1\r\n".repeat(9)).expect("it reads");
        assert_eq!(to_the_end(&mut garbage), b"\x88\x02\x03\xea", "a protocol error");
        let mut bare = upgraded(host, target);
        bare.write_all(b"\x81\x01x").expect("it reads");
        assert_eq!(to_the_end(&mut bare), b"\x88\x02\x03\xea", "no mask");
        let mut large = upgraded(host, target);
        large.write_all(b"\x82\xff\0\0\0\0\xff\0\0\0abcd").expect("it reads");
        assert_eq!(to_the_end(&mut large), b"\x88\x02\x03\xf1", "too large");
        // Its frames come with its request, before it was let in.
        let mut early = TcpStream::connect(host).expect("it listens");
        early.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let frames = b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0";
        early.write_all(&[head.as_bytes(), frames].concat()).expect("it reads");
        let answer = to_the_end(&mut early);
        assert!(answer.ends_with(b"\r\n\r\n\x88\x00"), "{answer:?}");
        assert!(until(|| (folder.read(id) == "hi\n").then_some(())).is_some(), "{id}");
        let mut refused = TcpStream::connect(host).expect("it listens");
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n");
        write!(refused, "{head}Upgrade: websocket\r\n\r\n").expect("it reads");
        refused.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        let mut answer = vec![0; 24];
        refused.read_exact(&mut answer).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 400 Bad Request");
        // Those who say nothing are told when the stream ends.
        assert_eq!(http(&address, "DELETE", &format!("/streams/{id}"), "").status, 200);
        for mut stream in stalled {
            assert_eq!(to_the_end(&mut stream), b"\x88\x02\x03\xe9", "going away");
        }
    }
    let other = http(&address, "GET", "/ping", "");
    assert_eq!(other.status, 200);
}

#[test]
fn what_one_stream_sends_another_receives_and_again_after_it_was_away() {
    let folder = Folder::new("ws-pair");
    let (_program, address) = start();
    let out = folder.path("out.txt").display().to_string();
    let server =
        format!("input: {{http_server: {{ws_path: /ws}}}}\noutput: {{file: {{path: {out}}}}}\n");
    let client = format!(
        "input: {{generate: {{mapping: 'root = counter()', interval: 1ms}}}}\n\
         output: {{websocket: {{url: 'ws://{address}/ws/ws'}}}}\n"
    );
    post(&address, "/streams/wc", &client);
    for _ in 0..3 {
        let lines = folder.read("out.txt").lines().count();
        post(&address, "/streams/ws", &server);
        let more = || folder.read("out.txt").lines().count() > lines + 20;
        assert!(until(|| more().then_some(())).is_some(), "{lines} lines");
        assert_eq!(http(&address, "DELETE", "/streams/ws", "").status, 200);
    }
    let numbers: Vec<u32> =
        folder.read("out.txt").lines().filter_map(|line| line.parse().ok()).collect();
    assert!(numbers.is_sorted(), "in their order");
}

/// Who sends more than is taken is held up, at a port of the process and at one of its own, and
/// loses nothing.
#[test]
fn a_client_that_sends_more_than_is_taken_is_held_up() {
    let (_program, address) = start();
    let own = format!("127.0.0.1:{}", free_port());
    // Nobody asks for the messages yet.
    let output = r#"{"http_server": {"path": "/get", "timeout": "30s"}}"#;
    let input = |own: &str| {
        format!(r#"{{"http_server": {{"address": "{own}", "path": "", "ws_path": "/ws"}}}}"#)
    };
    for (stream, own) in [("port", ""), ("own", own.as_str())] {
        let body = format!(r#"{{"input": {}, "output": {output}}}"#, input(own));
        post(&address, &format!("/streams/{stream}"), &body);
        let (host, path) = match own {
            "" => (address.as_str(), format!("/{stream}/ws")),
            own => (own, "/ws".to_owned()),
        };
        let socket = until(|| {
            let socket = TcpStream::connect(host).ok()?;
            let url = format!("ws://{host}{path}");
            tungstenite::client(url, socket).ok().map(|(socket, _)| socket)
        });
        let mut socket = socket.expect("a websocket");
        socket.get_ref().set_write_timeout(Some(Duration::from_secs(2))).expect("is set");
        let message = "x".repeat(256 << 10);
        let most = 512;
        let sent = (0..most)
            .take_while(|_| socket.send(tungstenite::Message::text(message.clone())).is_ok())
            .count();
        assert!(sent < most / 2, "{stream}: {} MiB were taken", sent / 4);
        // What is under way arrives, and so does what was held up.
        for number in 0..sent {
            let answer = http(&address, "GET", &format!("/{stream}/get"), "");
            assert_eq!((answer.status, answer.text().len()), (200, message.len()), "{number}");
        }
    }
}
