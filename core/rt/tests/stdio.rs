//! Standard input and output as pipes, files and sockets: this program starts itself as a child.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rt::testing::{TempDir, modes};
use rt::{IoMode, ReactorConfig, file, run_reactor};

const MODE: &str = "RT_TEST_MODE";
const PART: &str = "RT_TEST_PART";
/// How the child says that all went well; the harness never ends with it.
const DONE: i32 = 7;

/// What the child does; nothing when the suite runs it as a test of its own.
#[test]
fn child() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let mode: IoMode = mode.parse().expect("a mode");
    let part = std::env::var(PART).expect("a part");
    run_reactor(ReactorConfig::new(mode, "child"), || async move {
        match part.as_str() {
            "echo" => echo().await,
            _ => stuck().await,
        }
    })
    .expect("the reactor runs");
    std::process::exit(DONE);
}

async fn echo() {
    let (input, output) = (file::stdin().expect("open"), file::stdout().expect("open"));
    loop {
        let (count, bytes) = input.read(Vec::with_capacity(10_000)).await;
        if count.expect("read") == 0 {
            break;
        }
        output.write_all(bytes).await.0.expect("written");
    }
}

async fn stuck() {
    let output = file::stdout().expect("open");
    let write = output.write_all(vec![b'x'; 8 << 20]);
    assert!(rt::timeout(Duration::from_millis(30), write).await.is_err(), "nobody reads");
}

fn start(mode: IoMode, part: &str, input: Stdio, output: Stdio) -> Child {
    let program = std::env::current_exe().expect("known");
    let mut command = Command::new(program);
    command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
    command.env(MODE, mode.to_string()).env(PART, part);
    command.stdin(input).stdout(output).stderr(Stdio::inherit()).spawn().expect("started")
}

fn wait(mut child: Child) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().expect("asked") {
            assert_eq!(status.code(), Some(DONE));
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("stopped");
    panic!("the child hangs");
}

/// What the child wrote behind what its harness said first.
fn echoed(output: &[u8]) -> &[u8] {
    let head = b"running 1 test\n";
    let at = output.windows(head.len()).position(|part| part == head).expect("a head");
    &output[at + head.len()..]
}

#[test]
fn pipes_are_echoed() {
    for mode in modes() {
        let mut child = start(mode, "echo", Stdio::piped(), Stdio::piped());
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let text = vec![b'y'; 1 << 20];
        let sent = text.clone();
        let writer = std::thread::spawn(move || input.write_all(&sent));
        let mut got = Vec::new();
        output.read_to_end(&mut got).expect("read");
        writer.join().unwrap().expect("written");
        assert!(echoed(&got).ends_with(&text), "{mode}");
        wait(child);
    }
}

#[test]
fn an_empty_input_ends_at_once() {
    for mode in modes() {
        for input in [Stdio::null(), closed_pipe()] {
            let mut child = start(mode, "echo", input, Stdio::piped());
            let mut got = Vec::new();
            child.stdout.take().unwrap().read_to_end(&mut got).expect("read");
            wait(child);
        }
    }
}

fn closed_pipe() -> Stdio {
    let (read, write) = std::io::pipe().expect("a pipe");
    drop(write);
    read.into()
}

#[test]
fn a_full_pipe_is_left_and_its_flags_are_not_touched() {
    for mode in modes() {
        let (read, write) = std::io::pipe().expect("a pipe");
        let ours = write.try_clone().expect("cloned");
        wait(start(mode, "stuck", Stdio::null(), write.into()));
        // SAFETY: no pointer is passed.
        let flags = unsafe { libc::fcntl(ours.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0, "the pipe is shared with others");
        drop(read);
    }
}

#[test]
fn files_keep_their_place() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        std::fs::write(dir.join("in"), "skipped and read").expect("written");
        let mut input = File::open(dir.join("in")).expect("opened");
        input.seek(std::io::SeekFrom::Start(12)).expect("moved");
        let mut output = File::create(dir.join("out")).expect("made");
        output.write_all(b"before ").expect("written");
        let theirs = output.try_clone().expect("cloned");
        wait(start(mode, "echo", input.into(), theirs.into()));
        output.write_all(b" after").expect("written");
        let got = std::fs::read_to_string(dir.join("out")).expect("read");
        assert!(got.starts_with("before ") && got.ends_with("read after"), "{got:?}");
    }
}

#[test]
fn sockets_are_echoed() {
    for mode in modes() {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let output: std::os::fd::OwnedFd = theirs.try_clone().expect("cloned").into();
        let input: std::os::fd::OwnedFd = theirs.into();
        let child = start(mode, "echo", input.into(), output.into());
        ours.write_all(b"over a socket").expect("sent");
        ours.shutdown(std::net::Shutdown::Write).expect("shut");
        let mut got = Vec::new();
        ours.read_to_end(&mut got).expect("read");
        assert!(echoed(&got).ends_with(b"over a socket"));
        wait(child);
    }
}
