//! A sink that blocks stops its source and nothing else.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::program::{Folder, Program, binary, http, until};
use tests::usage::memory_kib;

/// Bytes of the one file, and how often it is read: two gigabytes.
const FILE_BYTES: usize = 64 << 20;
const TIMES: usize = 32;
/// Memory that the blocked stream and its neighbour may take, in KiB: what each may have on the
/// way (8 MiB), the same again as it leaves the operators, a buffer that is put together to be
/// written (4 MiB), and the blocks that a shard keeps for reuse (16 MiB).
const ROOM_KIB: u64 = (2 * (8 + 8 + 4) + 16) << 10;

/// The file that is read.
struct Input {
    folder: Folder,
    lines: usize,
}

impl Input {
    fn new() -> Self {
        let folder = Folder::new("blocked-input");
        let mut text = String::with_capacity(FILE_BYTES + 200);
        let mut lines = 0;
        let rest = "some text that makes the line as long as lines are ".repeat(2);
        while text.len() < FILE_BYTES {
            text.push_str(&format!("{{\"id\":{lines},\"a\":\"b\",\"rest\":\"{rest}\"}}\n"));
            lines += 1;
        }
        folder.write("input", text);
        Input { folder, lines }
    }

    /// A stream that reads the file so many times.
    fn stream(&self, times: usize, mapping: &str, output: &Value) -> String {
        let input = json!({"file": {"paths": vec![self.folder.path("input"); times]}});
        let pipeline = json!({"processors": [{"mapping": mapping}]});
        json!({"input": input, "pipeline": pipeline, "output": output}).to_string()
    }
}

/// One shard, so that the neighbour runs on the same; nobody reads the standard output.
fn start() -> (Program, String) {
    let mut command = Command::new(binary());
    command.args(["serve", "--shards", "1", "--listen", "benthos=127.0.0.1:0"]);
    if let Ok(io) = std::env::var("MAINSTEM_TEST_IO") {
        command.args(["--io", &io]);
    }
    let program = Program::with(command.stdout(Stdio::piped()));
    let address = program.address("requests: benthos");
    (program, address)
}

fn received(address: &str) -> u64 {
    let stats = http(address, "GET", "/streams/blocked/stats", "").json();
    let name = "input_received{label=\"\",path=\"root.input\",stream=\"blocked\"}";
    stats[name].as_u64().unwrap_or_default()
}

/// Waits until the source has read something and reads no more.
fn stopped_at(address: &str) -> u64 {
    let stopped = until(|| {
        let before = received(address);
        std::thread::sleep(Duration::from_millis(200));
        (before > 0 && received(address) == before).then_some(before)
    });
    stopped.expect("the source stops reading")
}

/// A stream that goes from the input to a file, and the time it took.
fn neighbour(input: &Input, address: &str, id: &str) -> Duration {
    let folder = Folder::new("neighbour");
    let output = json!({"file": {"path": folder.path("output")}});
    let start = Instant::now();
    let target = format!("/streams/{id}");
    let body = input.stream(1, "root.n = this.id", &output);
    assert_eq!(http(address, "POST", &target, &body).status, 200);
    let ended = until(|| {
        let active = http(address, "GET", &target, "").json()["active"].clone();
        (active == false).then_some(())
    });
    assert!(ended.is_some(), "{id} comes to its end");
    let took = start.elapsed();
    let written = folder.read("output");
    let numbers = written.lines().enumerate();
    let right = numbers.filter(|(n, line)| *line == format!("{{\"n\":{n}}}")).count();
    assert_eq!((right, written.lines().count()), (input.lines, input.lines));
    assert_eq!(http(address, "DELETE", &target, "").status, 200);
    took
}

#[allow(clippy::print_stdout)] // figures for whoever asks for them
fn blocks_nothing_else(program: &Program, address: &str, output: &Value) {
    let input = Input::new();
    let alone = neighbour(&input, address, "alone");
    let before = memory_kib(program.id(), "VmHWM");
    let body = input.stream(TIMES, "root = this\nroot.a = this.a.uppercase()", output);
    assert_eq!(http(address, "POST", "/streams/blocked", &body).status, 200);
    let read = stopped_at(address);

    let beside = neighbour(&input, address, "beside");
    assert_eq!(received(address), read, "the blocked source has read on");
    assert!(read < input.lines as u64, "far less than the whole was read");
    let growth = memory_kib(program.id(), "VmHWM") - before;
    assert!(growth <= ROOM_KIB, "{growth} KiB more than without the blocked stream");

    let start = Instant::now();
    let gone = http(address, "DELETE", "/streams/blocked?timeout=1s", "");
    println!(
        "{read} messages read, {growth} KiB, neighbour {alone:?} alone, {beside:?} beside, \
         deleted after {:?}",
        start.elapsed()
    );
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(http(address, "GET", "/streams/blocked", "").status, 404);
    neighbour(&input, address, "after");
}

#[test]
fn a_fifo_without_reader() {
    let folder = Folder::new("blocked");
    let fifo = folder.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success()));
    let (program, address) = start();
    blocks_nothing_else(&program, &address, &json!({"file": {"path": fifo}}));
}

#[test]
fn a_peer_that_stops_reading() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let peer = listener.local_addr().expect("an address").to_string();
    let accepted = std::thread::spawn(move || listener.accept().map(|(stream, _)| stream));
    let (program, address) = start();
    let output = json!({"socket": {"network": "tcp", "address": peer}});
    blocks_nothing_else(&program, &address, &output);
    let peer = accepted.join().expect("joined");
    assert!(peer.is_ok(), "the peer was connected all the time");
}

#[test]
fn a_full_standard_output() {
    let (program, address) = start();
    blocks_nothing_else(&program, &address, &json!({"stdout": {}}));
}
