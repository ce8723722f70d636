//! The program ends in time when it is told to, whatever its pipelines wait for, and says so; and
//! nobody waits for a pipeline that is gone.

use std::fmt::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tests::client::Connection;
use tests::program::{Folder, Program, binary, http, io_args, until};

/// A source that never ends, of messages large enough to fill at once whatever a kernel buffers.
const ENDLESS: &str =
    "input:\n  generate:\n    interval: \"\"\n    mapping: root = \"message\".repeat(10000)\n";
/// How long pipelines may take to stop.
const TIMEOUT: &str = "1s";
/// Bytes of a body of which three do not fit into what a pipeline may have on the way.
const LARGE: usize = 3 << 20;
/// Requests that post such a body.
const LARGE_POSTS: usize = 8;

/// A FIFO that nobody reads.
fn fifo(folder: &Folder) -> String {
    let path = folder.path("fifo");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "a FIFO can be made");
    path.display().to_string()
}

/// A service's settings and a stream that are enough for `run`.
fn config(output: &str) -> String {
    format!(
        "http:\n  address: 127.0.0.1:0\nshutdown_timeout: {TIMEOUT}\n{ENDLESS}output:\n  {output}\n"
    )
}

/// Tells it to end; it does, with success, and says that something was forced.
fn ends_by_force(mut program: Program) {
    program.signal("TERM");
    let status = program.wait().expect("it ends");
    let log = program.log();
    assert!(status.success(), "{status}:\n{log}");
    assert!(log.contains("The service was closed by force"), "{log}");
    assert!(!log.contains("closed gracefully"), "{log}");
}

/// Waits until a stream has read and its sink does not take more.
fn until_stuck(program: &Program) {
    let started = until(|| program.log().contains("Listening for HTTP").then_some(()));
    assert!(started.is_some(), "{}", program.log());
    thread::sleep(Duration::from_millis(200));
}

#[test]
fn streams_end_in_time_though_a_fifo_has_no_reader() {
    let folder = Folder::new("stop-streams");
    let settings = format!("http:\n  address: 127.0.0.1:0\nshutdown_timeout: {TIMEOUT}\n");
    let settings = folder.write("settings.yaml", settings);
    let output = format!("output:\n  file:\n    path: {}\n", fifo(&folder));
    let stream = folder.write("stream.yaml", format!("{ENDLESS}{output}"));
    let program = Program::start(&["streams", "-o", &settings, &stream]);
    until_stuck(&program);
    ends_by_force(program);
}

#[test]
fn a_run_ends_in_time_though_a_peer_does_not_read() {
    let folder = Folder::new("stop-socket");
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = peer.local_addr().expect("bound");
    let output = format!("socket: {{ network: tcp, address: \"{address}\" }}");
    let file = folder.write("config.yaml", config(&output));
    let program = Program::start(&["run", &file]);
    let client = peer.accept().expect("it connects");
    until_stuck(&program);
    ends_by_force(program);
    drop(client);
}

#[test]
fn a_run_ends_in_time_though_nobody_reads_its_output() {
    let folder = Folder::new("stop-stdout");
    let file = folder.write("config.yaml", config("stdout: {}"));
    let mut command = Command::new(binary());
    command.args(["run", &file]).args(io_args()).stdout(Stdio::piped());
    let program = Program::with(&mut command);
    until_stuck(&program);
    ends_by_force(program);
}

#[test]
fn a_server_ends_in_time_though_a_stream_is_stuck() {
    let folder = Folder::new("stop-serve");
    let listen = ["--listen", "benthos=127.0.0.1:0", "--shutdown-timeout", TIMEOUT];
    let program = Program::start(&[&["serve"], &listen[..]].concat());
    let address = program.address("requests: benthos");
    let stream = format!("{ENDLESS}output:\n  file:\n    path: {}\n", fifo(&folder));
    assert_eq!(http(&address, "POST", "/streams/stuck", &stream).status, 200);
    let fine = format!("{ENDLESS}output:\n  drop: {{}}\n");
    assert_eq!(http(&address, "POST", "/streams/fine", &fine).status, 200);
    ends_by_force(program);
}

#[test]
fn a_server_ends_in_time_though_an_evaluation_does_not() {
    let listen = ["--listen", "kdb=127.0.0.1:0", "--shutdown-timeout", TIMEOUT];
    let program = Program::start(&[&["serve"], &listen[..], &["--shards", "2"]].concat());
    let address = program.address("requests: kdb");
    let spec =
        ".qsp.run .qsp.read.fromExpr[\"1\"] .qsp.map[{while[1b;x];x}] .qsp.write.toConsole[]";
    let body = json!({"name": "busy", "type": "spec", "config": {"content": spec}}).to_string();
    let created = http(&address, "POST", "/pipeline/create", &body);
    assert_eq!(created.status, 200, "{}", created.text());
    ends_by_force(program);
}

#[test]
fn requests_that_wait_are_answered_when_their_stream_goes() {
    let folder = Folder::new("stop-waiting");
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    let mut stream = String::from("input:\n  http_server:\n    path: /post\n    timeout: 1h\n");
    let _ = write!(stream, "output:\n  file:\n    path: {}\n", fifo(&folder));
    assert_eq!(http(&address, "POST", "/streams/in", &stream).status, 200);
    let body = "x".repeat(LARGE);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let post = || Connection::open(&address)?.post("/in/post", &body);
        let posts: Vec<_> = (0..LARGE_POSTS).map(|_| scope.spawn(post)).collect();
        let taken = until(|| {
            let stats = http(&address, "GET", "/streams/in/stats", "").json();
            let read = &stats["input_received{label=\"\",path=\"root.input\",stream=\"in\"}"];
            (*read == 2).then_some(())
        });
        assert!(taken.is_some(), "two are on the way");
        // The others have got as far as they can.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(http(&address, "DELETE", "/streams/in?timeout=400ms", "").status, 200);
        let answer = |post: thread::ScopedJoinHandle<'_, std::io::Result<u16>>| {
            post.join().expect("no panic").expect("every request is answered")
        };
        posts.into_iter().map(answer).collect()
    });
    assert_eq!(statuses, [503; LARGE_POSTS]);
}

#[test]
fn a_run_that_has_nothing_to_deliver_does_not_wait_for_a_peer() {
    let folder = Folder::new("stop-no-peer");
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let file = folder.write(
        "config.yaml",
        format!(
            "http:\n  address: 127.0.0.1:0\nshutdown_timeout: 1h\ninput:\n  http_server: {{}}\n\
             output:\n  socket: {{ network: tcp, address: \"{nobody}\" }}\n"
        ),
    );
    let mut program = Program::start(&["run", &file]);
    let tried = until(|| program.log().contains("Failed to connect").then_some(()));
    assert!(tried.is_some(), "{}", program.log());
    program.signal("TERM");
    let status = program.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert!(program.log().contains("closed gracefully"), "{}", program.log());
}
