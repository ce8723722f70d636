//! The laws of outputs. What they get is posted over HTTP, so that the answer tells what became
//! of it.

mod answers;
mod around;
mod local;
mod network;

use std::io::Error;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use serde_json::{Value, json};
use tests::client::Connection;
use tests::program::{Folder, http, until};

use crate::peers::Messages;
use crate::service::{STREAM, Service};

/// An output and what stands on its other side.
pub(crate) trait Target {
    /// The section `output` of the stream.
    fn config(&self) -> Value;

    /// Makes what the stream needs before it is there.
    fn prepare(&mut self, _service: &Service) {}

    /// Begins to take what arrives, now that the stream is there.
    fn begin(&mut self, _service: &Service) {}

    /// What has arrived.
    fn arrived(&self) -> Vec<String>;

    /// Whether it arrives in order.
    fn is_ordered(&self) -> bool {
        true
    }

    /// Takes nothing, or goes on.
    fn block(&mut self, _blocked: bool) {}

    /// Whether it has a message at hand that it does not take, where that can be seen.
    fn holds(&self) -> Option<bool> {
        None
    }

    /// Goes away, as a peer that dies.
    fn cut(&mut self) {}

    /// Comes back.
    fn mend(&mut self) {}

    /// Messages that the kernel took for a peer that was gone already.
    fn lost_by_the_kernel(&self) -> usize {
        0
    }
}

/// Makes the target of a component.
pub(crate) type Make = fn(&Folder) -> Box<dyn Target>;

const FEW: Messages = Messages { count: 200, pad: 0 };
const LARGE: Messages = Messages { count: 60, pad: 1_000_000 };
/// Clients that post at the same time.
const CLIENTS: usize = 4;
/// Bytes that a stream may have read while its output takes nothing.
const BUDGET_BYTES: u64 = 24 << 20;

/// The input of every stream here.
fn input() -> Value {
    json!({"http_server": {"path": "/post", "timeout": "60s"}})
}

/// A stream from the client to the component.
pub(crate) struct Run {
    pub(crate) service: Service,
    target: Box<dyn Target>,
    _folder: Folder,
}

/// What the log says when an output is handed a message.
const HANDED: &str = "a message is handed over";

impl Run {
    fn start(make: Make, blocked: bool) -> Self {
        let folder = Folder::new("connectors-out");
        let mut target = make(&folder);
        target.block(blocked);
        let service = Service::start(&folder, Stdio::null());
        target.prepare(&service);
        let mut output = target.config();
        if blocked && target.holds().is_none() {
            output["processors"] = json!([{"log": {"message": HANDED}}]);
        }
        service.create(&input(), &output);
        target.begin(&service);
        Run { service, target, _folder: folder }
    }

    /// A client of its own connection.
    fn client(&self) -> Client {
        Client(Connection::open(&self.service.address).expect("it listens"))
    }

    /// Waits until so many have arrived.
    fn wait_for(&self, count: usize) -> Vec<String> {
        until(|| (self.target.arrived().len() >= count).then_some(()));
        self.target.arrived()
    }

    /// Whatever was answered 200 is there.
    fn holds(&self, told: &[String]) {
        let there = until(|| {
            let arrived = self.target.arrived();
            let missing = told.iter().filter(|message| !arrived.contains(message)).count();
            (missing <= self.target.lost_by_the_kernel()).then_some(())
        });
        let arrived = self.target.arrived();
        let missing: Vec<_> = told.iter().filter(|message| !arrived.contains(message)).collect();
        assert!(there.is_some(), "lost: {missing:?}\n{}", self.service.log());
    }
}

/// Posts messages.
pub(crate) struct Client(Connection);

impl Client {
    pub(crate) fn post(&mut self, message: &str) -> Result<u16, Error> {
        self.0.post(&format!("/{STREAM}/post"), message)
    }

