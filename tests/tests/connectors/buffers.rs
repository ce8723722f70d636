//! The laws of the buffer on disk, as far as they are another's than those of inputs and outputs:
//! whoever sent a message hears of it once it is kept, and what is kept is delivered.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use serde_json::json;
use tests::client::Connection;
use tests::program::{Folder, http, until};

use crate::peers::Messages;
use crate::peers::http::{HttpPeer, Mode};
use crate::service::{STREAM, Service};

const FEW: Messages = Messages { count: 200, pad: 0 };
const LARGE: Messages = Messages { count: 600, pad: 100_000 };
/// Bytes that the buffer may keep on disk.
const LIMIT: u64 = 8 << 20;
/// Bytes that a stream may have read and not kept.
const BUDGET_BYTES: u64 = 24 << 20;

/// A stream from a client through the buffer to a server.
struct Run {
    service: Service,
    sink: HttpPeer,
    folder: Folder,
}

impl Run {
    fn start(mode: Mode) -> Self {
        let folder = Folder::new("connectors-buffer");
        let service = Service::start(&folder, Stdio::null());
        let run = Run { service, sink: HttpPeer::start(), folder };
        run.sink.set(mode);
        run.create();
        run
    }

    fn create(&self) {
        let stream = json!({
            "input": {"http_server": {"path": "/post", "timeout": "60s"}},
            "buffer": {"disk": {"path": self.folder.path("log"), "limit": LIMIT}},
            "pipeline": {"threads": 1},
            "output": {"http_client": {
                "url": self.sink.url(), "max_in_flight": 1, "retries": 0, "timeout": "60s",
            }},
        });
        self.service.post(&format!("/streams/{STREAM}"), &stream);
    }

    /// Posts messages, one after the other, until one is not answered 200; how many were.
    fn post(&self, messages: Messages) -> (JoinHandle<usize>, Arc<AtomicUsize>) {
        let mut connection = Connection::open(&self.service.address).expect("it listens");
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let posting = spawn(move || {
            let target = format!("/{STREAM}/post");
            for message in messages.all() {
                match connection.post(&target, &message) {
                    Ok(200) => count.fetch_add(1, Ordering::SeqCst),
                    _ => break,
                };
            }
            count.load(Ordering::SeqCst)
        });
        (posting, told)
    }

    fn arrived(&self, messages: Messages, count: usize) {
        let enough = self.sink.wait_for(count);
        let taken = self.sink.taken();
        assert!(enough.is_some(), "{} of {count}:\n{}", taken.len(), self.service.log());
        assert_eq!(taken, messages.range(0..taken.len()));
    }
}

/// All messages arrive once and in order.
#[test]
fn delivers() {
    let run = Run::start(Mode::Take);
    assert_eq!(run.post(FEW).0.join().expect("no panic"), FEW.count);
    run.arrived(FEW, FEW.count);
    assert_eq!(run.service.reaches("output_sent", FEW.count as u64), FEW.count as u64);
}

/// What is refused comes again from the buffer until it is taken; the client hears nothing of it.
#[test]
fn replays() {
    let run = Run::start(Mode::Take);
    run.sink.refuse(3);
    assert_eq!(run.post(FEW).0.join().expect("no panic"), FEW.count);
    run.sink.wait_for(FEW.count).unwrap_or_else(|| panic!("{}", run.service.log()));
    let (mut taken, mut sent) = (run.sink.taken(), FEW.all());
    taken.sort();
    sent.sort();
    assert_eq!(taken, sent);
    assert!(run.service.counter("output_error") > 0);
}

/// A client hears of a message when it is kept; when the buffer is full it waits. A stream whose
/// output takes nothing goes when it is told to, and the next one delivers what was kept.
#[test]
fn holds_back_and_keeps_what_it_has_across_the_end() {
    let run = Run::start(Mode::Hold);
    let (posting, told) = run.post(LARGE);
    assert!(until(|| (told.load(Ordering::SeqCst) > 20).then_some(())).is_some(), "it keeps some");
    let read = run.service.rests("input_received") * LARGE.pad as u64;
    assert!(read <= LIMIT + BUDGET_BYTES, "{read} bytes were read");
    assert!(told.load(Ordering::SeqCst) as u64 * LARGE.pad as u64 <= LIMIT, "more than the limit");
    assert_eq!(run.sink.taken(), [""; 0]);
    let gone = run.service.delete("300ms");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let target = format!("/streams/{STREAM}");
    assert_eq!(http(&run.service.address, "GET", &target, "").status, 404);
    let told = posting.join().expect("no panic");
    run.sink.set(Mode::Take);
    std::thread::sleep(Duration::from_millis(100));
    let before = run.sink.taken().len();
    run.create();
    let rest = until(|| (run.sink.taken().len() >= before + told).then_some(()));
    // What was on its way when the stream ended may arrive twice.
    let mut taken = run.sink.taken();
    taken.sort();
    taken.dedup();
    let missing = LARGE.range(0..told).iter().filter(|sent| !taken.contains(sent)).count();
    assert_eq!(missing, 0, "{told} were kept, {:?}:\n{}", rest, run.service.log());
}

/// A server that goes away and comes back gets all that was kept meanwhile.
#[test]
fn recovers() {
    let mut run = Run::start(Mode::Take);
    let half = Messages { count: FEW.count / 2, ..FEW };
    assert_eq!(run.post(half).0.join().expect("no panic"), half.count);
    run.arrived(FEW, half.count);
    run.sink.cut();
    // It is kept although nobody takes it.
    assert_eq!(run.post(half).0.join().expect("no panic"), half.count);
    run.sink.mend();
    let all = run.sink.wait_for(2 * half.count);
    assert!(all.is_some(), "{} arrived:\n{}", run.sink.count(), run.service.log());
    let (mut taken, mut sent) = (run.sink.taken()[half.count..].to_vec(), half.all());
    taken.sort();
    sent.sort();
    assert_eq!(taken, sent);
}
