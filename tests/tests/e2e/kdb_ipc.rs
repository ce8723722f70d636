//! What clients of kdb+ IPC may ask of pipelines, and what is below the path of a pipeline.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use formats::k::ipc::{Body, Endian, decode_body, encode};
use formats::k::{K, Sym};
use serde_json::{Value, json};
use tests::program::{Folder, Program, binary, http, io_args, until};

/// A client that was let in.
pub(super) struct Client(TcpStream);

impl Client {
    pub(super) fn new(address: &str) -> Self {
        Client::with(address, b"test\x03\0").expect("is let in")
    }

    /// A client that introduces itself with these bytes; nothing when it is not let in.
    fn with(address: &str, login: &[u8]) -> Option<Self> {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.write_all(login).expect("sends");
        let mut byte = [0];
        let read = stream.read(&mut byte).unwrap_or_default();
        (read == 1).then_some(Client(stream))
    }

    fn send(&mut self, kind: u8, request: &K) {
        let mut body = Vec::new();
        encode(request, Endian::Little, &mut body).expect("has a wire form");
        let length = (8 + body.len() as u32).to_le_bytes();
        let message = [&[1, kind, 0, 0], &length[..], &body].concat();
        self.0.write_all(&message).expect("sends");
    }

    fn receive(&mut self) -> Body {
        let mut head = [0; 8];
        self.0.read_exact(&mut head).expect("is answered");
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let mut body = vec![0; length - 8];
        self.0.read_exact(&mut body).expect("is answered whole");
        decode_body(&body, Endian::Little).expect("an object")
    }

    pub(super) fn ask(&mut self, request: &K) -> Body {
        self.send(1, request);
        self.receive()
    }

    pub(super) fn text(&mut self, text: &str) -> Body {
        self.ask(&K::str(text))
    }
}

fn error(text: &str) -> Body {
    Body::Error(text.to_owned())
}

fn null() -> Body {
    Body::Value(K::Null)
}

/// A service with these options for clients.
pub(super) fn service(options: &[&str]) -> (Program, String, String) {
    let listen = ["serve", "--listen", "kdb=127.0.0.1:0", "--ipc", "127.0.0.1:0"];
    let program = Program::start(&[&listen[..], options].concat());
    let (rest, ipc) = (program.address("HTTP requests: kdb"), program.address("kdb+ IPC"));
    (program, rest, ipc)
}

fn create(rest: &str, name: &str, spec: &str) -> String {
    let body = json!({"name": name, "type": "spec", "config": {"content": spec}});
    let created = http(rest, "POST", "/pipeline/create", &body.to_string());
    assert_eq!(created.status, 200, "{}", created.text());
    created.json()["id"].as_str().expect("an id").to_owned()
}

const SPEC: &str = "n:5\n.qsp.run .qsp.read.fromCallback[`publish]\n  \
    .qsp.map[{.qsp.set[x;y;z]; z}; .qsp.use `name`state!(`kept;0)]\n  \
    .qsp.write.toVariable[`out]\n";