    /// Posts until it is answered 200; false once the stream is gone.
    fn insist(&mut self, message: &str) -> bool {
        loop {
            match self.post(message) {
                Ok(200) => return true,
                Ok(502) => std::thread::sleep(Duration::from_millis(20)),
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

/// Clients that post their share of the messages until the stream is gone; each returns what was
/// answered 200.
fn clients(run: &Run, messages: Messages, count: usize) -> Vec<JoinHandle<Vec<String>>> {
    let start = |client| {
        let mut connection = run.client();
        spawn(move || {
            let own = messages.all().into_iter().skip(client).step_by(count);
            own.take_while(|message| connection.insist(message)).collect()
        })
    };
    (0..count).map(start).collect()
}

/// All that is posted is answered 200 and arrives once, in order, and is counted.
fn delivers(make: Make) {
    let run = Run::start(make, false);
    let mut client = run.client();
    for message in FEW.all() {
        let status = client.post(&message).expect("an answer");
        assert_eq!(status, 200, "{message}: {}", run.service.log());
    }
    let (mut arrived, mut sent) = (run.wait_for(FEW.count), FEW.all());
    if !run.target.is_ordered() {
        arrived.sort();
        sent.sort();
    }
    assert_eq!(arrived, sent, "{}", run.service.log());
    let count = run.service.counter("output_sent");
    assert!(count >= FEW.count as u64, "{count} are counted as sent");
    assert!(run.service.counter("output_connection_up") > 0);
    assert_eq!(run.service.counter("output_error"), 0);
}

/// Posts a message to a target that does not take it, and waits until the target has it at hand or
/// its output was given it.
fn held(make: Make) -> (Run, JoinHandle<Result<u16, Error>>) {
    let run = Run::start(make, true);
    let mut client = run.client();
    let post = spawn(move || client.post("message"));
    let handed = || run.target.holds().unwrap_or_else(|| run.service.log().contains(HANDED));
    assert!(until(|| handed().then_some(())).is_some(), "{}", run.service.log());
    assert_eq!(run.target.arrived(), Vec::<String>::new());
    (run, post)
}

/// Nobody is answered before the other side took the message: when the stream goes before that,
/// the one answer there is does not say that it was taken.
fn answers_when_delivered(make: Make) {
    let (mut run, post) = held(make);
    assert!(!post.is_finished(), "it is answered though nobody took it");
    run.target.block(false);
    assert_eq!(post.join().expect("no panic").expect("an answer"), 200);
    assert_eq!(run.wait_for(1), ["message"]);
    let (run, post) = held(make);
    let gone = run.service.delete("300ms");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let status = post.join().expect("no panic").expect("an answer");
    assert_ne!(status, 200, "it is answered though nobody took it");
}

/// A target that takes nothing stops the input within the budget of the stream, and the stream
/// goes when it is told to; what was answered 200 has left it, the rest is answered otherwise.
fn holds_back_and_ends_by_force(make: Make) {
    let mut run = Run::start(make, true);
    // More than the stream may read, and less than the bodies that the service takes at once.
    let posts = clients(&run, LARGE, LARGE.count / 2);
    let read = run.service.rests("input_received") * LARGE.pad as u64;
    assert!(read <= BUDGET_BYTES, "{read} bytes were read");
    let gone = run.service.delete("300ms");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let target = format!("/streams/{STREAM}");
    assert_eq!(http(&run.service.address, "GET", &target, "").status, 404);
    run.target.block(false);
    let told: usize = posts.into_iter().map(|post| post.join().expect("answered").len()).sum();
    assert!(told < LARGE.count, "all were answered 200 though nobody took them");
}

/// A peer that goes away and comes back: meanwhile nothing is answered 200 that it does not get.
fn recovers(make: Make) {
    let mut run = Run::start(make, false);
    let mut told = Vec::new();
    let mut client = run.client();
    let half = FEW.count / 2;
    for message in FEW.range(0..half) {
        assert!(client.insist(&message), "{}", run.service.log());
        told.push(message);
    }
    assert_eq!(run.wait_for(half).len(), half);
    run.target.cut();
    let count = Arc::new(AtomicUsize::new(0));
    let (rest, counted) = (FEW.range(half..FEW.count), Arc::clone(&count));
    let post = spawn(move || {
        let insist = |message: &String| {
            counted.fetch_add(1, Ordering::SeqCst);
            client.insist(message)
        };
        rest.into_iter().take_while(insist).collect::<Vec<_>>()
    });
    let tried = until(|| (count.load(Ordering::SeqCst) > 0).then_some(()));
    assert!(tried.is_some());
    std::thread::sleep(Duration::from_millis(300));
    run.target.mend();
    told.extend(post.join().expect("no panic"));
    assert_eq!(told.len(), FEW.count, "{}", run.service.log());
    run.holds(&told);
}

/// A stream that is deleted while clients post: what was answered 200 is there, once.
fn ends_gracefully(make: Make) {
    let run = Run::start(make, false);
    let endless = Messages { count: 1_000_000, pad: 0 };
    let posts = clients(&run, endless, CLIENTS);
    assert!(run.wait_for(50).len() >= 50, "{}", run.service.log());
    let gone = run.service.delete("60s");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let join = |post: JoinHandle<Vec<String>>| post.join().expect("no panic");
    let told: Vec<String> = posts.into_iter().flat_map(join).collect();
    run.holds(&told);
    let mut arrived = run.target.arrived();
    let count = arrived.len();
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), count, "one arrived twice");
    assert!(count <= told.len() + CLIENTS, "{count} arrived, {} were answered", told.len());
}

/// One module a component, one test a law; those that depend on what the other side can do are
/// named.
macro_rules! ask {
    ($($name:ident = $component:literal: $make:path $(, $law:ident)*;)+) => {
        /// The components that are asked.
        const ASKED: &[&str] = &[$($component),+];
        $(mod $name {
            use super::Make;
            const MAKE: Make = $make;
            #[test]
            fn delivers() {
                super::delivers(MAKE);
            }
            #[test]
            fn ends_gracefully() {
                super::ends_gracefully(MAKE);
            }
            $(#[test]
            fn $law() {
                super::$law(MAKE);
            })*
        })+
    };
}

ask! {
    broker_fan_out = "broker": super::around::fan_out,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    broker_fan_out_fail_fast = "broker": super::around::fan_out_fail_fast,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    broker_fan_out_sequential = "broker": super::around::fan_out_sequential,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    broker_fan_out_sequential_fail_fast = "broker": super::around::fan_out_sequential_fail_fast,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    broker_greedy = "broker": super::around::greedy,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    broker_round_robin = "broker": super::around::round_robin,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    cache = "cache": super::local::cache, recovers;
    drop_on = "drop_on": super::around::drop_on,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    dynamic = "dynamic": super::around::dynamic,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    fallback = "fallback": super::around::fallback,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    file = "file": super::local::file;
    file_into_a_fifo = "file": super::local::fifo, answers_when_delivered,
        holds_back_and_ends_by_force;
    http_client = "http_client": super::network::http_client,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    http_server = "http_server": super::network::http_server,
        answers_when_delivered, holds_back_and_ends_by_force;
    http_server_stream = "http_server": super::network::http_server_stream,
        answers_when_delivered, holds_back_and_ends_by_force;
    http_server_websocket = "http_server": super::network::http_server_websocket,
        answers_when_delivered, holds_back_and_ends_by_force;
    inproc = "inproc": super::network::inproc,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    reject_errored = "reject_errored": super::around::reject_errored,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    resource = "resource": super::around::resource,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    retry = "retry": super::around::retry,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    socket = "socket": super::network::socket, holds_back_and_ends_by_force, recovers;
    stdout = "stdout": super::local::stdout;
    subprocess = "subprocess": super::local::subprocess, recovers;
    switch = "switch": super::around::switch,
        answers_when_delivered, holds_back_and_ends_by_force, recovers;
    websocket = "websocket": super::network::websocket, holds_back_and_ends_by_force, recovers;
}

#[test]
fn every_component_is_asked() {
    crate::complete("outputs", &[ASKED, answers::ASKED].concat());
}
