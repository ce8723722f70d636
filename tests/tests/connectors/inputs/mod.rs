//! The laws of inputs. What is read goes to an HTTP server that takes, refuses or holds it.

mod children;
mod files;
mod network;

use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::program::{Folder, http, until};

use crate::peers::Messages;
use crate::peers::http::{HttpPeer, Mode};
use crate::peers::listener::Listener;
use crate::service::{STREAM, Service};

/// An input and what stands on its other side. The messages are given when it is made.
pub(crate) trait Rig {
    /// The section `input` of the stream.
    fn config(&self) -> Value;

    /// The standard input of the program.
    fn stdin(&self) -> Stdio {
        Stdio::null()
    }

    /// Makes what the stream needs before it is there.
    fn prepare(&mut self, _service: &Service) {}

    /// Hands over the messages before this one, now that the stream is there. Those that are in
    /// files need nothing.
    fn send(&mut self, _service: &Service, _before: usize) {}

    /// Messages of which the sender was told that they are delivered; none where nobody is told.
    fn told(&self) -> Option<usize> {
        None
    }

    /// Whether messages keep their order.
    fn is_ordered(&self) -> bool {
        true
    }

    /// How often the sender was told that a message is refused; none where nobody is told.
    fn refused(&self) -> Option<usize> {
        None
    }

    /// What it connects to; none where it does not.
    fn listener(&mut self) -> Option<&mut Listener> {
        None
    }

    /// Whether it keeps a connection, whose losses are counted; otherwise each request fails by
    /// itself, and the log says so.
    fn keeps_connection(&self) -> bool {
        true
    }
}

/// Makes the rig of a component for these messages.
pub(crate) type Make = fn(&Folder, Messages) -> Box<dyn Rig>;

/// A stream from the component to the server.
struct Run {
    service: Service,
    sink: HttpPeer,
    rig: Box<dyn Rig>,
    messages: Messages,
    _folder: Folder,
}

/// Few messages, and many large ones (60 MB).
const FEW: Messages = Messages { count: 200, pad: 0 };
const LARGE: Messages = Messages { count: 3000, pad: 20_000 };

/// Bytes that a stream may have read while its output takes nothing: its budget of 8 MiB, and
/// what one read of a source and one write of an output hold.
const BUDGET_BYTES: u64 = 24 << 20;

/// The shortest and the longest pause between attempts of any client here to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long attempts are counted at least. Pauses that do not grow show in it.
const LOOK: Duration = Duration::from_millis(1200);

impl Run {
    fn start(make: Make, messages: Messages, mode: Mode) -> Self {
        let folder = Folder::new("connectors-in");
        let mut rig = make(&folder, messages);
        let service = Service::start(&folder, rig.stdin());
        let sink = HttpPeer::start();
        sink.set(mode);
        rig.prepare(&service);
        let output = json!({"http_client": {
            "url": sink.url(), "max_in_flight": 1, "retries": 0, "timeout": "60s",
        }});
        service.create(&rig.config(), &output);
        Run { service, sink, rig, messages, _folder: folder }
    }

    fn send(&mut self, before: usize) {
        self.rig.send(&self.service, before);
    }

    /// Every message arrived once, in order where that is promised.
    fn arrived(&self, ordered: bool) {
        let enough = self.sink.wait_for(self.messages.count);
        let (mut taken, mut sent) = (self.sink.taken(), self.messages.all());
        let all = (taken.len(), self.messages.count);
        assert!(enough.is_some(), "{all:?} arrived:\n{}", self.service.log());
        if !ordered {
            taken.sort();
            sent.sort();
        }
        if taken != sent {
            let at = taken.iter().zip(&sent).position(|(taken, sent)| taken != sent);
            panic!("{all:?} arrived; differs at {at:?}: {:?}", at.map(|at| &taken[at]));
        }
    }
}

/// All messages arrive once and in order, and are counted.
fn delivers(make: Make) {
    let mut run = Run::start(make, FEW, Mode::Take);
    run.send(FEW.count);
    run.arrived(run.rig.is_ordered());
    let count = FEW.count as u64;
    assert_eq!(run.service.reaches("output_sent", count), count);
    assert_eq!(run.service.reaches("input_received", count), count);
    assert!(run.service.counter("input_connection_up") > 0);
    assert_eq!(run.service.counter("output_error"), 0);
}

/// What is refused comes again until it is taken, from the input or from who sent it.
fn replays(make: Make) {
    let mut run = Run::start(make, FEW, Mode::Take);
    run.sink.refuse(3);
    run.send(FEW.count);
    run.arrived(false);
    assert!(run.service.counter("output_error") > 0);
}

/// Nobody is told of a delivery before it: what the output holds and then refuses comes again, and
/// the first answer to who sent it is no other than that it was refused.
fn acknowledges_what_is_delivered(make: Make) {
    let mut run = Run::start(make, FEW, Mode::Hold);
    run.send(FEW.count);
    assert!(until(|| run.sink.holds().then_some(())).is_some(), "{}", run.service.log());
    assert_eq!((run.rig.told().unwrap_or(0), run.service.counter("output_sent")), (0, 0));
    run.sink.set(Mode::Refuse);
    let answered = until(|| match run.rig.refused() {
        Some(refused) => (run.rig.told().unwrap_or(0) + refused > 0).then_some(()),
        None => (run.service.counter("output_error") > 0).then_some(()),
    });
    assert!(answered.is_some(), "{}", run.service.log());
    assert_eq!((run.rig.told().unwrap_or(0), run.service.counter("output_sent")), (0, 0));
    run.sink.set(Mode::Take);
    run.arrived(false);
    if run.rig.told().is_some() {
        let told = until(|| (run.rig.told() == Some(FEW.count)).then_some(()));
        assert!(told.is_some(), "{:?} of {} are told", run.rig.told(), FEW.count);
    }
}

