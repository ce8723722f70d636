//! The coordinator document: a spec created as its `jq` pipeline does, fed over kdb+ IPC, seen in
//! every call, torn down.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, until};

/// The document's body: an object, as the text of a JSON string.
pub(super) fn body(spec: &str) -> String {
    let object = json!({
        "name": "file",
        "type": "spec",
        "persistence": {"controller": {}, "worker": {}},
        "config": {"content": spec},
        "settings": {"minWorkers": "1", "maxWorkers": "10"},
    });
    Value::String(format!("{object:#}\n")).to_string()
}

const SPEC: &str = ".qsp.run\n    .qsp.read.fromCallback[`upd]\n    .qsp.write.toConsle[]\n";

pub(super) fn with_ipc() -> Program {
    Program::start(&["serve", "--listen", "kdb=127.0.0.1:0", "--listen", "ipc=127.0.0.1:0"])
}

/// A client of kdb+ IPC that was let in.
pub(crate) fn client(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.write_all(b"test\x03\x00").expect("sends");
    stream.read_exact(&mut [0]).expect("is let in");
    stream
}

/// A message in small endian: 0 asynchronous, 1 synchronous, 2 a response.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (8 + body.len() as u32).to_le_bytes();
    [&[1, kind, 0, 0], &length[..], body].concat()
}

/// Sends ``(`upd;1 2 3)`` as a sync call and returns the type of the answer's body.
pub(super) fn publish(address: &str) -> u8 {
    let mut stream = client(address);
    let mut call = vec![0, 0, 2, 0, 0, 0, 0xf5];
    call.extend_from_slice(b"upd\0");
    call.extend_from_slice(&[7, 0, 3, 0, 0, 0]);
    for n in 1..=3i64 {
        call.extend_from_slice(&n.to_le_bytes());
    }
    stream.write_all(&message(1, &call)).expect("sends");
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).expect("is answered");
    assert_eq!(answer[1], 2, "a response");
    answer[8]
}

#[test]
fn a_pipeline_lives_as_the_document_says() {
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let ipc = program.address("kdb+ IPC");
    assert_eq!(http(&address, "GET", "/pipelines", "").json(), json!([]));

    let created = http(&address, "POST", "/pipeline/create", &body(SPEC));
    assert_eq!(created.status, 200, "{}", created.text());
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let (name, letters) = id.split_once('-').expect("a name and letters");
    assert_eq!((name, letters.len()), ("file", 10));

    let listed = http(&address, "GET", "/pipelines", "").json();
    assert_eq!(listed[0]["id"], json!(id));
    assert_eq!(listed[0]["state"], "RUNNING");
    assert_eq!(listed[0]["error"], "");
    assert_eq!(listed[0]["created"].as_str().expect("a time").len(), 29);

    assert_eq!(publish(&ipc), 101, "the generic null");
    let details = until(|| {
        let details = http(&address, "GET", "/details", "").json();
        let rate = details[0]["metrics"]["eventRate"].as_f64()?;
        let latency = details[0]["metrics"]["latency"].as_f64()?;
        (rate > 0.0 && latency > 0.0).then_some(details)
    });
    let details = details.expect("the event is seen");
    let rate = details[0]["metrics"]["eventRate"].as_f64().expect("a number");
    assert!(rate <= 3.0, "three events over at least a second: {rate}");
    assert!(details[0]["metrics"]["bytesRate"].as_f64().expect("a number") > 0.0);

    let status = http(&address, "GET", &format!("/pipeline/status/{id}"), "");
    assert_eq!(status.json(), json!({"state": "Running", "error": ""}));
    let console = http(&address, "GET", &format!("/v1/pipelines/pipelines/{id}/console"), "");
    assert!(console.text().contains("1 2 3"), "{}", console.text());

    let down = http(&address, "POST", &format!("/pipeline/teardown/{id}"), "");
    assert_eq!(down.status, 200, "{}", down.text());
    assert_eq!(http(&address, "GET", "/pipelines", "").json(), json!([]));
    assert_eq!(http(&address, "GET", &format!("/pipeline/status/{id}"), "").status, 404);
}

