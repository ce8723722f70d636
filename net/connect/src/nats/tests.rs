//! Edges and boards over a server that the tests start themselves.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration as Time, Instant};

use bytes::Bytes;
use plan::board::{Board, Change, Event};
use plan::serde_json::json;
use plan::{Fault, Json, Outcome, Sink, Source, SourceError};
use rt::testing::TempDir;

use super::board::{Place, join};
use super::{edge, input, output, reader};
use crate::testing::{Fake, TestEnv, batch, both_modes};

/// A server on a port of its own, killed when this is dropped.
struct Server {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Server {
    /// Nothing where there is no such program here.
    fn start() -> Option<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let dir = TempDir::new().expect("a folder");
        let child = run(port, &dir)?;
        Some(Server { child, port, dir })
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn again(&mut self) {
        self.child = run(self.port, &self.dir).expect("it starts again");
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn sink(&self, name: &str) -> Box<dyn Sink> {
        (output::SPEC.build)(&self.config(name), &TestEnv::new()).expect("a sink")
    }

    fn source(&self, name: &str) -> Box<dyn Source> {
        (input::SPEC.build)(&self.config(name), &TestEnv::new()).expect("a source")
    }

    fn config(&self, name: &str) -> Json {
        json!({"edge": name, "url": self.url()})
    }

    fn board(&self) -> Board {
        let bucket = "nes".to_owned();
        join(Place { url: self.url(), bucket, server: None }).expect("a board")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(port: u16, dir: &TempDir) -> Option<Child> {
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(dir.path());
    let child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(_) => {
            eprintln!("skipped: nats-server is not on this machine");
            return None;
        }
    };
    let up = (0..500).any(|n| {
        std::thread::sleep(Time::from_millis(if n == 0 { 0 } else { 10 }));
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(up, "the server answers");
    Some(child)
}

/// A name that no other test and no other mode has.
fn name() -> String {
    format!("test_{}", rt::rng::next_u64())
}

async fn written(sink: &dyn Sink, text: &str) {
    sink.write(&batch(&[text])).await.expect("it is stored");
}

async fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + Time::from_secs(20);
    while !what() {
        assert!(Instant::now() < end, "it happens");
        rt::sleep(Time::from_millis(5)).await;
    }
}

fn running(source: Box<dyn Source>, fake: &Rc<Fake>) -> rt::JoinHandle<Result<(), SourceError>> {
    let (mut source, fake) = (source, Rc::clone(fake));
    rt::spawn(async move { source.run(fake).await })
}

#[test]
fn batches_arrive_in_order_and_once_and_so_does_the_end() {
    both_modes(|| async {
        let Some(server) = Server::start() else { return };
        let name = name();
        let sink = server.sink(&name);
        sink.open().await.expect("it opens");
        let large = "x".repeat(2 * edge::PIECE_BYTES_MAX + 7);
        let fake = Fake::new();
        let reading = running(server.source(&name), &fake);
        let texts: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let writes = texts.iter().map(|text| written(&*sink, text));
        futures_util::future::join_all(writes).await;
        written(&*sink, &large).await;
        sink.close().await.expect("it closes");
        let Board { changes, events: _events } = server.board();
        changes.send(Change::End(name)).expect("the board");
        assert_eq!(reading.await.expect("no panic"), Ok(()));
        let expected: Vec<&str> = texts.iter().map(String::as_str).chain([&*large]).collect();
        assert!(fake.texts() == expected, "{} texts", fake.texts().len());
    });
}

#[test]
fn what_was_not_acknowledged_comes_again_in_order() {
    both_modes(|| async {
        let Some(server) = Server::start() else { return };
        let name = name();
        let sink = server.sink(&name);
        sink.open().await.expect("it opens");
        for text in ["a", "b", "c", "d", "e"] {
            written(&*sink, text).await;
        }
        let refuse = |seen: &crate::testing::Seen| match seen.texts[0].as_str() {
            "a" | "c" => Outcome::default(),
            _ => {
                Outcome { failures: vec![(None, Arc::new(Fault::new("no")))], ..Outcome::default() }
            }
        };
        for expected in [&["a", "b", "c", "d", "e"][..], &["b", "d", "e"], &["b", "d", "e"]] {
            let fake = Fake::judging(refuse);
            let reading = running(server.source(&name), &fake);
            until(|| fake.texts().len() >= expected.len()).await;
            // Acknowledgements are under way.
            rt::sleep(Time::from_millis(100)).await;
            fake.stop();
            assert_eq!(reading.await.expect("no panic"), Err(SourceError::Stopped));
            assert_eq!(fake.texts(), expected);
        }
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_the_server_goes_away() {
    both_modes(|| async {
        let Some(mut server) = Server::start() else { return };
        let name = name();
        let sink: Rc<dyn Sink> = server.sink(&name).into();
        sink.open().await.expect("it opens");
        let fake = Fake::new();
        let reading = running(server.source(&name), &fake);
        let writing = rt::spawn({
            let sink = Rc::clone(&sink);
            async move {
                let texts: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
                for texts in texts.chunks(40) {
                    let writes = texts.iter().map(|text| written(&*sink, text));
                    futures_util::future::join_all(writes).await;
                    rt::sleep(Time::from_millis(5)).await;
                }
            }
        });
        for n in 1..4 {
            until(|| fake.texts().len() > n * 300).await;
            server.kill();
            rt::sleep(Time::from_millis(50)).await;
            server.again();
        }
        writing.await.expect("all is written");
        until(|| fake.texts().len() >= 2000).await;
        fake.stop();
        let _ = reading.await;
        let expected: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
        assert_eq!(fake.texts(), expected);
    });
}

#[test]
fn an_edge_is_bounded_and_whoever_writes_more_waits() {
    both_modes(|| async {
        let Some(server) = Server::start() else { return };
        let name = name();
        let mut config = server.config(&name);
        config["max_bytes"] = json!(100_000);
        let sink = (output::SPEC.build)(&config, &TestEnv::new()).expect("a sink");
        sink.open().await.expect("it opens");
        let sink: Rc<dyn Sink> = sink.into();
        let count = Rc::new(Cell::new(0));
        let writing = rt::spawn({
            let (sink, count) = (Rc::clone(&sink), Rc::clone(&count));
            async move {
                for _ in 0..20 {
                    written(&*sink, &"x".repeat(10_000)).await;
                    count.set(count.get() + 1);
                }
            }
        });
        until(|| count.get() >= 5).await;
        rt::sleep(Time::from_millis(300)).await;
        assert!(count.get() < 10, "{} batches of 10 kB are in 100 kB", count.get());
        let fake = Fake::new();
        let reading = running(server.source(&name), &fake);
        writing.await.expect("there is room again");
        until(|| fake.texts().len() == 20).await;
        fake.stop();
        let _ = reading.await;
    });
}

#[test]
fn what_is_handed_out_and_not_delivered_is_bounded() {
    both_modes(|| async {
        let Some(server) = Server::start() else { return };
        let name = name();
        let sink = server.sink(&name);
        sink.open().await.expect("it opens");
        let count = reader::UNACKED_MAX + 50;
        let texts: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        let writes = texts.iter().map(|text| written(&*sink, text));
        futures_util::future::join_all(writes).await;
        let no =
            || Outcome { failures: vec![(None, Arc::new(Fault::new("no")))], ..Outcome::default() };
        let fake = Fake::judging(move |_| no());
        let reading = running(server.source(&name), &fake);
        until(|| fake.texts().len() >= reader::UNACKED_MAX).await;
        rt::sleep(Time::from_millis(200)).await;
        assert_eq!(fake.texts().len(), reader::UNACKED_MAX);
        fake.stop();
        let _ = reading.await;
    });
}

#[test]
fn without_a_server_a_sink_says_why_it_cannot_begin() {
    both_modes(|| async {
        let config = json!({"edge": name(), "url": "nats://127.0.0.1:1"});
        let sink = (output::SPEC.build)(&config, &TestEnv::new()).expect("a sink");
        let fault = sink.open().await.expect_err("nobody is there");
        assert!(!fault.text.is_empty());
        let source = (input::SPEC.build)(&config, &TestEnv::new()).expect("a source");
        let fake = Fake::new();
        let reading = running(source, &fake);
        until(|| fake.errors().len() >= 2).await;
        fake.stop();
        assert_eq!(reading.await.expect("no panic"), Err(SourceError::Stopped));
    });
}

#[test]
fn names_and_limits_are_checked() {
    for (config, field) in [
        (json!({"edge": ""}), "'edge'"),
        (json!({"edge": "a.b"}), "'edge'"),
        (json!({"edge": "x".repeat(256)}), "'edge'"),
        (json!({"edge": "a", "max_bytes": 0}), "'max_bytes'"),
    ] {
        let error = (output::SPEC.build)(&config, &TestEnv::new()).err().expect("refused");
        assert!(error.text.contains(field), "{config}: {}", error.text);
        assert!((input::SPEC.build)(&config, &TestEnv::new()).is_err());
    }
}

/// What is on a board, as events tell it.
struct Seen {
    events: flume::Receiver<Event>,
    values: HashMap<String, Bytes>,
    up: bool,
}

impl Seen {
    fn until(&mut self, what: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + Time::from_secs(20);
        while !what(self) {
            match self.events.recv_deadline(end).expect("it happens") {
                Event::Up => self.up = true,
                Event::Down(_) => self.up = false,
                Event::Value(key, Some(value)) => drop(self.values.insert(key, value)),
                Event::Value(key, None) => drop(self.values.remove(&key)),
            }
        }
    }
}

#[test]
fn all_see_what_is_on_the_board_also_after_the_server_was_away() {
    let Some(mut server) = Server::start() else { return };
    let (values, up) = (HashMap::new(), false);
    let Board { changes: ours, events } = server.board();
    let mut seen = Seen { events, values, up };
    let set = |key: &str, value: Option<&'static str>| {
        ours.send(Change::Set(key.to_owned(), value.map(Bytes::from))).expect("the board");
    };
    set("a.1", Some("x"));
    set("a.2", Some("y"));
    seen.until(|seen| seen.up && seen.values.len() == 2);
    let Board { changes: _theirs, events } = server.board();
    let mut others = Seen { events, values: HashMap::new(), up };
    others.until(|seen| seen.values.get("a.2").is_some_and(|value| value == "y"));

    server.kill();
    seen.until(|seen| !seen.up);
    set("a.1", None);
    set("a.3", Some("old"));
    set("a.3", Some("new"));
    server.again();
    let news = |seen: &Seen| {
        seen.up
            && !seen.values.contains_key("a.1")
            && seen.values.get("a.3").is_some_and(|v| v == "new")
    };
    seen.until(news);
    others.until(news);
    // A server that has forgotten everything: what was there is gone.
    server.kill();
    seen.until(|seen| !seen.up);
    let kept = std::mem::replace(&mut server.dir, TempDir::new().expect("a folder"));
    server.again();
    seen.until(|seen| seen.up && seen.values.is_empty());
    drop(kept);
}

#[test]
fn a_board_is_not_joined_at_another_server() {
    let Some(server) = Server::start() else { return };
    let place =
        Place { url: server.url(), bucket: "nes".to_owned(), server: Some("mine".to_owned()) };
    let Board { changes: _changes, events } = join(place).expect("a board");
    let Ok(Event::Down(text)) = events.recv() else { panic!("it is not ours") };
    assert!(text.contains("another server than mine"), "{text}");
}
