//! Many streams that wait cost little memory and no processor time, and leave nothing behind.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tests::program::{Folder, Program, binary, until};
use tests::usage::{Connection, cpu_ticks, memory_kib};

const STREAMS: u64 = 1000;
/// Most memory of one stream.
const STREAM_KIB_MAX: u64 = 64;
/// How long the process is watched, and the most clock ticks (of 10 ms) it may spend meanwhile.
const WATCHED: Duration = Duration::from_secs(2);
const TICKS_MAX: u64 = 5;

fn stream(input: Value) -> String {
    let mapping = "root = this\nroot.x = this.a.uppercase()";
    let pipeline = json!({"processors": [{"mapping": mapping}]});
    json!({"input": input, "pipeline": pipeline, "output": {"drop": {}}}).to_string()
}

/// Starts the program as a shell with the usual limit of open files would.
fn start() -> Program {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\""]).arg(binary());
    command.args(["serve", "--listen", "benthos=127.0.0.1:0"]);
    if let Ok(io) = std::env::var("MAINSTEM_TEST_IO") {
        command.args(["--io", &io]);
    }
    Program::with(&mut command)
}

/// Waits until the process has nothing to do any more.
fn settle(pid: u32) {
    let settled = until(|| {
        let before = cpu_ticks(pid);
        sleep(Duration::from_millis(100));
        (cpu_ticks(pid) == before).then_some(())
    });
    assert!(settled.is_some(), "the process never rests");
}

/// Makes many streams, looks at what they cost, and removes them.
#[allow(clippy::print_stdout)] // figures for whoever asks for them
fn many(input: impl Fn(u64) -> Value) {
    let program = start();
    let pid = program.id();
    let address = program.address("requests: benthos");
    let mut connection = Connection::new(&address);
    // What is only allocated once is there after the first.
    let first = connection.send("POST", "/streams/first", &stream(input(STREAMS)));
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(connection.send("DELETE", "/streams/first", "").status, 200);
    settle(pid);
    let before = memory_kib(pid, "VmRSS");
    for id in 0..STREAMS {
        let made = connection.send("POST", &format!("/streams/s{id}"), &stream(input(id)));
        assert_eq!(made.status, 200, "{}", made.text());
    }
    settle(pid);
    let stream_kib = memory_kib(pid, "VmRSS").saturating_sub(before) / STREAMS;
    println!("{stream_kib} KiB a stream");
    assert!(stream_kib < STREAM_KIB_MAX, "{stream_kib} KiB a stream");
    let ticks = cpu_ticks(pid);
    sleep(WATCHED);
    let ticks = cpu_ticks(pid) - ticks;
    assert!(ticks <= TICKS_MAX, "{ticks} ticks while nothing happens");

    let listed = connection.send("GET", "/streams", "").json();
    let active = listed.as_object().expect("an object").values().filter(|s| s["active"] == true);
    assert_eq!(active.count() as u64, STREAMS, "all of them run");
    assert!(!program.log().contains("level=error"), "{}", program.log());
    for id in 0..STREAMS {
        let gone = connection.send("DELETE", &format!("/streams/s{id}"), "");
        assert_eq!(gone.status, 200, "{}", gone.text());
    }
    assert_eq!(connection.send("GET", "/streams", "").json(), json!({}));
}

#[test]
fn streams_that_wait_for_their_next_tick() {
    // The first tick is at once: what is allocated with the first message counts.
    many(|_| json!({"generate": {"mapping": "root = {\"a\":\"b\"}", "interval": "1h"}}));
}

#[test]
fn streams_that_wait_for_a_writer() {
    let folder = Folder::new("idle");
    let paths: Vec<_> = (0..=STREAMS).map(|id| folder.path(&format!("fifo{id}"))).collect();
    assert!(Command::new("mkfifo").args(&paths).status().is_ok_and(|s| s.success()));
    many(|id| json!({"file": {"paths": [paths[id as usize]]}}));
}

#[test]
fn streams_that_wait_for_requests() {
    many(|_| json!({"http_server": {"path": "/post"}}));
}

#[test]
fn streams_that_wait_for_connections() {
    many(|_| json!({"socket_server": {"network": "tcp", "address": "127.0.0.1:0"}}));
}

#[test]
fn streams_that_come_and_go_leave_nothing_behind() {
    /// Streams until everything is allocated that is kept, and streams after that.
    const WARM: u64 = 1000;
    const MORE: u64 = 4000;
    /// Far less than a kilobyte for each stream that is gone, and more than what an allocator
    /// gains and loses.
    const GROWTH_KIB_MAX: u64 = 3 << 10;
    let program = start();
    let address = program.address("requests: benthos");
    let mut connection = Connection::new(&address);
    let body = stream(json!({"http_server": {"path": "/post"}}));
    let mut churn = |count: u64| {
        for id in 0..count {
            let target = format!("/streams/s{}", id % 10);
            assert_eq!(connection.send("POST", &target, &body).status, 200);
            assert_eq!(connection.send("DELETE", &target, "").status, 200);
        }
        memory_kib(program.id(), "VmRSS")
    };
    let before = churn(WARM);
    let growth = churn(MORE).saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB more after {MORE} streams");
}