/// An output that takes nothing stops the input within the budget of the stream, and the stream
/// goes when it is told to, although nothing moves.
fn holds_back_and_ends_by_force(make: Make) {
    let mut run = Run::start(make, LARGE, Mode::Hold);
    run.send(LARGE.count);
    let read = run.service.rests("input_received") * LARGE.pad as u64;
    assert!(read <= BUDGET_BYTES, "{read} bytes were read");
    let gone = run.service.delete("300ms");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let target = format!("/streams/{STREAM}");
    assert_eq!(http(&run.service.address, "GET", &target, "").status, 404);
}

/// A stream that is deleted in the middle delivers what it has read: without a gap, and all of
/// which somebody was told.
fn ends_gracefully(make: Make) {
    let mut run = Run::start(make, LARGE, Mode::Take);
    run.sink.slow(Duration::from_millis(1));
    run.send(LARGE.count);
    run.sink.wait_for(50).unwrap_or_else(|| panic!("{}", run.service.log()));
    let gone = run.service.delete("60s");
    assert_eq!(gone.status, 200, "{}", gone.text());
    let taken = run.sink.taken();
    assert!(taken.len() < LARGE.count, "it came to its end before");
    assert!(run.rig.told().unwrap_or(0) <= taken.len());
    if run.rig.is_ordered() {
        assert_eq!(taken, LARGE.range(0..taken.len()));
    }
    let mut once = taken.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), taken.len(), "one arrived twice");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(run.sink.taken().len(), taken.len(), "more arrives after the end");
}

/// How many attempts to connect a client makes in this time that waits between them, first
/// [`FIRST_PAUSE`], then twice as long each time, up to [`LONGEST_PAUSE`]; one more, since clocks
/// are not exact.
fn attempts_max(time: Duration) -> usize {
    let pauses =
        std::iter::successors(Some(FIRST_PAUSE), |pause| Some((*pause * 2).min(LONGEST_PAUSE)));
    let mut left = time;
    let made = pauses.take_while(|pause| {
        let waited = left.checked_sub(*pause);
        left = waited.unwrap_or_default();
        waited.is_some()
    });
    2 + made.count()
}

/// Waits until a client has tried to connect more than once since then, and for [`LOOK`] at least;
/// panics when it has tried more often than one that waits.
fn tries_and_waits(since: Instant, what: &str, run: &Run, attempts: impl Fn(&Run) -> usize) {
    let again = until(|| (attempts(run) > 1).then_some(()));
    assert!(again.is_some(), "{what}: {} attempts\n{}", attempts(run), run.service.log());
    std::thread::sleep(LOOK.saturating_sub(since.elapsed()));
    let count = attempts(run);
    // Who is slow to count has given more time for attempts, never less.
    let most = attempts_max(since.elapsed());
    assert!(count <= most, "{what}: {count} attempts, {most} with pauses\n{}", run.service.log());
}

/// After a loss of the connection it connects again, trying more than once with pauses that grow,
/// whether nobody listens or somebody who closes the connection at once; what is sent then arrives.
fn connects_again(make: Make) {
    let mut run = Run::start(make, FEW, Mode::Take);
    let half = FEW.count / 2;
    run.send(half);
    run.sink.wait_for(half).unwrap_or_else(|| panic!("{}", run.service.log()));
    let keeps = run.rig.keeps_connection();
    let since = Instant::now();
    run.rig.listener().expect("it connects").cut();
    tries_and_waits(since, "nobody listens", &run, |run| match keeps {
        true => run.service.counter("input_connection_failed") as usize,
        false => run.service.log().matches("connection refused").count(),
    });
    let since = Instant::now();
    let closed = run.rig.listener().expect("it connects").shun();
    tries_and_waits(since, "all are closed", &run, |_| closed.load(Ordering::SeqCst));
    run.rig.listener().expect("it connects").mend();
    run.send(FEW.count);
    run.arrived(run.rig.is_ordered());
    if keeps {
        assert!(run.service.counter("input_connection_up") > 1);
        assert!(run.service.counter("input_connection_lost") > 0);
    }
}

/// One module a component, one test a law.
macro_rules! ask {
    ($($name:ident: $make:path $(, $law:ident)*;)+) => {
        /// The components that are asked.
        const ASKED: &[&str] = &[$(stringify!($name)),+];
        $(mod $name {
            use super::Make;
            const MAKE: Make = $make;
            #[test]
            fn delivers() {
                super::delivers(MAKE);
            }
            #[test]
            fn replays() {
                super::replays(MAKE);
            }
            #[test]
            fn acknowledges_what_is_delivered() {
                super::acknowledges_what_is_delivered(MAKE);
            }
            #[test]
            fn holds_back_and_ends_by_force() {
                super::holds_back_and_ends_by_force(MAKE);
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
    batched: super::children::batched;
    broker: super::children::broker;
    csv: super::files::csv;
    dynamic: super::children::dynamic;
    file: super::files::file;
    generate: super::files::generate;
    http_client: super::network::http_client, connects_again;
    http_server: super::network::http_server;
    http_server_websocket: super::network::http_server_websocket;
    inproc: super::children::inproc;
    read_until: super::children::read_until;
    resource: super::children::resource;
    sequence: super::children::sequence;
    socket: super::network::socket, connects_again;
    socket_server: super::network::socket_server;
    stdin: super::files::stdin;
    subprocess: super::files::subprocess;
    websocket: super::network::websocket, connects_again;
}

#[test]
fn every_component_is_asked() {
    crate::complete("inputs", ASKED);
}