#[test]
fn a_spec_that_does_not_parse_creates_nothing() {
    let program = Program::start(&["serve", "--listen", "kdb=127.0.0.1:0"]);
    let address = program.address("HTTP requests: kdb");
    let refused = http(&address, "POST", "/pipeline/create", &body(".qsp.run (1;2\n"));
    assert_eq!(refused.status, 400);
    let error = refused.json()["error"].as_str().expect("a text").to_owned();
    assert!(error.starts_with("spec:1:14: error: "), "line and column: {error}");
    assert!(error.ends_with("1 | .qsp.run (1;2\n  |              ^"), "a caret: {error}");
    assert_eq!(http(&address, "GET", "/pipelines", "").json(), json!([]));
}

/// Creates a pipeline and returns its id.
pub(crate) fn create(address: &str, body: &str) -> String {
    let created = http(address, "POST", "/pipeline/create", body);
    assert_eq!(created.status, 200, "{}", created.text());
    created.json()["id"].as_str().expect("an id").to_owned()
}

/// What a pipeline wrote to its console.
fn console(address: &str, id: &str) -> String {
    http(address, "GET", &format!("/v1/pipelines/pipelines/{id}/console"), "").text()
}

#[test]
fn a_spec_that_cannot_be_loaded_is_there_with_its_error_also_after_a_restart() {
    let folder = Folder::new("kdb-errors");
    let state = folder.path("state").display().to_string();
    let start = || Program::start(&["serve", "--listen", "kdb=127.0.0.1:0", "--state-dir", &state]);
    let program = start();
    let address = program.address("HTTP requests: kdb");
    let no_name = ".qsp.run .qsp.read.fromCallback[`] .qsp.write.toConsole[]";
    let cases = [
        ("a:1\nb:2+`x", "type"),
        ("f:{hopen x}\n", "nyi: hopen"),
        (no_name, "field 'name': a callback needs a name"),
    ];
    let ids = cases.map(|(spec, _)| create(&address, &body(spec)));
    let check = |address: &str| {
        for ((spec, error), id) in cases.iter().zip(&ids) {
            let status = http(address, "GET", &format!("/pipeline/status/{id}"), "").json();
            assert_eq!(status["state"], "Errored", "{spec}: {status}");
            let text = status["error"].as_str().expect("a text");
            assert!(text.contains(error) && !text.starts_with('\''), "{spec}: {text}");
            let shown = http(address, "GET", &format!("/pipeline/{id}"), "").json();
            assert_eq!((&shown["state"], &shown["error"]), (&json!("ERRORED"), &json!(text)));
        }
    };
    check(&address);
    program.signal("KILL");
    drop(program);
    let program = start();
    check(&program.address("HTTP requests: kdb"));
}

#[test]
fn what_was_posted_is_shown_and_secrets_are_not() {
    let program = Program::start(&["serve", "--listen", "kdb=127.0.0.1:0"]);
    let address = program.address("HTTP requests: kdb");
    let posted = json!({
        "name": "file", "type": "spec", "base": "q", "loadError": "mine",
        "config": {"content": SPEC}, "settings": {"minWorkers": 1, "maxWorkers": "2"},
        "persistence": {"controller": {"checkpointFreq": "5000"}, "worker": {"size": "1Gi"}},
        "env": {"KXI_LOG": "debug", "DB_PASSWORD": "hush"}, "labels": {"team": "a"},
    });
    let id = create(&address, &posted.to_string());
    let all = http(&address, "GET", "/details", "").json();
    let one = http(&address, "GET", &format!("/pipeline/{id}"), "").json();
    for details in [&all[0], &one] {
        for key in ["base", "config", "labels", "loadError", "persistence", "settings", "type"] {
            assert_eq!(details[key], posted[key], "{key}");
        }
        assert_eq!((&details["state"], &details["error"]), (&json!("RUNNING"), &json!("")));
        assert_eq!(details["env"]["KXI_LOG"], "debug");
        assert!(!details.to_string().contains("hush"), "{details}");
    }
}

#[test]
fn health_is_asked_at_the_root_of_the_kdb_port() {
    let listen = ["benthos=127.0.0.1:0", "kdb=127.0.0.1:0", "nes=127.0.0.1:0"];
    let args: Vec<&str> = listen.iter().flat_map(|address| ["--listen", address]).collect();
    let program = Program::start(&[&["serve"], &args[..]].concat());
    for verb in ["GET", "HEAD"] {
        let status = |name: &str| {
            http(&program.address(&format!("HTTP requests: {name}")), verb, "/", "").status
        };
        assert_eq!(["benthos", "kdb", "nes"].map(status), [404, 200, 404], "{verb}");
    }
}