#[test]
fn a_pipeline_is_asked_over_ipc() {
    let (_program, rest, ipc) = service(&[]);
    let id = create(&rest, "asked", SPEC);
    let mut client = Client::new(&ipc);
    assert_eq!(client.text("out"), error("out"), "nothing is written yet");
    assert_eq!(client.text("publish 1 2"), null());
    assert_eq!(client.ask(&K::list(vec![K::sym("publish"), K::longs(vec![3])])), null());
    let want = Body::Value(K::longs(vec![1, 2, 3]));
    for request in [K::sym("out"), K::str("out")] {
        assert_eq!(
            until(|| Some(client.ask(&request)).filter(|got| *got == want)),
            Some(want.clone())
        );
    }
    let state = K::list(vec![K::sym(".qsp.get"), K::sym("kept"), K::Null]);
    assert_eq!(client.ask(&state), Body::Value(K::longs(vec![3])));
    let graph = client.text(".spctl.api.getGraph[]");
    let Body::Value(graph) = graph else { panic!("{graph:?}") };
    let graph = String::from_utf8_lossy(graph.as_text().expect("a text")).into_owned();
    assert!(graph.starts_with("digraph pipeline {"), "{graph}");
    let workers = client.text(".spctl.api.getWorkers[]");
    let Body::Value(K::Table(workers)) = workers else { panic!("{workers:?}") };
    let shown = http(&rest, "GET", &format!("/pipeline/{id}/workers"), "").json();
    let names = workers.column(Sym::new("name")).and_then(K::as_syms).expect("names");
    assert_eq!(
        names.iter().map(|s| s.as_str().to_owned()).collect::<Vec<_>>(),
        [shown[0]["name"].as_str().expect("a name")]
    );
    assert_eq!(shown[0]["address"], json!(ipc));
    for (text, why) in [("n", "n"), ("1+1", "access"), ("publish 1+1", "access")] {
        assert_eq!(client.text(text), error(why), "{text}");
    }
    // Of two pipelines the newer one is read, once it has something to read.
    let newer = create(&rest, "newer", &SPEC.replace("publish", "other"));
    assert_eq!(client.text("out"), want);
    assert_eq!(client.text("other 9 9"), null());
    let newest = Body::Value(K::longs(vec![9, 9]));
    assert!(until(|| (client.text("out") == newest).then_some(())).is_some());
    assert_eq!(client.text(".qsp.teardown[]"), error("2 pipelines run"));
    assert_eq!(
        client.text(&format!(".qsp.teardown[`$\"{newer}\"]")),
        error("access"),
        "a call in it"
    );
    let teardown = K::syms(vec![Sym::new(".qsp.teardown"), Sym::new(&newer)]);
    assert_eq!(client.ask(&teardown), null());
    assert_eq!(client.text("out"), want, "the one before is read again");
    assert_eq!(client.text(".qsp.teardown[]"), null());
    assert_eq!(http(&rest, "GET", "/pipelines", "").json(), json!([]));
    assert_eq!(client.text("out"), error("out"));
}

#[test]
fn what_a_pipeline_holds_is_written_when_a_client_tears_it_down() {
    let folder = Folder::new("kdb-teardown");
    let spec = ".qsp.run .qsp.read.fromCallback[`publish] .qsp.window.count[2]\n  \
        .qsp.write.toConsole[\"\"; .qsp.use enlist[`timestamp]!enlist `]\n";
    let spec = folder.write("spec.q", spec);
    let out = File::create(folder.path("out")).expect("a file");
    let mut command = Command::new(binary());
    command.args(["run", "--ipc", "127.0.0.1:0", &spec]).args(io_args()).stdout(out);
    let mut program = Program::with(&mut command);
    let mut client = Client::new(&program.address("kdb+ IPC"));
    assert_eq!(client.text("publish ([]x:1 2 3)"), null());
    assert_eq!(client.text(".qsp.teardown[]"), null());
    let status = program.wait().expect("it ends");
    assert!(status.success(), "{status}: {}", program.log());
    let lines: Vec<String> =
        folder.read("out").lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(lines, ["x", "-", "1", "2", "x", "-", "3"]);
}

#[test]
fn wrong_passwords_close_the_connection() {
    let folder = Folder::new("kdb-users");
    let users = folder.write("users.txt", "bob:p:w\n\neve:\n");
    let (program, rest, ipc) = service(&["--ipc-users", &users]);
    create(&rest, "asked", SPEC);
    for wrong in ["bob:pw\x03\0", "bob\x03\0", "mallory:p:w\x03\0"] {
        assert!(Client::with(&ipc, wrong.as_bytes()).is_none(), "{wrong:?}");
    }
    let mut client = Client::with(&ipc, b"bob:p:w\x03\0").expect("is let in");
    assert_eq!(client.text("publish 1"), null());
    assert!(Client::with(&ipc, b"eve\x03\0").is_some(), "no password is her password");
    let told = until(|| program.log().contains("wrong credentials of user").then_some(()));
    assert!(told.is_some(), "{}", program.log());
    assert!(!program.log().contains("p:w"), "{}", program.log());
}

#[test]
fn everything_is_evaluated_where_that_is_asked_for() {
    let (_program, rest, ipc) = service(&["--ipc-eval"]);
    let mut client = Client::new(&ipc);
    assert_eq!(client.text("1+1"), error("no pipeline runs"));
    let id = create(&rest, "asked", SPEC);
    assert_eq!(client.text("n+1"), Body::Value(K::long(6)));
    assert_eq!(client.text("n:7"), Body::Value(K::long(7)));
    let call = K::list(vec![K::str("{x+y+n}"), K::long(1), K::long(2)]);
    assert_eq!(client.ask(&call), Body::Value(K::long(10)));
    assert_eq!(client.text("1+`a"), error("type"));
    assert_eq!(client.text("publish n+til 2"), null());
    let want = Body::Value(K::longs(vec![7, 8]));
    assert!(until(|| (client.text("out") == want).then_some(())).is_some());
    assert_eq!(client.text("while[1b;1]"), error("stop"), "it ends");
    let status = http(&rest, "GET", &format!("/pipeline/status/{id}"), "").json();
    assert_eq!(status, json!({"state": "Running", "error": ""}), "and the pipeline lives");
}

#[test]
fn what_an_answer_calls_a_reader_with_flows_at_once() {
    let (_program, rest, ipc) = service(&["--ipc-eval"]);
    create(&rest, "asked", SPEC);
    let mut client = Client::new(&ipc);
    assert_eq!(client.text("count publish each 7 8"), Body::Value(K::long(2)));
    let want = Body::Value(K::longs(vec![7, 8]));
    assert!(until(|| (client.text("out") == want).then_some(())).is_some());
}

#[test]
fn answers_come_in_the_order_of_the_requests_also_of_many_at_once() {
    let (_program, rest, ipc) = service(&[]);
    create(&rest, "asked", SPEC);
    let mut client = Client::new(&ipc);
    const CALLS: i64 = 5_000;
    for n in 0..CALLS {
        client.send(1, &K::list(vec![K::sym("publish"), K::longs(vec![n])]));
        if n % 1_000 == 0 {
            client.send(1, &K::sym("nope"));
        }
    }
    for n in 0..CALLS {
        assert_eq!(client.receive(), null(), "{n}");
        if n % 1_000 == 0 {
            assert_eq!(client.receive(), error("nope"), "{n}");
        }
    }
    let want = Body::Value(K::longs((0..CALLS).collect()));
    assert!(until(|| (client.text("out") == want).then_some(())).is_some(), "none is missing");
}

#[test]
fn logs_and_metrics_are_below_the_path_of_a_pipeline() {
    let (_program, rest, ipc) = service(&[]);
    let spec = ".qsp.run .qsp.read.fromCallback[`publish]\n  \
        .qsp.map[{.qsp.set[x;y;z]; 1+z}; .qsp.use `name`state!(`kept;0)]\n  \
        .qsp.write.toVariable[`out]\n";
    let id = create(&rest, "asked", spec);
    let get = |path: &str| http(&rest, "GET", &format!("/pipeline/{id}/{path}"), "");
    let mut client = Client::new(&ipc);
    assert_eq!(client.text("publish 1 2"), null());
    assert_eq!(client.text("publish `a"), null());
    let line = until(|| {
        let lines = get("logs").json()["lines"].clone();
        let lines = lines.as_array()?.iter().filter_map(Value::as_str);
        lines.filter(|line| line.contains("'type")).map(str::to_owned).next()
    });
    assert!(line.is_some_and(|line| line.contains("kept")), "{}", get("logs").text());
    assert_eq!(get("metrics").json()[1]["name"], "_total");
}