#[test]
fn calls_go_to_the_newest_of_two_pipelines_and_then_to_the_one_before() {
    let program =
        Program::start(&["serve", "--listen", "kdb=127.0.0.1:0", "--listen", "ipc=127.0.0.1:0"]);
    let (address, ipc) = (program.address("HTTP requests: kdb"), program.address("kdb+ IPC"));
    let [first, second] = [1, 2].map(|_| create(&address, &body(SPEC)));
    let written = |id: &str| console(&address, id).matches("1 2 3").count();
    assert_eq!(publish(&ipc), 101, "the generic null");
    let warned = until(|| {
        let log = program.log();
        let line = |line: &str| [&first, &second].iter().all(|id| line.contains(id.as_str()));
        log.lines().any(|l| l.contains("level=warning") && line(l)).then_some(())
    });
    assert!(warned.is_some(), "{}", program.log());
    assert!(until(|| (written(&second) == 1).then_some(())).is_some(), "the newest is called");
    assert_eq!(written(&first), 0);
    let down = http(&address, "POST", &format!("/pipeline/teardown/{second}"), "");
    assert_eq!(down.status, 200, "{}", down.text());
    assert_eq!(publish(&ipc), 101, "no error");
    assert!(until(|| (written(&first) == 1).then_some(())).is_some(), "then the one before");
}

#[test]
fn a_stream_cannot_hide_the_paths_of_pipelines() {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("HTTP requests: benthos");
    let stream = r#"{"input":{"http_server":{"path":"/create"}},"output":{"drop":{}}}"#;
    for id in ["details", "pipeline", "pipelines", "v1"] {
        let refused = http(&address, "POST", &format!("/streams/{id}"), stream);
        let text = format!("Error: the stream id '{id}' is reserved\n");
        assert_eq!((refused.status, refused.text()), (400, text));
    }
    assert_eq!(http(&address, "POST", "/streams/other", stream).status, 200);
    assert_eq!(http(&address, "POST", "/pipeline/create", "{}").status, 400, "still kdb's");
}

/// The lines of the log that contain a text.
fn lines_with(program: &Program, text: &str) -> Vec<String> {
    program.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

#[test]
fn bytes_that_are_no_object_close_their_connection_with_one_line() {
    let program = with_ipc();
    let ipc = program.address("kdb+ IPC");
    let mut other = client(&ipc);
    for (bytes, why) in [
        (message(1, &[200]), "no object has type -56"),
        (message(0, &[7, 0, 255, 255, 255, 127]), "a length does not fit the message"),
        (message(1, &[0, 0, 1, 0, 0, 0].repeat(1000)), "nested too deep"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "no message begins with"),
    ] {
        let mut bad = client(&ipc);
        bad.write_all(&bytes).expect("sends");
        assert!(matches!(bad.read(&mut [0]), Ok(0) | Err(_)), "{why}: it is closed");
        assert!(until(|| lines_with(&program, why).pop()).is_some(), "{why}");
    }
    let mut http = TcpStream::connect(&ipc).expect("connects");
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sends");
    assert!(matches!(http.read(&mut [0]), Ok(0) | Err(_)), "it is closed");
    assert!(until(|| lines_with(&program, "this is HTTP").pop()).is_some());
    let lines = lines_with(&program, "connection of an IPC client was closed");
    assert_eq!(lines.len(), 5, "{lines:?}");
    other.write_all(&message(1, &[101, 0])).expect("sends");
    other.read_exact(&mut [0; 8]).expect("the other client is answered");
}

#[test]
fn a_flood_of_failing_calls_does_not_flood_the_log() {
    const CALLS: usize = 5_000;
    let program = with_ipc();
    let mut client = client(&program.address("kdb+ IPC"));
    let call = message(0, b"\0\0\x02\0\0\0\xf5nope\0\x65\0");
    client.write_all(&call.repeat(CALLS)).expect("sends");
    drop(client);
    // Each is told of: by a line of its own, or in the count of another line.
    let told = || {
        let said = lines_with(&program, "an asynchronous call failed");
        let counted = lines_with(&program, "left_out=").into_iter().map(|line| {
            let count = line.split_once("left_out=").map_or("", |(_, rest)| rest);
            let digits = count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
            count[..digits].parse::<usize>().expect("a count")
        });
        (said.len() + counted.sum::<usize>() == CALLS).then_some(said.len())
    };
    let said = until(told).unwrap_or_else(|| panic!("{}", program.log()));
    assert!(said < CALLS / 10, "{said} lines in the log");
}
